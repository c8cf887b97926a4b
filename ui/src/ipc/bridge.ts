// The one door to Rust. Nothing outside src/ipc imports @tauri-apps, so the gallery and the tests can stand in for it.

import { listen } from "@tauri-apps/api/event";
import { copyDiagnostics, draft, go, openAccountSettings, pasteCode, refresh, sendCode, setLanguage, signIn, signOut, snooze, startOver, verifyCode, view } from "./generated/commands";
import type * as commands from "./generated/commands";
import type { Problem, View } from "./generated/types";

export type * from "./generated/types";

/** The commands, and hearing of changes that nobody here asked for. */
export type Bridge = typeof commands & {
  onChanged(heard: (view: View) => void): Promise<unknown>;
};

/** Named one by one, for a bundler makes a costly object of a spread module; tsc finds a missing one. */
export const tauri: Bridge = {
  copyDiagnostics,
  draft,
  go,
  openAccountSettings,
  pasteCode,
  refresh,
  sendCode,
  setLanguage,
  signIn,
  signOut,
  snooze,
  startOver,
  verifyCode,
  view,
  onChanged: (heard) => listen<View>("changed", (event) => heard(event.payload)),
};

/** What a rejected command carries. Anything else than a Problem (a panic, a missing permission) is `unexpected`. */
export const problemOf = (thrown: unknown): Problem =>
  typeof thrown === "object" && thrown !== null && typeof (thrown as { code?: unknown }).code === "string"
    ? (thrown as Problem)
    : { code: "unexpected" };
