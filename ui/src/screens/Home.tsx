import { edition, goTo } from "../app";
import type { Linking, Phase } from "../ipc/bridge";
import { Banner } from "../parts/Banner";
import { LinkRow, Rows } from "../parts/Row";
import { flowPlace } from "../way";
import { say } from "../words";
import { Frame } from "./Frame";

export type SignedIn = { phase: Extract<Phase, { name: "signedIn" }> };

/** Where the employee stands, in a few words. */
export function statusText(linking: Linking | null): string {
  const m = say();
  if (linking?.challenge) return m.statusCodeSent({ email: linking.challenge.email });
  if (linking?.account) return m.statusLinked({ email: linking.account.email });
  if (linking?.status === "linking") return m.statusLinking;
  return linking ? m.statusNotLinked : m.loading;
}

/** M1, and the start on desktop. */
export function Home({ phase: { employee, linking, notice } }: SignedIn) {
  const m = say();
  const mobile = edition.value === "mobile";
  return (
    <Frame testid="screen-home" title={m.hello({ name: employee.firstName })} subtitle={employee.company} notice={notice}>
      {mobile && <Banner />}
      <Rows>
        <LinkRow title={m.vismaConnect} detail={statusText(linking)} onPress={() => goTo(flowPlace())} />
        {mobile && <LinkRow testid="nav-settings" title={m.settings} onPress={() => goTo("settings")} />}
      </Rows>
    </Frame>
  );
}
