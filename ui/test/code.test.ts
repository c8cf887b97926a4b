import { expect, test } from "vitest";
import { readCode } from "../src/code";

test.each(["123456", "123 456", "123-456", "Code: 123456", "１２３４５６", "١٢٣٤٥٦", "۱۲۳۴۵۶", "Your code is 1 2 3 4 5 6!", "123\u00a0456\n"])(
  "%j gives 123456",
  (text) => expect(readCode(text)).toBe("123456"),
);

test("leading zeros stay", () => expect(readCode("000 042")).toBe("000042"));
test("a half-typed code is as far as it goes", () => expect(readCode("12a3")).toBe("123"));
test("the run of six wins over other numbers", () => expect(readCode("123456\nThe code is valid for 30 minutes.")).toBe("123456"));
test("of seven in a row the first six", () => expect(readCode("1234567")).toBe("123456"));

test("any text with exactly six digits gives those six", () => {
  // A small generator of its own: the seed makes a failure repeatable.
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1664525 + 1013904223) % 4294967296;
    return Math.floor((seed / 4294967296) * below);
  };
  const scripts = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９"].map((s) => Array.from(s));
  const noise = Array.from(" -–:.,/\n\tabÅöЖ漢🙂\u200e\u00a0");
  for (let round = 0; round < 2000; round += 1) {
    let text = "";
    let expected = "";
    for (let at = 0; at < 6; at += 1) {
      for (let n = random(5); n > 0; n -= 1) text += noise[random(noise.length)];
      const digit = random(10);
      expected += digit;
      text += scripts[random(scripts.length)]?.[digit];
    }
    expect(readCode(text + (noise[random(noise.length)] ?? "")), JSON.stringify(text)).toBe(expected);
  }
});
