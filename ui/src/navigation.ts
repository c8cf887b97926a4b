// How the screens are nested, and the system's back gesture on phones.

import { effect } from "@preact/signals";
import { navigate, screen, view } from "./app";
import { awaitedCode } from "./clock";
import type { Bridge, Screen } from "./ipc/bridge";

export const PARENT: Record<Screen, Screen | null> = {
  home: null,
  settings: "home",
  profile: "home",
  vismaConnect: "settings",
  accountSettings: "profile",
};

const depthOf = (at: Screen): number => {
  const up = PARENT[at];
  return up ? 1 + depthOf(up) : 0;
};

/** Opens the flow, or focuses its next field if it is open. */
export function openFlow(): void {
  if (!view.value) return;
  if (view.value.isFlow) document.getElementById(awaitedCode.value ? "code" : "email")?.focus();
  else navigate(view.value.flowScreen);
}

/** Keeps as many history entries as the screen is deep, so that the system's back goes one screen up. */
export function syncHistory(): void {
  let depth = 0;
  history.replaceState({ depth }, "");
  effect(() => {
    const to = view.value?.edition === "mobile" && screen.value ? depthOf(screen.value) : 0;
    if (to < depth) history.go(to - depth);
    for (; depth < to; depth += 1) history.pushState({ depth: depth + 1 }, "");
    depth = to;
  });
  addEventListener("popstate", (event) => {
    const back = (event.state as { depth?: number } | null)?.depth ?? 0;
    const at = screen.peek();
    if (!at || back >= depth) return;
    depth = back;
    const up = PARENT[at];
    if (up) navigate(up);
  });
}

const parentScreen = (): Screen | null => screen.value && PARENT[screen.value];

/**
 * Android's web view does not go back to entries of a page that nobody has tapped, as after a cold start on the code field: back
 * would leave the app. On a screen without a parent the system keeps it, and leaves.
 */
export function handleSystemBack(bridge: Bridge): void {
  let listening: Promise<(() => Promise<unknown>) | null> = Promise.resolve(null);
  effect(() => {
    const wanted = Boolean(parentScreen());
    // One after another: a listener is removed only after it was added.
    listening = listening.then(async (stop) => {
      if (wanted === Boolean(stop)) return stop;
      if (!stop) return bridge.onBack(() => {
        const to = parentScreen();
        if (to) navigate(to);
      });
      await stop();
      return null;
    }).catch(() => null);
  });
}
