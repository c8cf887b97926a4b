// The current language and its messages. Each language is its own chunk; only the current one is loaded at start.

import { signal } from "@preact/signals";
import type { Language } from "./ipc/bridge";
import type english from "./messages/en";

/** English decides the keys and their parameters; a language with a missing or an extra one does not compile. */
export type Messages = { readonly [Key in keyof typeof english]: (typeof english)[Key] extends string ? string : (typeof english)[Key] };

const load: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import("./messages/en"),
  sv: () => import("./messages/sv"),
  nb: () => import("./messages/nb"),
  da: () => import("./messages/da"),
  fi: () => import("./messages/fi"),
};

/** Every language by its own name, in the order shown in Settings. */
export const LANGUAGES: Record<Language, string> = {
  en: "English",
  sv: "Svenska",
  nb: "Norsk bokmål",
  da: "Dansk",
  fi: "Suomi",
};

const active = signal<{ language: Language; messages: Messages } | null>(null);

/** The messages of the current language. A component that calls this is redrawn when the language changes. */
export const t = (): Messages => {
  if (!active.value) throw new Error("t() was called before setLocale()");
  return active.value.messages;
};

const language = (): Language => active.value?.language ?? "en";

/** The first of the device's languages that we have. Norwegian has three tags: nb, nn and no. */
export function deviceLanguage(preferred: readonly string[] = navigator.languages): Language {
  for (const tag of preferred) {
    const primary = tag.toLowerCase().split("-")[0] ?? "";
    const ours = primary === "no" || primary === "nn" ? "nb" : primary;
    if (ours in LANGUAGES) return ours as Language;
  }
  return "en";
}

export async function setLocale(locale: Language): Promise<void> {
  if (active.peek()?.language === locale) return;
  const { default: messages } = await load[locale]();
  active.value = { language: locale, messages };
  document.documentElement.lang = locale;
}

const format = (time: Date, options: Intl.DateTimeFormatOptions): string => {
  // The device's tag has the region: English in Sweden writes 14:05 and not 2:05 PM.
  const regional = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language()));
  return new Intl.DateTimeFormat(regional ?? language(), options).format(time);
};

/** Only the time if `time` is today (`now` in ms), else with the date. */
export function formatDateTime(time: string, now: number): string {
  const then = new Date(time);
  const today = then.toDateString() === new Date(now).toDateString();
  return format(then, { ...(today ? {} : { dateStyle: "medium" }), timeStyle: "short" });
}

/** The date alone. */
export const formatDay = (time: string): string => format(new Date(time), { dateStyle: "medium" });
