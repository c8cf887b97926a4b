// The message for each problem, and the slot of the screen that shows it.

import type { Action, Failure } from "./app";
import type { Messages } from "./i18n";
import type { Problem } from "./ipc/bridge";

export interface Message {
  /** What happened. */
  readonly what: string;
  /** What it means, and what to do. */
  readonly advice: string;
}

export const messageOf = (problem: Problem, m: Messages): Message => ({
  what: m[problem.code],
  advice: problem.code === "codeWrong" ? m.codeWrongAdvice({ count: problem.attemptsLeft }) : m[`${problem.code}Advice`],
});

/** Seconds to wait before a retry, 0 if the server named none. */
export const retryAfter = (problem: Problem): number => ("retryAfterSeconds" in problem ? (problem.retryAfterSeconds ?? 0) : 0);

/** In the unit that people use: seconds below two minutes, minutes below two hours, then hours. */
export function retryAfterText(seconds: number, m: Messages): string {
  if (seconds <= 0) return m.waitOver;
  if (seconds < 120) return m.waitSeconds({ count: seconds });
  if (seconds < 7200) return m.waitMinutes({ count: Math.ceil(seconds / 60) });
  return m.waitHours({ count: Math.ceil(seconds / 3600) });
}

/** A part of a screen that can show a problem. */
export type Slot = "server" | "password" | "email" | "code" | "manage" | "contact" | "banner" | "signIn" | "settings" | "screen";

const BY_ACTION: Record<Action, Slot> = {
  signIn: "signIn",
  sendCode: "email",
  verifyCode: "code",
  startOver: "code",
  snooze: "banner",
  openAccountSettings: "manage",
  openEmailApp: "email",
  openContact: "contact",
  copyDiagnostics: "settings",
  signOut: "settings",
  setLanguage: "settings",
  refresh: "screen",
  unlock: "screen",
  signInAgain: "screen",
  navigate: "screen",
};

const BY_CODE: Partial<Record<Problem["code"], Slot>> = {
  emailInvalid: "email",
  domainNotAllowed: "email",
  accountTaken: "email",
};

/** Only the sign-in screen has these fields. */
const BY_CODE_IN_SIGN_IN: typeof BY_CODE = {
  serverAddressInvalid: "server",
  noSuchHost: "server",
  proxyRefused: "server",
  notHrmServer: "server",
  certificateNotTrusted: "server",
  badCredentials: "password",
};

export const slotOf = ({ action, problem: { code } }: Failure): Slot =>
  (action === "signIn" && BY_CODE_IN_SIGN_IN[code]) || BY_CODE[code] || BY_ACTION[action];
