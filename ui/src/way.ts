// Where the screens lie, and the system's back gesture on phones.

import { effect } from "@preact/signals";
import { edition, goTo, linking, place, view } from "./app";
import type { Place } from "./ipc/bridge";

/** One step up. Home has none. */
export const PARENT: Record<Place, Place | null> = {
  home: null,
  settings: "home",
  profile: "home",
  vismaConnect: "settings",
  accountSettings: "profile",
};

const depthOf = (at: Place): number => {
  const up = PARENT[at];
  return up ? 1 + depthOf(up) : 0;
};

/** Where the banner and the card lead. */
export const flowPlace = (): Place => (edition.value === "mobile" ? "vismaConnect" : "accountSettings");

export const isFlow = (at: Place | null): boolean => at === "vismaConnect" || at === "accountSettings";

/** Opens the flow, or the field that is next in it if it is open already. */
export function openFlow(): void {
  if (isFlow(place.value)) document.getElementById(linking.value?.status === "codeSent" ? "code" : "email")?.focus();
  else goTo(flowPlace());
}

/** Keeps as many history entries as the screen is deep, so that the system's back goes one screen up. */
export function followSystemBack(): void {
  let depth = 0;
  history.replaceState({ depth }, "");
  effect(() => {
    const to = view.value?.edition === "mobile" && place.value ? depthOf(place.value) : 0;
    if (to < depth) history.go(to - depth);
    for (; depth < to; depth += 1) history.pushState({ depth: depth + 1 }, "");
    depth = to;
  });
  addEventListener("popstate", (event) => {
    const back = (event.state as { depth?: number } | null)?.depth ?? 0;
    const at = place.peek();
    if (!at || back >= depth) return;
    depth = back;
    const up = PARENT[at];
    if (up) goTo(up);
  });
}
