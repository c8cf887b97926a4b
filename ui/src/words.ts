// The language, and the sentences in it. Each language is a chunk of its own; a start loads one.

import { signal } from "@preact/signals";
import type { Language } from "./ipc/bridge";
import type english from "./messages/en";

/** The sentences by key, some with holes to fill. English decides which; a language that misses one or adds one does not compile. */
export type Words = { readonly [Key in keyof typeof english]: (typeof english)[Key] extends string ? string : (typeof english)[Key] };

const load: Record<Language, () => Promise<{ default: Words }>> = {
  en: () => import("./messages/en"),
  sv: () => import("./messages/sv"),
  nb: () => import("./messages/nb"),
  da: () => import("./messages/da"),
  fi: () => import("./messages/fi"),
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
  const { default: words } = await load[wanted]();
  spoken.value = { language: wanted, words };
  document.documentElement.lang = wanted;
}

const formatted = (time: Date, how: Intl.DateTimeFormatOptions): string => {
  // The device knows the region: an English phone in Sweden writes 14:05 and not 2:05 PM.
  const regional = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language()));
  return new Intl.DateTimeFormat(regional ?? language(), how).format(time);
};

/** A moment as people write it: today only the time, else with the day. */
export function momentText(time: string, now: number): string {
  const then = new Date(time);
  const today = then.toDateString() === new Date(now).toDateString();
  return formatted(then, { ...(today ? {} : { dateStyle: "medium" }), timeStyle: "short" });
}

export const dayText = (time: string): string => formatted(new Date(time), { dateStyle: "long" });
