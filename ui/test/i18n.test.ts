import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LANGUAGES, type Messages, deviceLanguage, deviceTags, formatDateTime, setLocale } from "../src/i18n";
import type { Language } from "../src/ipc/bridge";
import { TAGS } from "./device-tags";
import expectedCopy from "./expected-copy.json";
import { problemCodes } from "./problem-codes";

const languages = Object.keys(LANGUAGES);
const read = async (language: string) => ((await import(`../src/messages/${language}.ts`)) as { default: Messages }).default;
const english = await read("en");
const keys = Object.keys(english) as (keyof Messages)[];

/** Marks each parameter, so that it is found in the formatted message. */
const PARAMS = { name: "{name}", email: "{email}", time: "{time}", day: "{day}" };
const format = (message: Messages[keyof Messages], count: number) => (typeof message === "string" ? message : message({ ...PARAMS, count }));
const paramsOf = (message: Messages[keyof Messages]) => (format(message, 7).match(/\{\w+\}|7/g) ?? []).sort();

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "messages" || entry.name === "generated" ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });

describe("messages", () => {
  test("each language has a file, and each file a language", () => {
    expect(readdirSync("src/messages").sort()).toEqual(languages.map((l) => `${l}.ts`).sort());
  });

  test.each(languages)("%s uses every parameter and has no empty message", async (language) => {
    const own = await read(language);
    for (const key of keys) {
      expect(paramsOf(own[key]), key).toEqual(paramsOf(english[key]));
      expect(format(own[key], 1), key).toMatch(/\S/);
    }
  });

  test.each(languages.filter((l) => l !== "en"))("%s is translated, apart from names and shared words", async (language) => {
    const own = await read(language);
    const same = keys.filter((key) => format(own[key], 7) === format(english[key], 7));
    expect(same.filter((key) => !["appName", "vismaConnect", "serverRow", "version"].includes(key))).toEqual([]);
  });

  // tsc finds keys that are used and do not exist, and keys that a language lacks.
  test("every key is used", () => {
    const code = sources("src").join("\n");
    const used = new Set([...code.matchAll(/(?:\bm|\bt\(\))\.(\w+)|"(deliveryHelp\w+)"/g)].map((found) => found[1] ?? found[2]));
    for (const problem of problemCodes) used.add(problem).add(`${problem}Advice`);
    for (const field of ["server", "username", "password"]) used.add(`${field}Missing`);
    for (const notice of ["sessionEnded", "vaultUnreadable", "sessionInMemoryOnly", "notSaved"]) used.add(notice);
    expect(keys.filter((key) => !used.has(key))).toEqual([]);
  });

  test("product copy is used letter for letter", () => {
    for (const [key, sentence] of Object.entries(expectedCopy)) if (key !== "//") expect(format(english[key as keyof Messages], 7), key).toBe(sentence);
  });
});

test("the mail names the button as the app does", async () => {
  const mails = readFileSync("../backend/src/mail/templates.rs", "utf8");
  const names = [...mails.matchAll(/Language::(\w+) => &CodeTemplate[^]*?last_step: .*?(?:\\"|[«»”])([^"«»”\\]+)/g)];
  expect(names.map(([, language = ""]) => language.toLowerCase()).sort()).toEqual([...languages].sort());
  // The English is the document's, full stop and all.
  for (const [, language = "", name = ""] of names) expect(name.replace(/\.$/, ""), language).toBe((await read(language.toLowerCase())).verify);
});

afterEach(() => void vi.unstubAllGlobals());

describe("the device's language", () => {
  test.each(TAGS)("of %j", (tag, canonical, language) => {
    expect(deviceTags([tag])).toEqual(canonical);
    expect(deviceLanguage(deviceTags([tag]))).toBe(language);
    // A tag without a language of ours does not hide the next.
    expect(deviceLanguage(deviceTags([tag, "fi-FI"]))).toBe(language === "en" && !tag.startsWith("en") ? "fi" : language);
  });

  test.each(TAGS)("a time of day can be formatted: %j", async (tag) => {
    vi.stubGlobal("navigator", { languages: [tag] });
    for (const language of languages) {
      await setLocaleWithoutPage(language as Language);
      expect(formatDateTime("2026-11-27T14:05:00Z", 0)).toMatch(/2026/);
    }
  });
});

test("the device's language, Norwegian by any tag, else English", () => {
  for (const tag of ["no", "nb-NO", "nn"]) expect(deviceLanguage(deviceTags([tag]))).toBe("nb");
  expect(deviceLanguage(deviceTags(["fi"]))).toBe("fi");
  expect(deviceLanguage(deviceTags(["de-AT", "zh-Hant-TW"]))).toBe("en");
});

test("English in Sweden has its times", async () => {
  vi.stubGlobal("navigator", { languages: ["sv-SE", "en-SE@posix"] });
  await setLocaleWithoutPage("en");
  expect(formatDateTime("2026-11-27T14:05:00", Date.parse("2026-11-27T20:00:00"))).toBe("14:05");
});

async function setLocaleWithoutPage(language: Language) {
  vi.stubGlobal("document", { documentElement: {} });
  await setLocale(language);
}
