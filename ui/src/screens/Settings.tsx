import { useState } from "preact/hooks";
import { clearFailure, navigate, pending, run, view } from "../app";
import { Button } from "../components/Button";
import { Layout } from "../components/Layout";
import { ProblemMessage } from "../components/ProblemMessage";
import { LinkRow, Rows, ValueRow } from "../components/Row";
import { LANGUAGES, deviceLanguage, setLocale, t } from "../i18n";
import type { Language } from "../ipc/bridge";
import { type SignedIn, statusText } from "./Home";

export function Settings({ phase: { employee, linking, notice, server } }: SignedIn) {
  const m = t();
  const [copied, setCopied] = useState(false);
  return (
    <Layout testid="screen-settings" notice={notice}>
      <Rows>
        <LinkRow testid="row-visma-connect" title={m.vismaConnect} detail={statusText(linking)} onPress={() => navigate("vismaConnect")} />
      </Rows>
      <Rows>
        <li class="row">
          <div class="row-value row-choice">
            <label class="row-title" for="language">
              {m.language}
            </label>
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
                {m.deviceLanguageOption} ({LANGUAGES[deviceLanguage()]})
              </option>
              {Object.entries(LANGUAGES).map(([tag, name]) => (
                <option key={tag} value={tag} lang={tag}>
                  {name}
                </option>
              ))}
            </select>
          </div>
        </li>
        <ValueRow title={m.serverRow}>{server}</ValueRow>
        <ValueRow title={m.signedInAs}>
          {employee.firstName} {employee.lastName}, {employee.company}
        </ValueRow>
      </Rows>
      <ProblemMessage slots={["settings"]} id="settings-problem" />
      <div class="actions">
        <Button testid="copy-diagnostics" onPress={() => void run("copyDiagnostics", (b) => b.copyDiagnostics()).then(setCopied)}>
          {copied ? m.copied : m.copyDiagnostics}
        </Button>
        <Button testid="sign-out" busy={pending.value.has("signOut")} onPress={() => void run("signOut", (b) => b.signOut())}>
          {m.signOut}
        </Button>
      </div>
    </Layout>
  );
}
