import { navigate, pending, run } from "../app";
import { Button } from "../components/Button";
import { Layout } from "../components/Layout";
import { CopyDiagnostics, LanguageSelect } from "../components/Preferences";
import { ProblemMessage } from "../components/ProblemMessage";
import { LinkRow, Rows, ValueRow } from "../components/Row";
import { t } from "../i18n";
import { type SignedIn, statusText } from "./Home";

export function Settings({ phase: { employee, linking, notice, server } }: SignedIn) {
  const m = t();
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
            <LanguageSelect />
          </div>
        </li>
        <ValueRow title={m.serverRow}>{server}</ValueRow>
        <ValueRow title={m.signedInAs}>
          {employee.firstName} {employee.lastName}, {employee.company}
        </ValueRow>
      </Rows>
      <ProblemMessage slots={["settings"]} id="settings-problem" />
      <div class="actions">
        <CopyDiagnostics />
        <Button testid="sign-out" busy={pending.value.has("signOut")} onPress={() => void run("signOut", (b) => b.signOut())}>
          {m.signOut}
        </Button>
      </div>
    </Layout>
  );
}
