import { describe, expect, test, vi } from "vitest";
import { STATES } from "../gallery/fixtures";
import { applyView } from "../src/app";
import { crossedMark, formatCountdown, secondsUntil } from "../src/clock";

test("a countdown is written mm:ss", () => {
  expect(formatCountdown(1745)).toBe("29:05");
  expect(formatCountdown(0)).toBe("00:00");
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

test("time runs by the server's clock and not by the device's", () => {
  vi.useFakeTimers({ toFake: ["performance", "Date"] });
  const view = STATES["code-sent"]?.view("mobile");
  if (!view || view.phase.name !== "signedIn") throw new Error("the fixture has changed");
  vi.setSystemTime("1999-12-31T23:59:59Z");
  applyView(view);
  const expiresAt = view.phase.linking?.challenge?.expiresAt ?? "";
  expect(secondsUntil(expiresAt)).toBe(1795);
  vi.advanceTimersByTime(95_000);
  expect(secondsUntil(expiresAt)).toBe(1700);
  vi.setSystemTime("2040-01-01T00:00:00Z");
  expect(secondsUntil(expiresAt)).toBe(1700);
  vi.useRealTimers();
});
