import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LANGUAGES, type Messages, deviceLanguage } from "../src/i18n";
import { problemCodes } from "./problem-codes";
import seed from "./expected-copy.json";

const languages = Object.keys(LANGUAGES);
const read = async (language: string) => ((await import(`../src/messages/${language}.ts`)) as { default: Messages }).default;
const english = await read("en");
const keys = Object.keys(english) as (keyof Messages)[];

/** Every hole of a message, filled so that it is found again. */
const HOLES = { name: "{name}", email: "{email}", time: "{time}", day: "{day}" };
const filled = (message: Messages[keyof Messages], count: number) => (typeof message === "string" ? message : message({ ...HOLES, count }));
const holes = (message: Messages[keyof Messages]) => (filled(message, 7).match(/\{\w+\}|7/g) ?? []).sort();

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "messages" || entry.name === "generated" ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });

describe("messages", () => {
  test("there is a file for each language and no other", () => {
    expect(readdirSync("src/messages").sort()).toEqual(languages.map((l) => `${l}.ts`).sort());
  });

  test.each(languages)("%s fills every hole that English has, and leaves nothing empty", async (language) => {
    const own = await read(language);
    for (const key of keys) {
      expect(holes(own[key]), key).toEqual(holes(english[key]));
      expect(filled(own[key], 1), key).toMatch(/\S/);
    }
  });

  test.each(languages.filter((l) => l !== "en"))("%s is translated: what equals the English is a name or an international word", async (language) => {
    const own = await read(language);
    const same = keys.filter((key) => filled(own[key], 7) === filled(english[key], 7));
    expect(same.filter((key) => !["appName", "vismaConnect", "serverRow"].includes(key))).toEqual([]);
  });

  // That no key is used which does not exist, and that no language lacks one, is tsc's to say.
  test("every key is used", () => {
    const code = sources("src").join("\n");
    const used = new Set([...code.matchAll(/(?:\bm|say\(\))\.(\w+)|"(where\w+)"/g)].map((found) => found[1] ?? found[2]));
    for (const problem of problemCodes) used.add(problem).add(`${problem}Advice`);
    for (const notice of ["sessionEnded", "vaultUnreadable", "sessionInMemoryOnly"]) used.add(notice);
    expect(keys.filter((key) => !used.has(key))).toEqual([]);
  });

  test("the product's own sentences stand letter for letter", () => {
    for (const [key, sentence] of Object.entries(seed)) if (key !== "//") expect(filled(english[key as keyof Messages], 7), key).toBe(sentence);
  });
});

test("the device's language decides, Norwegian under all its names, English otherwise", () => {
  expect(deviceLanguage(["sv-SE", "en"])).toBe("sv");
  expect(deviceLanguage(["no"])).toBe("nb");
  expect(deviceLanguage(["nn-NO"])).toBe("nb");
  expect(deviceLanguage(["de-DE", "fi-FI"])).toBe("fi");
  expect(deviceLanguage(["de"])).toBe("en");
});
