import { edition, navigate, view } from "../app";
import { Banner } from "../components/Banner";
import { Layout } from "../components/Layout";
import { LinkRow, Rows } from "../components/Row";
import { t } from "../i18n";
import type { Linking, Phase } from "../ipc/bridge";

export type SignedIn = { phase: Extract<Phase, { name: "signedIn" }> };

export function statusText(linking: Linking | null): string {
  const m = t();
  if (linking?.challenge) return m.statusCodeSent({ email: linking.challenge.email });
  if (linking?.account) return m.statusLinked({ email: linking.account.email });
  if (linking?.status === "linking") return m.statusLinking;
  return linking ? m.statusNotLinked : m.loading;
}

export function Home({ phase: { employee, linking, notice } }: SignedIn) {
  const m = t();
  const mobile = edition.value === "mobile";
  return (
    <Layout testid="screen-home" title={m.greeting({ name: employee.firstName })} subtitle={employee.company} notice={notice}>
      {mobile && <Banner />}
      <Rows>
        <LinkRow title={m.vismaConnect} detail={statusText(linking)} onPress={() => view.value && navigate(view.value.flowScreen)} />
        {mobile && <LinkRow testid="nav-settings" title={m.settings} onPress={() => navigate("settings")} />}
      </Rows>
    </Layout>
  );
}
