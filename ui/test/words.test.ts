import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LANGUAGES, deviceLanguage, snake } from "../src/words";
import seed from "./seed-sentences.json";

type Message = string | [{ match: Record<string, string> }];
const read = (language: string) => JSON.parse(readFileSync(`src/messages/${language}.json`, "utf8")) as Record<string, Message>;
const languages = Object.keys(LANGUAGES);
const english = read("en");
const forms = (message: Message) => (typeof message === "string" ? [message] : Object.values(message[0].match));
const inputs = (message: Message) => [...new Set(forms(message).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "paraglide" || entry.name === "generated" ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });

const types = readFileSync("src/ipc/generated/types.ts", "utf8");
export const problemCodes = [...types.matchAll(/"code": "(\w+)"/g)].map((found) => found[1] as string);

describe("messages", () => {
  test("there is a file for each language and no other", () => {
    expect(readdirSync("src/messages").sort()).toEqual(languages.map((l) => `${l}.json`).sort());
  });

  test.each(languages)("%s has every key, with the same inputs, and nothing empty", (language) => {
    const own = read(language);
    expect(Object.keys(own).sort()).toEqual(Object.keys(english).sort());
    for (const [key, message] of Object.entries(own)) {
      expect(inputs(message), key).toEqual(inputs(english[key] as Message));
      for (const form of forms(message)) expect(form.trim(), key).not.toBe("");
    }
  });

  test.each(languages.filter((l) => l !== "en"))("%s is translated: what equals the English is a name or an international word", (language) => {
    const own = read(language);
    const same = Object.keys(own).filter((key) => JSON.stringify(own[key]) === JSON.stringify(english[key]));
    const allowed = new Set(["app_name", "visma_connect", "server_row"]);
    expect(same.filter((key) => !allowed.has(key))).toEqual([]);
  });

  test("every key is used, and no key is used that does not exist", () => {
    const code = sources("src").join("\n");
    const used = new Set([...code.matchAll(/(?:\bm|say\(\))\.([a-z_]+)/g)].map((found) => found[1] as string));
    for (const found of code.matchAll(/"(where_[a-z]+)"/g)) used.add(found[1] as string);
    for (const problem of problemCodes) used.add(snake(problem)).add(`${snake(problem)}_then`);
    for (const notice of ["sessionEnded", "vaultUnreadable", "sessionInMemoryOnly"]) used.add(snake(notice));
    expect(Object.keys(english).filter((key) => !used.has(key))).toEqual([]);
    expect([...used].filter((key) => !(key in english))).toEqual([]);
  });

  test("the product's own sentences stand letter for letter", () => {
    for (const [key, sentence] of Object.entries(seed)) if (key !== "//") expect(english[key], key).toBe(sentence);
  });
});

test("the device's language decides, Norwegian under all its names, English otherwise", () => {
  expect(deviceLanguage(["sv-SE", "en"])).toBe("sv");
  expect(deviceLanguage(["no"])).toBe("nb");
  expect(deviceLanguage(["nn-NO"])).toBe("nb");
  expect(deviceLanguage(["de-DE", "fi-FI"])).toBe("fi");
  expect(deviceLanguage(["de"])).toBe("en");
});
