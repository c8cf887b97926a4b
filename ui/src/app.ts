// The one value that the screens draw, and the only way to change it: ask Rust.

import { computed, signal } from "@preact/signals";
import { type Bridge, type Edition, type Linking, type Place, type Problem, type View, problemOf } from "./ipc/bridge";

/** What an employee can set going and has to wait for. */
export type Action =
  | "signIn"
  | "signOut"
  | "sendCode"
  | "verifyCode"
  | "startOver"
  | "snooze"
  | "openAccountSettings"
  | "copyDiagnostics"
  | "setLanguage"
  | "refresh"
  | "go";

/** Why the last action did not work, and how to do it again. */
export interface Failure {
  readonly action: Action;
  readonly problem: Problem;
  /** performance.now() when it came: waits count down from here. */
  readonly at: number;
  readonly again: () => void;
}

let bridge: Bridge;

export const view = signal<View | null>(null);
/** The server's time as it was last heard, and performance.now() of that moment. */
let heard = { server: 0, at: 0 };

export const working = signal<ReadonlySet<Action>>(new Set());
export const failure = signal<Failure | null>(null);

export const edition = computed<Edition>(() => view.value?.edition ?? "desktop");
export const place = computed<Place | null>(() =>
  view.value?.phase.name === "signedIn" ? view.value.place : null,
);
export const linking = computed<Linking | null>(() =>
  view.value?.phase.name === "signedIn" ? view.value.phase.linking : null,
);

/** Takes a view unless a newer one is here already. */
export function receive(next: View): void {
  const now = view.peek();
  if (now && next.revision < now.revision) return;
  heard = { server: Date.parse(next.serverTime), at: performance.now() };
  // An answer and an event bring the same view: it is drawn once.
  if (next.revision === now?.revision) return;
  // A problem belongs to the screen it happened on.
  if (now && (now.phase.name !== next.phase.name || now.place !== next.place)) failure.value = null;
  view.value = next;
}

/** The server's clock now. The device's own clock is not asked: it may be wrong. */
export const serverNow = (): number => (view.value ? heard.server + performance.now() - heard.at : 0);

/** Does something that the employee asked for. A second press while it runs does nothing. */
export async function act(action: Action, call: (bridge: Bridge) => Promise<View>): Promise<boolean> {
  if (working.peek().has(action)) return false;
  working.value = new Set(working.peek()).add(action);
  failure.value = null;
  try {
    receive(await call(bridge));
    return true;
  } catch (thrown) {
    const problem = problemOf(thrown);
    // Signed out meanwhile: the sign-in screen's own notice says why.
    if (problem.code !== "signedOut" || action === "signIn") {
      failure.value = { action, problem, at: performance.now(), again: () => void act(action, call) };
    }
    return false;
  } finally {
    const left = new Set(working.peek());
    left.delete(action);
    working.value = left;
  }
}

/** A problem that is seen here, without asking Rust. */
export function fail(action: Action, problem: Problem): void {
  failure.value = { action, problem, at: performance.now(), again: () => {} };
}

/** The person does something about it: the complaint goes. */
export const forgive = (): void => {
  failure.value = null;
};

export const goTo = (to: Place): void => void act("go", (b) => b.go(to));

/** Keeps what is being typed. Not kept is not worth a sentence: it still stands in the field. */
export async function keepDraft(email: string): Promise<boolean> {
  try {
    receive(await bridge.draft(email));
    return true;
  } catch {
    return false;
  }
}

let lastRefresh = -Infinity;
/** Coming to the front: the view's own `trouble` tells if it did not work. */
function cameToFront(): void {
  if (document.visibilityState !== "visible" || performance.now() - lastRefresh < 5000) return;
  lastRefresh = performance.now();
  bridge.refresh().then(receive, () => {});
}

/** Asks for the first view, and listens. Nothing waits for the listening: whatever changed before it began is asked for then. */
export async function connect(to: Bridge): Promise<void> {
  bridge = to;
  const first = bridge.view();
  // Without the event the app still works; it only hears later.
  void bridge.onChanged(receive).then(() => bridge.view()).then(receive, () => {});
  receive(await first);
  lastRefresh = performance.now();
  document.addEventListener("visibilitychange", cameToFront);
  addEventListener("focus", cameToFront);
}
