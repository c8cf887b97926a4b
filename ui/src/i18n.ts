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

/**
 * The device's languages as tags that Intl takes. A system may have others: `C`, `sv_SE.UTF-8@euro`, `en-US@posix`.
 * Norwegian has three: `no` and `nn` become `nb`, which is ours.
 */
export function deviceTags(languages: readonly string[] = navigator.languages): string[] {
  return languages.flatMap((tag) => {
    try {
      return Intl.getCanonicalLocales(tag.replace(/[.@].*$/, "").replaceAll("_", "-").replace(/^n[no]\b/i, "nb"));
    } catch {
      return [];
    }
  });
}

const languageOf = (tag: string): string => tag.split("-")[0] ?? "";

/** The first of the device's languages that we have. */
export const deviceLanguage = (tags = deviceTags()): Language =>
  (tags.map(languageOf).find((one) => one in LANGUAGES) as Language | undefined) ?? "en";

export async function setLocale(locale: Language): Promise<void> {
  if (active.peek()?.language === locale) return;
  const { default: messages } = await load[locale]();
  active.value = { language: locale, messages };
  document.documentElement.lang = locale;
}

const format = (time: Date, options: Intl.DateTimeFormatOptions): string => {
  // The device's tag has the region: English in Sweden writes 14:05 and not 2:05 PM.
  const regional = deviceTags().find((tag) => languageOf(tag) === language());
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
