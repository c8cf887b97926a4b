// The language, and the sentences in it. Each language is a chunk of its own; a start loads one.

import { signal } from "@preact/signals";
import type { Language } from "./ipc/bridge";

/** The sentences by key, typed by the compiler from src/messages. */
export type Words = typeof import("./paraglide/messages/_index.js");

type Snake<S extends string> = S extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Rest>}`
  : S;

/** The key of what Rust calls in camelCase. Keys are in snake case: Paraglide renames all others. */
export const snake = <S extends string>(name: S): Snake<S> =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) as Snake<S>;

const load: Record<Language, () => Promise<unknown>> = {
  en: () => import("./paraglide/messages/en.js"),
  sv: () => import("./paraglide/messages/sv.js"),
  nb: () => import("./paraglide/messages/nb.js"),
  da: () => import("./paraglide/messages/da.js"),
  fi: () => import("./paraglide/messages/fi.js"),
};

/** Every language by its own name, in the order of the list in Settings. */
export const LANGUAGES: Record<Language, string> = {
  en: "English",
  sv: "Svenska",
  nb: "Norsk bokmål",
  da: "Dansk",
  fi: "Suomi",
};

const spoken = signal<{ language: Language; words: Words } | null>(null);

/** The sentences in the language of the moment. Reading it in a part draws the part anew when the language changes. */
export const say = (): Words => {
  if (!spoken.value) throw new Error("words before a language");
  return spoken.value.words;
};

export const language = (): Language => spoken.value?.language ?? "en";

/** The first of the device's languages that we have; Norwegian comes under three names. */
export function deviceLanguage(wished: readonly string[] = navigator.languages): Language {
  for (const tag of wished) {
    const primary = tag.toLowerCase().split("-")[0] ?? "";
    const ours = primary === "no" || primary === "nn" ? "nb" : primary;
    if (ours in LANGUAGES) return ours as Language;
  }
  return "en";
}

/** Speaks a language; if it cannot be read, goes on in the one before. */
export async function speak(wanted: Language): Promise<void> {
  if (spoken.peek()?.language === wanted) return;
  const words = (await load[wanted]()) as Words;
  spoken.value = { language: wanted, words };
  document.documentElement.lang = wanted;
}

/** A moment as people write it: today only the time, else with the day. */
export function momentText(time: string, now: number): string {
  const then = new Date(time);
  const today = then.toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(language(), today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }).format(then);
}

export const dayText = (time: string): string =>
  new Intl.DateTimeFormat(language(), { dateStyle: "long" }).format(new Date(time));
