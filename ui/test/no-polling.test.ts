// What a start asks Rust for, and that nothing is asked again: the page never polls.

import { expect, test, vi } from "vitest";
import { connect } from "../src/app";
import { STATES } from "../gallery/fixtures";
import type { Bridge } from "../src/ipc/bridge";

test("a start asks for one view, and an hour in front asks for nothing more", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { visibilityState: "visible", addEventListener: () => {} });
  vi.stubGlobal("addEventListener", () => {});
  const asked: (string | symbol)[] = [];
  const bridge = new Proxy({} as Bridge, {
    get: (_, command) => async () => {
      asked.push(command);
      return STATES.home?.view("desktop");
    },
  });
  await connect(bridge);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked).toEqual(["view", "onChanged", "view"]);
  expect(vi.getTimerCount(), "timers that are left").toBe(0);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
