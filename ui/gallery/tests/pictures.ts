// Which screenshots are kept in ui/screenshots and compared.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { LANGUAGES } from "../../src/i18n";
import type { Edition } from "../../src/ipc/bridge";
import { statesOf } from "../fixtures";

export const REFERENCES = "screenshots";

/** States with much text. */
const LONGEST = new Set(["home", "flow", "code-help", "code-bounced", "done"]);
/** Every component once: the dark theme differs in its colours only. */
const DARK = new Set([...LONGEST, "sign-in-bad", "sign-in-busy", "home-loading", "home-old", "settings", "flow-loading", "flow-taken", "flow-locked", "code-typed", "code-wrong"]);

/** States with a field, and which field has the focus when the on-screen keyboard is drawn. */
export const FIELDS: Record<string, string> = { "sign-in": "password", "sign-in-first": "server", flow: "email", "flow-no-address": "email", "code-sent": "code", "code-wrong": "code" };

/** A folder of ui/screenshots without the edition: a theme, a language, or a size of the window or of the text. */
const COMPARED: Record<string, (state: string) => boolean> = {
  // The words after three seconds may be there or not.
  light: (state) => state !== "done-try-busy",
  dark: (state) => DARK.has(state),
  keyboard: (state) => state in FIELDS,
  small: (state) => LONGEST.has(state),
  large: (state) => LONGEST.has(state),
  ...Object.fromEntries(Object.keys(LANGUAGES).map((language) => [language, (state: string) => language !== "en" && LONGEST.has(state)])),
};

export const isCompared = (kind: string, state: string): boolean => COMPARED[kind]?.(state) ?? false;

/** Kept, though no test compares them. */
export const strayPictures = (): string[] =>
  readdirSync(REFERENCES).flatMap((folder) => {
    const [edition, kind = ""] = folder.split("-") as [Edition, string];
    const states = statesOf(edition);
    return readdirSync(join(REFERENCES, folder))
      .filter((file) => {
        const state = file.replace(/\.webp$/, "");
        return !states.includes(state) || !isCompared(kind, state);
      })
      .map((file) => join(REFERENCES, folder, file));
  });
