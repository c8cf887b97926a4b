// The interface to Rust. Only src/ipc imports @tauri-apps, so the gallery and the tests can replace it.

import { invoke, transformCallback } from "@tauri-apps/api/core";
import { cancelTryLogin, copyDiagnostics, navigate, openAccountSettings, openContact, openEmailApp, openTryLoginAgain, pasteCode, refresh, saveEmailDraft, sendCode, setLanguage, signIn, signInAgain, signOut, snooze, startOver, tryLogin, unlock, verifyCode, view } from "./generated/commands";
import type * as commands from "./generated/commands";
import type { Problem, View } from "./generated/types";

export type * from "./generated/types";

/** The commands, and the event for changes that no command of this page caused. */
export type Bridge = typeof commands & {
  onChanged(handler: (view: View) => void): Promise<unknown>;
  /** Android's back comes here, and no longer to the system, until the returned function is called. */
  onBack(handler: () => void): Promise<() => Promise<unknown>>;
};

/** Named, because a spread module costs 120 bytes more; tsc finds a missing command. */
export const tauri: Bridge = {
  cancelTryLogin,
  copyDiagnostics,
  navigate,
  openAccountSettings,
  openContact,
  openEmailApp,
  openTryLoginAgain,
  pasteCode,
  refresh,
  saveEmailDraft,
  sendCode,
  setLanguage,
  signIn,
  signInAgain,
  signOut,
  snooze,
  startOver,
  tryLogin,
  unlock,
  verifyCode,
  view,
  // As `addPluginListener`, which adds 700 bytes.
  onBack: async (handler) => {
    const event = "back-button";
    const channelId = transformCallback<object>((sent) => "message" in sent && handler());
    await invoke("plugin:app|register_listener", { event, handler: `__CHANNEL__:${channelId}` });
    return () => invoke("plugin:app|remove_listener", { event, channelId });
  },
  // As `listen` of @tauri-apps/api/event, which adds 350 bytes of event names to every start.
  onChanged: (handler) =>
    invoke("plugin:event|listen", {
      event: "changed",
      target: { kind: "Any" },
      handler: transformCallback<{ payload: View }>((event) => handler(event.payload)),
    }),
};

/** What a rejected command carries. Anything but a Problem (a panic, a missing permission) is `unexpected`. */
export const problemOf = (thrown: unknown): Problem =>
  typeof thrown === "object" && thrown !== null && typeof (thrown as { code?: unknown }).code === "string"
    ? (thrown as Problem)
    : { code: "unexpected", retryable: true };
