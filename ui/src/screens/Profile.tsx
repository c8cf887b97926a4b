import { goTo } from "../app";
import { FactRow, LinkRow, Rows } from "../parts/Row";
import { say } from "../words";
import { Frame } from "./Frame";
import { type SignedIn, statusText } from "./Home";

export function Profile({ phase: { employee, linking, notice } }: SignedIn) {
  const m = say();
  return (
    <Frame testid="screen-profile" notice={notice}>
      <Rows>
        <FactRow title={m.name}>
          {employee.firstName} {employee.lastName}
        </FactRow>
        <FactRow title={m.company}>{employee.company}</FactRow>
      </Rows>
      <Rows>
        <LinkRow testid="row-account-settings" title={m.accountSettings} detail={statusText(linking)} onPress={() => goTo("accountSettings")} />
      </Rows>
    </Frame>
  );
}
