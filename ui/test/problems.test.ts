import { describe, expect, test } from "vitest";
import { suggestDomain, looksLikeAddress } from "../src/address";
import type { Problem } from "../src/ipc/bridge";
import { messageOf, slotOf, retryInText } from "../src/problems";
import { LANGUAGES, type Messages } from "../src/i18n";
import { problemCodes } from "./problem-codes";

const wordsOf = async (language: string) => ((await import(`../src/messages/${language}.ts`)) as { default: Messages }).default;

describe.each(Object.keys(LANGUAGES))("in %s", (language) => {
  test.each(problemCodes)("%s has what happened, and what to make of it", async (code) => {
    const problem = { code, retryAfterSeconds: 45, attemptsLeft: 3 } as unknown as Problem;
    const { what, advice } = messageOf(problem, await wordsOf(language));
    for (const sentence of [what, advice]) {
      expect(sentence).toMatch(/^.{6,}[.!?]$/u);
      // Never a code, never a hole.
      expect(sentence).not.toMatch(/undefined|\{|_/);
    }
    expect(slotOf({ action: "sendCode", problem, at: 0, again: () => {} })).toBeTruthy();
  });

  test("one and many differ where the language has it so", async () => {
    const m = await wordsOf(language);
    expect(m.minutesLeft({ count: 1 })).not.toContain("NaN");
    expect(m.minutesLeft({ count: 1 }).replace("1", "")).not.toBe(m.minutesLeft({ count: 5 }).replace("5", ""));
  });
});

test("a wait is told in the unit that people would use", async () => {
  const m = await wordsOf("en");
  expect(retryInText(45, m)).toBe("Try again in 45 seconds.");
  expect(retryInText(1, m)).toBe("Try again in 1 second.");
  expect(retryInText(121, m)).toBe("Try again in 3 minutes.");
  expect(retryInText(7200, m)).toBe("Try again in 2 hours.");
  expect(retryInText(0, m)).toBe("You can try again now.");
});

test("addresses: IDN and plus are welcome, halves are not", () => {
  for (const good of ["a@b.se", "anna+hrm@company.com", "åsa@exämple.se", " a@b.se "]) expect(looksLikeAddress(good), good).toBe(true);
  for (const bad of ["", "anna", "anna@", "anna@company", "a b@c.se", "a@b..se", "@b.se"]) expect(looksLikeAddress(bad), bad).toBe(false);
});

test("a slip in the domain is noticed, a known domain left alone", () => {
  const own = ["anna.svensson@company.com"];
  expect(suggestDomain("anna@company.con", own)).toBe("anna@company.com");
  expect(suggestDomain("anna@comapny.com", own)).toBe("anna@company.com");
  expect(suggestDomain("anna@gmail.co", own)).toBe("anna@gmail.com");
  expect(suggestDomain("anna@company.com", own)).toBeUndefined();
  expect(suggestDomain("anna@elsewhere.org", own)).toBeUndefined();
});
