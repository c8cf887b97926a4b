// One screen state in one frame: ?state=…&edition=…&language=…

import type { Bridge, Edition, Language, View } from "../src/ipc/bridge";
import { STATES } from "./fixtures";

const asked = new URLSearchParams(location.search);
const edition = (asked.get("edition") ?? "desktop") as Edition;
const state = STATES[asked.get("state") ?? "home"];
if (!state) throw new Error("no such state");

let view: View = { ...state.view(edition), language: (asked.get("language") ?? "en") as Language };
const changed = (over: Partial<View>): Promise<View> => {
  view = { ...view, ...over, revision: view.revision + 1 };
  return Promise.resolve(view);
};
const refused = (press: string): Promise<View> =>
  state.refuse?.press === press ? Promise.reject(state.refuse.problem) : changed({});

const mockBridge: Bridge = {
  view: () => Promise.resolve(view),
  refresh: () => Promise.resolve(view),
  signIn: () => refused("sign-in"),
  signOut: () => refused("sign-out"),
  go: (place) => changed({ place }),
  draft: (email) => {
    if (view.phase.name !== "signedIn" || !view.phase.linking) return changed({});
    return changed({ phase: { ...view.phase, linking: { ...view.phase.linking, email } } });
  },
  sendCode: () => refused("send-code"),
  verifyCode: () => refused("verify-code"),
  pasteCode: () => refused("paste-code"),
  startOver: () => changed({}),
  snooze: () => refused("banner-hide"),
  openAccountSettings: () => refused("manage-account"),
  copyDiagnostics: () => refused("copy-diagnostics"),
  setLanguage: (language) => changed({ language }),
  onChanged: () => Promise.resolve(),
};
// For pictures: the countdown stands.
if (asked.has("still")) {
  const now = performance.now();
  performance.now = () => now;
}
window.mockBridge = mockBridge;
await import("../src/main");

const find = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const waitFor = async (what: () => unknown) => {
  for (let i = 0; i < 200 && !what(); i += 1) {
    // eslint-disable-next-line no-await-in-loop -- it waits on purpose
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
  // A whole code verifies by itself.
  if (state.refuse.press !== "verify-code") find(state.refuse.press)?.click();
  // No copied code is told in the hint.
  await waitFor(() => find("problem") ?? state.refuse?.press === "paste-code");
}
// After what the screen itself scrolls on arrival.
await new Promise((done) => setTimeout(done, 50));
scrollTo(0, 0);
document.documentElement.dataset.drawn = "";
