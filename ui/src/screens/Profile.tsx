import { navigate } from "../app";
import { Layout } from "../components/Layout";
import { LinkRow, Rows, ValueRow } from "../components/Row";
import { t } from "../i18n";
import { type SignedIn, statusText } from "./Home";

export function Profile({ phase: { employee, linking, notice } }: SignedIn) {
  const m = t();
  return (
    <Layout testid="screen-profile" notice={notice}>
      <Rows>
        <ValueRow title={m.name}>
          {employee.firstName} {employee.lastName}
        </ValueRow>
        <ValueRow title={m.company}>{employee.company}</ValueRow>
      </Rows>
      <Rows>
        <LinkRow testid="row-account-settings" title={m.accountSettings} detail={linking ? statusText(linking) : m.loading} onPress={() => navigate("accountSettings")} />
      </Rows>
    </Layout>
  );
}
