import { useState } from "preact/hooks";
import { act, forgive, goTo, view, working } from "../app";
import type { Language } from "../ipc/bridge";
import { Button } from "../parts/Button";
import { ProblemNote } from "../parts/ProblemNote";
import { FactRow, LinkRow, Rows } from "../parts/Row";
import { LANGUAGES, deviceLanguage, say, speak } from "../words";
import { Frame } from "./Frame";
import { type SignedIn, statusText } from "./Home";

export function Settings({ phase: { employee, linking, notice, server } }: SignedIn) {
  const m = say();
  const [copied, setCopied] = useState(false);
  return (
    <Frame testid="screen-settings" notice={notice}>
      <Rows>
        <LinkRow testid="row-visma-connect" title={m.vismaConnect} detail={statusText(linking)} onPress={() => goTo("vismaConnect")} />
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
                forgive();
                // At once, while Rust notes it.
                void speak(chosen ?? deviceLanguage());
                void act("setLanguage", (b) => b.setLanguage(chosen));
              }}
            >
              <option value="">
                {m.languageOfDevice} ({LANGUAGES[deviceLanguage()]})
              </option>
              {Object.entries(LANGUAGES).map(([tag, name]) => (
                <option key={tag} value={tag} lang={tag}>
                  {name}
                </option>
              ))}
            </select>
          </div>
        </li>
        <FactRow title={m.serverRow}>{server}</FactRow>
        <FactRow title={m.signedInAs}>
          {employee.firstName} {employee.lastName}, {employee.company}
        </FactRow>
      </Rows>
      <ProblemNote spots={["settings"]} id="settings-problem" />
      <div class="actions">
        <Button testid="copy-diagnostics" onPress={() => void act("copyDiagnostics", (b) => b.copyDiagnostics()).then(setCopied)}>
          {copied ? m.copied : m.copy}
        </Button>
        <Button testid="sign-out" busy={working.value.has("signOut")} onPress={() => void act("signOut", (b) => b.signOut())}>
          {m.signOut}
        </Button>
      </div>
    </Frame>
  );
}
