import { expect, test, vi } from "vitest";
import { STATES } from "../gallery/fixtures";
import { connect } from "../src/app";
import type { Bridge } from "../src/ipc/bridge";

test("after the start, an hour in the foreground makes no call", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { visibilityState: "visible", addEventListener: () => {} });
  vi.stubGlobal("addEventListener", () => {});
  const calls: (string | symbol)[] = [];
  const bridge = new Proxy({} as Bridge, {
    get: (_, command) => async () => {
      calls.push(command);
      return STATES.home?.view("desktop");
    },
  });
  await connect(bridge);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(calls).toEqual(["view", "onChanged", "view"]);
  expect(vi.getTimerCount(), "timers left").toBe(0);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
