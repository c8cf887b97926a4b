import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { STATES } from "../gallery/fixtures";
import { applyView, serverNow } from "../src/app";
import { crossedMark, formatCountdown, secondsLeft, secondsSince, secondsUntil } from "../src/clock";

test("a countdown is written mm:ss", () => {
  expect(formatCountdown(1745)).toBe("29:05");
  expect(formatCountdown(0)).toBe("00:00");
  expect(formatCountdown(3599)).toBe("59:59");
  expect(formatCountdown(3600)).toBe("1:00:00");
  expect(formatCountdown(82_805)).toBe("23:00:05");
});

describe("the time left is announced", () => {
  test("at 10, 5 and 1 minutes left and at the end", () => {
    const marks: number[] = [];
    for (let left = 1800; left > 0; left -= 1) {
      const mark = crossedMark(left, left - 1);
      if (mark !== undefined) marks.push(mark);
    }
    expect(marks).toEqual([600, 300, 60, 0]);
  });

  test("once after a sleep over several marks", () => expect(crossedMark(700, 30)).toBe(60));
});

const viewOf = (state: string) => {
  const view = STATES[state]?.view("mobile");
  if (view?.phase.name !== "signedIn" || !view.phase.linking?.challenge) throw new Error("the fixture has changed");
  return { view, challenge: view.phase.linking.challenge };
};

describe("running times", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("time runs by the server's clock and not by the device's", () => {
    const { view, challenge } = viewOf("code-sent");
    vi.setSystemTime("1999-12-31T23:59:59Z");
    applyView(view);
    expect(secondsUntil(challenge.expiresAt)).toBe(1795);
    vi.advanceTimersByTime(95_000);
    expect(secondsUntil(challenge.expiresAt)).toBe(1700);
    expect(secondsSince(challenge.sentAt)).toBe(100);
    vi.setSystemTime("2040-01-01T00:00:00Z");
    expect(secondsUntil(challenge.expiresAt)).toBe(1700);
    expect(secondsSince(challenge.sentAt)).toBe(100);
  });

  test("a wait ticks every second while it is read, down to 0", () => {
    applyView({ ...viewOf("code-sent").view, revision: 99 });
    vi.advanceTimersByTime(5000);
    const from = serverNow();
    const seen: number[] = [];
    const stop = effect(() => void seen.push(secondsLeft(from, 3)));
    vi.advanceTimersByTime(4000);
    expect(seen).toEqual([3, 2, 1, 0, 0]);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([secondsUntil, secondsSince])("%o ticks every second while it is read", (read) => {
    const { view, challenge } = viewOf("code-sent");
    applyView({ ...view, revision: 100 });
    const seen: number[] = [];
    const stop = effect(() => void seen.push(read(challenge.resendAt)));
    vi.advanceTimersByTime(2000);
    expect(seen).toHaveLength(3);
    stop();
  });
});
