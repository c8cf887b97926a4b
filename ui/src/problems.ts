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

const OUTAGES = new Set<Problem["code"]>(["offline", "timedOut", "unavailable", "tooManyRequests", "unexpected"]);

/** `codeAlive`: another code can still be entered. `action`: what failed. */
export function messageOf(problem: Problem, m: Messages, codeAlive = false, action?: Action): Message {
  const { code } = problem;
  if (code === "codeExpired" && codeAlive) return { what: m.codeExpiredNewer, advice: m.codeExpiredNewerAdvice };
  // There is no address above to type.
  if (code === "linkNotOpened" && action && BY_ACTION[action] === "tryLogin") return { what: m[code], advice: m.loginNotOpenedAdvice };
  const advice = code === "codeWrong" ? m.codeWrongAdvice({ count: problem.attemptsLeft }) : m[`${code}Advice`];
  if (!OUTAGES.has(code)) return { what: m[code], advice };
  const kept = action === "sendCode" || action === "verifyCode" ? m.inputKept : "";
  // Where the server named the wait, the countdown beside it is the advice.
  return { what: m[code], advice: [kept, retryAfter(problem) > 0 ? "" : advice].filter(Boolean).join(" ") };
}

const WRONG_INPUT = new Set<Problem["code"]>([
  "serverAddressInvalid",
  "noSuchHost",
  "badCredentials",
  "emailInvalid",
  "domainNotAllowed",
  "accountTaken",
  "codeFormat",
  "codeWrong",
  "codeExpired",
]);
/** Whether what was typed is wrong: its field is invalid. An outage, a lock or a limit is nobody's mistake. */
export const isWrongInput = (failed: Failure | null): boolean => failed !== null && WRONG_INPUT.has(failed.problem.code);

/** Whether the message says to ask the administrator. */
export const asksForHelp = (code: Problem["code"]): boolean =>
  code === "domainNotAllowed" || code === "accountTaken" || code === "linkingLocked" || code === "certificateNotTrusted";

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
export type Slot = "server" | "password" | "email" | "code" | "flow" | "manage" | "tryLogin" | "banner" | "signIn" | "settings" | "screen";

const BY_ACTION: Record<Action, Slot> = {
  signIn: "signIn",
  sendCode: "email",
  verifyCode: "code",
  startOver: "flow",
  snooze: "banner",
  openAccountSettings: "manage",
  tryLogin: "tryLogin",
  openTryLoginAgain: "tryLogin",
  cancelTryLogin: "tryLogin",
  openEmailApp: "code",
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
