// Every problem in words, and the place on the screen that it belongs to.

import type { Action, Failure } from "./app";
import type { Problem } from "./ipc/bridge";
import type { Words } from "./words";

export interface Sentences {
  /** What happened. */
  readonly what: string;
  /** What it means, and what to do. */
  readonly advice: string;
}

export const sentencesOf = (problem: Problem, m: Words): Sentences =>
  problem.code === "codeWrong"
    ? { what: m.codeWrong, advice: m.codeWrongThen({ count: problem.attemptsLeft }) }
    : { what: m[problem.code], advice: m[`${problem.code}Then`] };

/** Seconds to wait, where the server told them. */
export const waitOf = (problem: Problem): number =>
  "retryAfterSeconds" in problem ? (problem.retryAfterSeconds ?? 0) : 0;

/** A wait in the unit that people would say: seconds below two minutes, then minutes, then hours. */
export function waitText(seconds: number, m: Words): string {
  if (seconds <= 0) return m.waitOver;
  if (seconds < 120) return m.waitSeconds({ count: seconds });
  if (seconds < 7200) return m.waitMinutes({ count: Math.ceil(seconds / 60) });
  return m.waitHours({ count: Math.ceil(seconds / 3600) });
}

const WORTH_REPEATING: ReadonlySet<Problem["code"]> = new Set([
  "offline",
  "timedOut",
  "unavailable",
  "notHrmServer",
  "noSuchHost",
  "certificateNotTrusted",
  "tooManyRequests",
  "unexpected",
]);

/** Whether the same action again, unchanged, may work. */
export const worthRepeating = (problem: Problem): boolean => WORTH_REPEATING.has(problem.code);

/** Where on a screen a problem stands. */
export type Spot = "server" | "password" | "email" | "code" | "manage" | "banner" | "signIn" | "settings" | "screen";

const BY_CODE: Partial<Record<Problem["code"], Spot>> = {
  serverAddressInvalid: "server",
  noSuchHost: "server",
  notHrmServer: "server",
  certificateNotTrusted: "server",
  badCredentials: "password",
  emailInvalid: "email",
  domainNotAllowed: "email",
  accountTaken: "email",
};

const BY_ACTION: Record<Action, Spot> = {
  signIn: "signIn",
  sendCode: "email",
  verifyCode: "code",
  startOver: "code",
  snooze: "banner",
  openAccountSettings: "manage",
  copyDiagnostics: "settings",
  signOut: "settings",
  setLanguage: "settings",
  refresh: "screen",
  go: "screen",
};

export function spotOf({ action, problem }: Failure): Spot {
  const byCode = BY_CODE[problem.code];
  // "No such host" belongs to the server field on the sign-in screen only: elsewhere there is none.
  if ((byCode === "server" || byCode === "password") && action !== "signIn") return BY_ACTION[action];
  return byCode ?? BY_ACTION[action];
}
