// Reads the verification code as `code.rs` of the core does: both are tested with the core's `code_cases.json`.

export const CODE_LENGTH = 6;

/** The zero of each script whose digits are accepted: ASCII, full-width, Arabic-Indic, Persian, Devanagari, Bengali. */
const ZEROS = [0x30, 0xff10, 0x660, 0x6f0, 0x966, 0x9e6];

const toAsciiDigit = (letter: string): string => {
  const point = letter.codePointAt(0) ?? 0;
  const zero = ZEROS.find((first) => point >= first && point < first + 10);
  return zero === undefined ? letter : String(point - zero);
};

/** Digits, where a single space, hyphen, dot or invisible character between two of them does not end the group. */
const GROUP = /\d(?:[\s\x85.\-\u2010-\u2015\u200b]?\d)*/g;

/**
 * The code in `text`, or, while there are fewer than six digits, the digits so far. Undefined if there are more digits
 * and no code, or several codes.
 */
export function readCode(text: string): string | undefined {
  const groups = Array.from(text, toAsciiDigit).join("").matchAll(GROUP);
  const digits = Array.from(groups, ([group]) => group.replace(/\D/g, ""));
  const codes = new Set(digits.filter((group) => group.length === CODE_LENGTH));
  if (codes.size === 1) return [...codes][0];
  const all = digits.join("");
  return all.length < CODE_LENGTH ? all : undefined;
}

const countDigits = (text: string): number => Array.from(text, toAsciiDigit).join("").replace(/\D/g, "").length;

/**
 * What the field contains after an edit that left `text` and the caret in it. A digit typed before others replaces the
 * one in its box; what is no code is undone.
 */
export function editCode(before: string, text: string, caret: number): { code: string; caret: number } {
  const typed = text.slice(caret - 1, caret);
  const rest = text.slice(caret);
  const inserted = rest !== "" && text.slice(0, caret - 1) + rest === before;
  const code = readCode(inserted && countDigits(typed) > 0 ? text.slice(0, caret) + rest.slice(1) : text) ?? before;
  return { code, caret: Math.min(countDigits(text.slice(0, caret)), code.length) };
}
