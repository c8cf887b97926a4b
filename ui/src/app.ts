// The view that the screens draw, and the calls that change it.

import { computed, signal } from "@preact/signals";
import { type Bridge, type ContactWay, type Edition, type Linking, type Problem, type Screen, type View, problemOf } from "./ipc/bridge";

/** What an employee can start and has to wait for. */
export type Action =
  | "signIn"
  | "signOut"
  | "unlock"
  | "signInAgain"
  | "sendCode"
  | "verifyCode"
  | "startOver"
  | "snooze"
  | "openAccountSettings"
  | "tryLogin"
  | "openTryLoginAgain"
  | "cancelTryLogin"
  | "openEmailApp"
  | "copyDiagnostics"
  | "setLanguage"
  | "refresh"
  | "navigate";

/** Why the last action failed. */
export interface Failure {
  readonly action: Action;
  readonly problem: Problem;
  /** The server's time of the failure: waits count down from here. */
  readonly at: number;
  readonly retry: () => void;
}

let bridge: Bridge;

export const view = signal<View | null>(null);
/** The server's time in the last view, and performance.now() of its arrival. */
let serverClock = { server: 0, at: 0 };

export const pending = signal<ReadonlySet<Action>>(new Set());
export const failure = signal<Failure | null>(null);

export const edition = computed<Edition>(() => view.value?.edition ?? "desktop");
export const screen = computed<Screen | null>(() => (view.value?.phase.name === "signedIn" ? view.value.screen : null));
export const linking = computed<Linking | null>(() =>
  view.value?.phase.name === "signedIn" ? view.value.phase.linking : null,
);

/** Ignores a view older than the current one. */
export function applyView(next: View): void {
  const now = view.peek();
  if (now && next.revision < now.revision) return;
  serverClock = { server: Date.parse(next.serverTime), at: performance.now() };
  // A response and an event bring the same view: draw it once.
  if (next.revision === now?.revision) return;
  // A problem belongs to the screen where it happened.
  if (now && (now.phase.name !== next.phase.name || now.screen !== next.screen)) failure.value = null;
  view.value = next;
}

/** The server's clock in ms. The device's own clock may be wrong. */
export const serverNow = (): number => (view.value ? serverClock.server + performance.now() - serverClock.at : 0);

/**
 * Runs an action and returns whether it succeeded. Ignored while the same action is pending, except that one can go back from a
 * screen whose event came before its call's answer.
 */
export async function run(action: Action, call: (bridge: Bridge) => Promise<View>): Promise<boolean> {
  if (pending.peek().has(action) && action !== "navigate") return false;
  pending.value = new Set(pending.peek()).add(action);
  failure.value = null;
  try {
    applyView(await call(bridge));
    return true;
  } catch (thrown) {
    const problem = problemOf(thrown);
    // The session ended meanwhile: the sign-in screen's notice says so.
    if (problem.code !== "signedOut" || action === "signIn") setFailure(action, problem, () => void run(action, call));
    return false;
  } finally {
    const left = new Set(pending.peek());
    left.delete(action);
    pending.value = left;
  }
}

export function setFailure(action: Action, problem: Problem, retry = () => {}): void {
  failure.value = { action, problem, at: serverNow(), retry };
}

export const clearFailure = (): void => {
  failure.value = null;
};

export const navigate = (to: Screen): void => void run("navigate", (b) => b.navigate(to));

/** Returns whether the draft was saved. Shows no problem: the text is still in the field. */
export async function saveEmailDraft(email: string): Promise<boolean> {
  try {
    applyView(await bridge.saveEmailDraft(email));
    return true;
  } catch {
    return false;
  }
}

/** Returns why it failed. Not an action: the message beside which the contact stands is to stay. */
export const openContact = (way: ContactWay): Promise<Problem | null> =>
  bridge.openContact(way).then((now) => {
    applyView(now);
    return null;
  }, problemOf);

const REFRESH_INTERVAL_MS = 5000;
let lastRefresh = -Infinity;
/**
 * performance.now() stops while the device sleeps, the core's clock does not: the view sets the countdowns at once, the refresh
 * may take its time. The view's `syncProblem` says if that failed.
 */
function onForeground(): void {
  if (document.visibilityState !== "visible") return;
  bridge.view().then(applyView, () => {});
  // Date: after a sleep the interval is over. A clock set back only refreshes once more.
  if (Math.abs(Date.now() - lastRefresh) < REFRESH_INTERVAL_MS) return;
  lastRefresh = Date.now();
  bridge.refresh().then(applyView, () => {});
}

/** Gets the first view and subscribes to changes. Waits only for the view; changes before the subscription are fetched after it. */
export async function connect(to: Bridge): Promise<void> {
  bridge = to;
  const first = bridge.view();
  // If subscribing fails, changes are seen at the next response or refresh.
  void bridge.onChanged(applyView).then(() => bridge.view()).then(applyView, () => {});
  applyView(await first);
  lastRefresh = Date.now();
  document.addEventListener("visibilitychange", onForeground);
  addEventListener("focus", onForeground);
}
