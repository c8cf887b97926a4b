// What Settings and the sign-in screen share.

import { useState } from "preact/hooks";
import { clearFailure, run, view } from "../app";
import { LANGUAGES, deviceLanguage, setLocale, t } from "../i18n";
import type { Language } from "../ipc/bridge";

export const LanguageSelect = () => (
  <select
    id="language"
    class="select"
    data-testid="language"
    value={view.value?.language ?? ""}
    onChange={(event) => {
      const chosen = event.currentTarget.value === "" ? null : (event.currentTarget.value as Language);
      clearFailure();
      // Do not wait for Rust to save it.
      void setLocale(chosen ?? deviceLanguage());
      void run("setLanguage", (b) => b.setLanguage(chosen));
    }}
  >
    <option value="">
      {t().deviceLanguageOption} ({LANGUAGES[deviceLanguage()]})
    </option>
    {Object.entries(LANGUAGES).map(([tag, name]) => (
      <option key={tag} value={tag} lang={tag}>
        {name}
      </option>
    ))}
  </select>
);

export const serverName = (server: string) => server.replace(/^https:\/\//, "");

/** Copies what the administrator needs to know. */
export function useCopyDiagnostics() {
  const m = t();
  const [copied, setCopied] = useState(false);
  return { name: copied ? m.copied : m.copyDiagnostics, run: () => void run("copyDiagnostics", (b) => b.copyDiagnostics()).then(setCopied) };
}
