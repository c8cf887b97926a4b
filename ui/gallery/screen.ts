// Draws one state on a mock bridge: ?state=…&edition=…&language=…; with &banner the banner, with &still no countdown, with &untouched
// nothing typed and pressed

import type { Bridge, Edition, Language, View } from "../src/ipc/bridge";
import { STATES, type State, onScreen } from "./fixtures";

const params = new URLSearchParams(location.search);
const edition = (params.get("edition") ?? "desktop") as Edition;
const language = (params.get("language") ?? "en") as Language;

const stateOf = (name: string | null): State => {
  const found = STATES[name ?? "home"];
  if (!found) throw new Error(`no state ${name}`);
  return found;
};
const state = stateOf(params.get("state"));

/** The view of a state, in the chosen language, and with the banner if the address says so. */
const viewOf = (one: State): View => {
  const drawn = { ...one.view(edition), language };
  if (params.has("banner") && drawn.phase.name === "signedIn" && drawn.phase.linking && drawn.phase.linking.status !== "linked") {
    drawn.phase = { ...drawn.phase, linking: { ...drawn.phase.linking, bannerVisible: true } };
  }
  return drawn;
};

let view: View = viewOf(state);
const update = (over: Partial<View>): Promise<View> => {
  view = { ...view, ...over, revision: view.revision + 1 };
  return Promise.resolve(view);
};
let changed = (_view: View) => {};
/** The commands that are not answered yet. */
let waiting: { resolve: (view: View) => void; reject: (problem: unknown) => void }[] = [];

const respond = (button: string): Promise<View> => {
  if (state.press?.button !== button) return update({});
  const { problem, after } = state.press;
  if (!problem) return new Promise((resolve, reject) => void waiting.push({ resolve, reject }));
  if (after) void update(viewOf({ view: after })).then(changed);
  return Promise.reject(problem);
};

export interface GalleryBridge extends Bridge {
  /** A change that no command of the page caused, to another state's view. */
  push(to: string): Promise<void>;
  /** Answers the waiting commands as another state's command was, else with its view. */
  answer(to: string): Promise<void>;
}

const mockBridge: GalleryBridge = {
  view: () => Promise.resolve(view),
  refresh: () => Promise.resolve(view),
  signIn: () => respond("sign-in"),
  signOut: () => respond("sign-out"),
  unlock: () => respond("unlock"),
  signInAgain: () => update({}),
  navigate: (screen) => update(onScreen(screen)),
  saveEmailDraft: (email) => {
    if (view.phase.name !== "signedIn" || !view.phase.linking) return update({});
    return update({ phase: { ...view.phase, linking: { ...view.phase.linking, email } } });
  },
  sendCode: () => respond("send-code"),
  verifyCode: () => respond("verify-code"),
  pasteCode: () => respond("paste-code"),
  startOver: () => respond("start-over"),
  snooze: () => respond("banner-hide"),
  openAccountSettings: () => respond("manage-account"),
  tryLogin: () => respond("try-login"),
  openTryLoginAgain: () => respond("open-again"),
  cancelTryLogin: () => respond("cancel-try-login"),
  openEmailApp: () => respond("open-email-app"),
  openContact: (way) => respond(`contact-${way}`),
  copyDiagnostics: () => respond("copy-diagnostics"),
  setLanguage: (chosen) => update({ language: chosen }),
  onBack: () => Promise.resolve(() => Promise.resolve()),
  onChanged: (handler) => {
    changed = handler;
    return Promise.resolve();
  },
  push: async (to) => {
    await update(viewOf(stateOf(to)));
    changed(view);
  },
  answer: async (to) => {
    const { press, view: without } = stateOf(to);
    const answered = waiting;
    waiting = [];
    const next = press?.problem ? press.after : without;
    if (next) await update(viewOf({ view: next }));
    if (press?.problem && next) changed(view);
    for (const one of answered) {
      if (press?.problem) one.reject(press.problem);
      else one.resolve(view);
    }
  },
};
// For screenshots: stop the countdown.
if (params.has("still")) {
  const now = performance.now();
  performance.now = () => now;
}
window.mockBridge = mockBridge;
await import("../src/main");

const find = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const waitFor = async (what: () => unknown) => {
  for (let i = 0; i < 200 && !what(); i += 1) {
    // eslint-disable-next-line no-await-in-loop -- polls
    await new Promise((done) => setTimeout(done, 10));
  }
};
await waitFor(() => "ready" in document.documentElement.dataset);
if (!params.has("untouched")) {
  for (const [testid, text] of Object.entries(state.type ?? {})) {
    const input = find(testid) as HTMLInputElement;
    input.value = text;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  // A complete code is submitted without a press.
  if (state.press && state.press.button !== "verify-code") find(state.press.button)?.click();
  // A failed paste is shown in the hint.
  if (state.press?.problem) await waitFor(() => find("problem") ?? state.press?.button === "paste-code");
  else if (state.press) await waitFor(() => document.querySelector("[data-busy]"));
  if (state.opened) document.querySelector<HTMLElement>("details:not([open]) > summary")?.click();
}
// The screen scrolls when it is drawn; wait, then scroll back.
await new Promise((done) => setTimeout(done, 50));
scrollTo(0, 0);
document.documentElement.dataset.drawn = "";
