// Draws one state on a mock bridge: ?state=…&edition=…&language=…

import type { Bridge, Edition, Language, View } from "../src/ipc/bridge";
import { STATES, onScreen } from "./fixtures";

const params = new URLSearchParams(location.search);
const edition = (params.get("edition") ?? "desktop") as Edition;
const state = STATES[params.get("state") ?? "home"];
if (!state) throw new Error("no such state");

let view: View = { ...state.view(edition), language: (params.get("language") ?? "en") as Language };
const update = (over: Partial<View>): Promise<View> => {
  view = { ...view, ...over, revision: view.revision + 1 };
  return Promise.resolve(view);
};
const respond = (press: string): Promise<View> =>
  state.refuse?.press === press ? Promise.reject(state.refuse.problem) : update({});

const mockBridge: Bridge = {
  view: () => Promise.resolve(view),
  refresh: () => Promise.resolve(view),
  signIn: () => respond("sign-in"),
  signOut: () => respond("sign-out"),
  unlock: () => update({}),
  signInAgain: () => update({}),
  navigate: (screen) => update(onScreen(screen)),
  saveEmailDraft: (email) => {
    if (view.phase.name !== "signedIn" || !view.phase.linking) return update({});
    return update({ phase: { ...view.phase, linking: { ...view.phase.linking, email } } });
  },
  sendCode: () => respond("send-code"),
  verifyCode: () => respond("verify-code"),
  pasteCode: () => respond("paste-code"),
  startOver: () => update({}),
  snooze: () => respond("banner-hide"),
  openAccountSettings: () => respond("manage-account"),
  openEmailApp: () => respond("open-email-app"),
  openContact: (way) => respond(`contact-${way}`),
  copyDiagnostics: () => respond("copy-diagnostics"),
  setLanguage: (language) => update({ language }),
  onBack: () => Promise.resolve(() => Promise.resolve()),
  onChanged: () => Promise.resolve(),
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
if (state.refuse) {
  for (const [testid, text] of Object.entries(state.refuse.type ?? {})) {
    const input = find(testid) as HTMLInputElement;
    input.value = text;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
  // A complete code is submitted without a press.
  if (state.refuse.press !== "verify-code") find(state.refuse.press)?.click();
  // A failed paste is shown in the hint.
  await waitFor(() => find("problem") ?? state.refuse?.press === "paste-code");
}
// The screen scrolls when it is drawn; wait, then scroll back.
await new Promise((done) => setTimeout(done, 50));
scrollTo(0, 0);
document.documentElement.dataset.drawn = "";
