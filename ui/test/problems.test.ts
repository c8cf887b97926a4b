import { describe, expect, test } from "vitest";
import { LANGUAGES, type Messages } from "../src/i18n";
import type { Problem } from "../src/ipc/bridge";
import { messageOf, retryAfterText, slotOf } from "../src/problems";
import { problemCodes } from "./problem-codes";

const messagesOf = async (language: string) => ((await import(`../src/messages/${language}.ts`)) as { default: Messages }).default;

describe.each(Object.keys(LANGUAGES))("in %s", (language) => {
  test.each(problemCodes)("%s has a message and advice", async (code) => {
    const problem = { code, retryAfterSeconds: 45, attemptsLeft: 3, retryable: false } as unknown as Problem;
    const { what, advice } = messageOf(problem, await messagesOf(language));
    for (const sentence of [what, advice]) {
      expect(sentence).toMatch(/^.{6,}[.!?]$/u);
      // Neither a code nor an empty parameter.
      expect(sentence).not.toMatch(/undefined|\{|_/);
    }
    expect(slotOf({ action: "sendCode", problem, at: 0, retry: () => {} })).toBeTruthy();
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
  expect(retryAfterText(121, m)).toBe("Try again in 3 minutes.");
  expect(retryAfterText(7200, m)).toBe("Try again in 2 hours.");
  expect(retryAfterText(0, m)).toBe("You can try again now.");
});
