import { describe, expect, test } from "vitest";
import type { Action } from "../src/app";
import { LANGUAGES, type Messages } from "../src/i18n";
import { type Problem, problemOf } from "../src/ipc/bridge";
import { asksForHelp, isWrongInput, messageOf, retryAfter, retryAfterText, slotOf } from "../src/problems";
import { problemCodes } from "./problem-codes";

const messagesOf = async (language: string) => ((await import(`../src/messages/${language}.ts`)) as { default: Messages }).default;

describe.each(Object.keys(LANGUAGES))("in %s", (language) => {
  test.each(problemCodes)("%s has a message and advice", async (code) => {
    const problem = { code, attemptsLeft: 3, retryable: false } as unknown as Problem;
    const { what, advice } = messageOf(problem, await messagesOf(language));
    for (const sentence of [what, advice]) {
      expect(sentence).toMatch(/^.{6,}[.!?]$/u);
      // Neither a code nor an empty parameter.
      expect(sentence).not.toMatch(/undefined|\{|_/);
    }
    expect(slotOf({ action: "sendCode", problem, at: 0, retry: () => {} })).toMatch(/^(email|code)$/);
  });

  test("singular and plural differ", async () => {
    const m = await messagesOf(language);
    expect(m.minutesLeft({ count: 1 })).not.toContain("NaN");
    expect(m.minutesLeft({ count: 1 }).replace("1", "")).not.toBe(m.minutesLeft({ count: 5 }).replace("5", ""));
  });
});

test("a wait is given in the unit that people use", async () => {
  const m = await messagesOf("en");
  expect(retryAfterText(45, m)).toBe("Try again in 45 seconds.");
  expect(retryAfterText(1, m)).toBe("Try again in 1 second.");
  expect(retryAfterText(120, m)).toBe("Try again in 2 minutes.");
  expect(retryAfterText(121, m)).toBe("Try again in 3 minutes.");
  expect(retryAfterText(7200, m)).toBe("Try again in 2 hours.");
  expect(retryAfterText(0, m)).toBe("You can try again now.");
});

test("the server's wait is 0 where it names none", () => {
  expect(retryAfter({ code: "tooManyCodes", retryAfterSeconds: 45, retryable: false })).toBe(45);
  expect(retryAfter({ code: "unavailable", retryAfterSeconds: null, retryable: true })).toBe(0);
  expect(retryAfter({ code: "offline", retryable: true })).toBe(0);
});

test("the attempts left are in the advice for a wrong code only", async () => {
  const m = await messagesOf("en");
  expect(messageOf({ code: "codeWrong", attemptsLeft: 1, retryable: false }, m).advice).toMatch(/^1 try left\./);
  expect(messageOf({ code: "codeExpired", retryable: false }, m).advice).toBe(m.codeExpiredAdvice);
});

test("an outage says that what was typed is still here", async () => {
  const m = await messagesOf("en");
  const offline: Problem = { code: "offline", retryable: true };
  expect(messageOf(offline, m, false, "verifyCode").advice).toBe(`${m.inputKept} ${m.offlineAdvice}`);
  expect(messageOf(offline, m, false, "signIn").advice).toBe(m.offlineAdvice);
  expect(messageOf({ code: "linkingLocked", retryable: false }, m, false, "sendCode").advice).toBe(m.linkingLockedAdvice);
});

test("only what was typed is shown as wrong", () => {
  const wrong = problemCodes.filter((code) => isWrongInput({ action: "sendCode", problem: { code, retryable: false } as Problem, at: 0, retry: () => {} }));
  const typed = ["serverAddressInvalid", "noSuchHost", "badCredentials", "emailInvalid", "domainNotAllowed", "accountTaken", "codeFormat", "codeWrong", "codeExpired"];
  expect(wrong.sort()).toEqual(typed.sort());
  expect(isWrongInput(null)).toBe(false);
});

test("an expired code is told apart from a newer one that lives", async () => {
  const m = await messagesOf("en");
  const problem: Problem = { code: "codeExpired", retryable: false };
  expect(messageOf(problem, m, true)).toEqual({ what: m.codeExpiredNewer, advice: m.codeExpiredNewerAdvice });
  expect(messageOf(problem, m).what).toBe(m.codeExpired);
});

test.each(Object.keys(LANGUAGES))("who can help is named where a message says to ask: %s", async (language) => {
  const m = await messagesOf(language);
  const asks = problemCodes.filter((code) => /administrat|ylläpitäj|järjestelmänvalvoj/i.test(messageOf({ code, attemptsLeft: 1, retryable: false } as Problem, m).advice) && !/^(noSuchHost|proxyRefused|notHrmServer|unexpected|serverAddressInvalid)$/.test(code));
  expect(asks.sort()).toEqual(problemCodes.filter((code) => asksForHelp(code as Problem["code"])).sort());
});

test("a wait that the server named is the only advice on when", async () => {
  const m = await messagesOf("en");
  expect(messageOf({ code: "unavailable", retryAfterSeconds: 30, retryable: true }, m).advice).toBe("");
  expect(messageOf({ code: "unavailable", retryAfterSeconds: 30, retryable: true }, m, false, "sendCode").advice).toBe(m.inputKept);
  expect(messageOf({ code: "unavailable", retryAfterSeconds: null, retryable: true }, m).advice).toBe(m.unavailableAdvice);
});

test("a rejection that is no problem can be retried", () => {
  expect(problemOf("a panic")).toEqual({ code: "unexpected", retryable: true });
  expect(problemOf({ code: "codeFormat", retryable: false })).toEqual({ code: "codeFormat", retryable: false });
});

const slot = (action: Action, code: Problem["code"]) => slotOf({ action, problem: { code, retryable: false } as Problem, at: 0, retry: () => {} });

describe("a problem is shown", () => {
  test.each([
    ["signIn", "signIn"],
    ["sendCode", "email"],
    ["verifyCode", "code"],
    ["startOver", "flow"],
    ["snooze", "banner"],
    ["openAccountSettings", "manage"],
    ["tryLogin", "tryLogin"],
    ["openTryLoginAgain", "tryLogin"],
    ["cancelTryLogin", "tryLogin"],
    ["openEmailApp", "code"],
    ["copyDiagnostics", "settings"],
    ["signOut", "settings"],
    ["setLanguage", "settings"],
    ["refresh", "screen"],
    ["navigate", "screen"],
  ] as const)("of %s at %s", (action, where) => expect(slot(action, "offline")).toBe(where));

  test.each(["emailInvalid", "domainNotAllowed", "accountTaken"] as const)("%s always at the address", (code) => {
    expect(slot("verifyCode", code)).toBe("email");
  });

  test.each([
    ["serverAddressInvalid", "server"],
    ["noSuchHost", "server"],
    ["notHrmServer", "server"],
    ["certificateNotTrusted", "server"],
    ["badCredentials", "password"],
  ] as const)("%s at %s, if the sign-in screen has it", (code, where) => {
    expect(slot("signIn", code)).toBe(where);
    expect(slot("snooze", code)).toBe("banner");
  });
});
