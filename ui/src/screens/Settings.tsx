import { navigate, pending, run } from "../app";
import { Button } from "../components/Button";
import { Layout } from "../components/Layout";
import { LanguageSelect, serverName, useCopyDiagnostics } from "../components/Preferences";
import { ProblemMessage } from "../components/ProblemMessage";
import { ActionRow, LinkRow, Rows, ValueRow } from "../components/Row";
import { t } from "../i18n";
import { type SignedIn, statusText } from "./Home";

/** By code points, so that no letter is cut in two. */
const initials = (...names: string[]) => names.map((name) => [...name.trim()][0] ?? "").join("");

export function Settings({ phase: { employee: { firstName, lastName, company }, linking, notice, server } }: SignedIn) {
  const m = t();
  const copy = useCopyDiagnostics();
  return (
    <Layout testid="screen-settings" notice={notice}>
      <div class="who">
        <span class="initials" aria-hidden="true">
          {initials(firstName, lastName)}
        </span>
        <div class="row-text">
          <p class="row-title">
            {firstName} {lastName}
          </p>
          <p class="row-detail">{company}</p>
        </div>
      </div>
      <Rows>
        <LinkRow testid="row-visma-connect" title={m.vismaConnect} detail={linking ? statusText(linking) : m.loading} onPress={() => navigate("vismaConnect")} />
      </Rows>
      <Rows>
        <li class="row row-value row-choice">
          <label class="row-title" for="language">
            {m.language}
          </label>
          <LanguageSelect />
        </li>
        <ValueRow title={m.serverRow}>{serverName(server)}</ValueRow>
      </Rows>
      <Rows label={m.help}>
        <ActionRow testid="copy-diagnostics" title={copy.name} onPress={copy.run} />
        <ValueRow title={m.version}>{import.meta.env.APP_VERSION}</ValueRow>
      </Rows>
      <ProblemMessage slots={["settings"]} id="settings-problem" />
      <div class="actions">
        <Button testid="sign-out" busy={pending.value.has("signOut")} onPress={() => void run("signOut", (b) => b.signOut())}>
          {m.signOut}
        </Button>
      </div>
    </Layout>
  );
}
