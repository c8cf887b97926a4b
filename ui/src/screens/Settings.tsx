import { useState } from "preact/hooks";
import { act, clearFailure, navigate, view, working } from "../app";
import type { Language } from "../ipc/bridge";
import { Button } from "../components/Button";
import { ProblemMessage } from "../components/ProblemMessage";
import { ValueRow, LinkRow, Rows } from "../components/Row";
import { LANGUAGES, deviceLanguage, t, setLocale } from "../i18n";
import { Layout } from "./Layout";
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
          <div class="row-fact row-choice">
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
                // At once, while Rust notes it.
                void setLocale(chosen ?? deviceLanguage());
                void act("setLanguage", (b) => b.setLanguage(chosen));
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
        <Button testid="copy-diagnostics" onPress={() => void act("copyDiagnostics", (b) => b.copyDiagnostics()).then(setCopied)}>
          {copied ? m.copied : m.copyDiagnostics}
        </Button>
        <Button testid="sign-out" busy={working.value.has("signOut")} onPress={() => void act("signOut", (b) => b.signOut())}>
          {m.signOut}
        </Button>
      </div>
    </Layout>
  );
}
