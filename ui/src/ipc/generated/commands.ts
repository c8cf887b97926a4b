// Written from Rust by flex-connect-core's test `bridge`. Do not edit.

import { invoke } from "@tauri-apps/api/core";
import type * as types from "./types";

/** The view as it is now, without asking the server. */
export const view = (): Promise<types.View> => invoke("view");

/** Asks the server where things stand: after coming to the front, and as Retry. */
export const refresh = (): Promise<types.View> => invoke("refresh");

/** Signs in. The password is not kept. */
export const signIn = (server: string, username: string, password: string): Promise<types.View> => invoke("sign_in", { server, username, password });

/** Signs out and wipes everything of the employee's from this device. */
export const signOut = (): Promise<types.View> => invoke("sign_out");

/** Goes to a screen. */
export const navigate = (screen: types.Screen): Promise<types.View> => invoke("navigate", { screen });

/** Keeps the half-typed address. An empty one is kept too. */
export const saveEmailDraft = (email: string): Promise<types.View> => invoke("save_email_draft", { email });

/** Sends a code to the address, or links at once where no code is needed. */
export const sendCode = (email: string): Promise<types.View> => invoke("send_code", { email });

/** Verifies the code as it was typed or pasted. */
export const verifyCode = (code: string): Promise<types.View> => invoke("verify_code", { code });

/** Verifies the code that stands on the clipboard. The page does not see what else stands there. */
export const pasteCode = (): Promise<types.View> => invoke("paste_code");

/** Ends the challenge: another address, or a fresh start. */
export const startOver = (): Promise<types.View> => invoke("start_over");

/** Hides the banner for 24 hours. */
export const snooze = (): Promise<types.View> => invoke("snooze");

/** Opens the Visma Connect account settings in the system browser. */
export const openAccountSettings = (): Promise<types.View> => invoke("open_account_settings");

/** Puts versions, the platform and the codes of the last problems on the clipboard, for support. */
export const copyDiagnostics = (): Promise<types.View> => invoke("copy_diagnostics");

/** Chooses the language of the interface; none is the device's. */
export const setLanguage = (language: types.Language | null): Promise<types.View> => invoke("set_language", { language });
