import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CODE_LENGTH, editCode, readCode } from "../src/code";

const cases = JSON.parse(readFileSync("../src-tauri/core/src/code_cases.json", "utf8")) as { input: string; code: string | null }[];

describe("the cases that Rust's parser is tested with", () => {
  test.each(cases)("$input", ({ input, code }) => {
    if (code === null) expect(readCode(input)?.length).not.toBe(CODE_LENGTH);
    else expect(readCode(input)).toBe(code);
  });
});

describe("while typing", () => {
  test("the digits so far are kept, whatever is between them", () => {
    expect(readCode("12a3")).toBe("123");
    expect(readCode("12--34 a 5")).toBe("12345");
    expect(readCode("")).toBe("");
  });

  test("a seventh digit makes no code", () => expect(readCode("1234567")).toBeUndefined());
  test("six digits in two groups make no code", () => expect(readCode("123 or 456")).toBeUndefined());
});

test("any digits with at most one separator between give the code", () => {
  // A pseudo-random generator with a fixed seed, so that a failure can be repeated.
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1664525 + 1013904223) % 4294967296;
    return Math.floor((seed / 4294967296) * below);
  };
  const scripts = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "০১২৩৪৫৬৭৮৯", "０１２３４５６７８９"].map((s) => Array.from(s));
  const separators = ["", "", ...Array.from(" -\u2010–\u2015.\n\t\u0085\u00a0\u200b\ufeff")];
  const noise = Array.from(":,/abÅöЖ漢🙂\u200e");
  const some = (from: string[], most: number) => Array.from({ length: random(most + 1) }, () => from[random(from.length)]).join("");
  for (let round = 0; round < 2000; round += 1) {
    let text = some(noise, 4);
    let expected = "";
    for (let at = 0; at < CODE_LENGTH; at += 1) {
      if (at > 0) text += separators[random(separators.length)];
      const digit = random(10);
      expected += digit;
      text += scripts[random(scripts.length)]?.[digit];
    }
    expect(readCode(text + some(noise, 4)), JSON.stringify(text)).toBe(expected);
  }
});

/** The caret is drawn as |. */
const edit = (before: string, after: string) => {
  const { code, caret } = editCode(before, after.replace("|", ""), after.indexOf("|"));
  return `${code.slice(0, caret)}|${code.slice(caret)}`;
};

describe("an edit in the field", () => {
  test.each([
    ["", "1|", "1|"],
    ["12", "123|", "123|"],
    ["129456", "123|9456", "123|456"],
    ["12956", "123|956", "123|56"],
    ["23", "1|23", "1|3"],
    ["123", "1\u0662|23", "12|3"],
  ])("a digit typed in %s as %s gives %s", (before, after, result) => {
    expect(edit(before, after)).toBe(result);
  });

  test.each([
    ["12956", "12|56", "12|56"],
    ["12956", "129|6", "129|6"],
    ["12956", "1|", "1|"],
    ["12956", "10|6", "10|6"],
  ])("deleted or overwritten digits close up: %s, %s, %s", (before, after, result) => {
    expect(edit(before, after)).toBe(result);
  });

  test.each([
    ["1256", "12x|56", "12|56"],
    ["123456", "1234567|", "123456|"],
    ["12", "12 |", "12|"],
  ])("what is no code is undone: %s, %s, %s", (before, after, result) => {
    expect(edit(before, after)).toBe(result);
  });

  test.each([
    ["12", "Code: 654-321|", "654321|"],
    ["12", "Code: 654-321|2", "12|"],
    ["98", "9123456|8", "98|"],
    ["", "|", "|"],
  ])("a paste: %s, %s, %s", (before, after, result) => {
    expect(edit(before, after)).toBe(result);
  });
});
