// The flow has two places and one content.

import { Frame } from "./Frame";
import { Flow } from "./Flow";
import type { SignedIn } from "./Home";

/** Settings > Visma Connect. */
export const VismaConnect = ({ phase }: SignedIn) => (
  <Frame testid="screen-visma-connect" notice={phase.notice}>
    <Flow linking={phase.linking} />
  </Frame>
);

/** My Profile > Account settings. */
export const AccountSettings = ({ phase }: SignedIn) => (
  <Frame testid="screen-account-settings" notice={phase.notice}>
    <Flow linking={phase.linking} />
  </Frame>
);
