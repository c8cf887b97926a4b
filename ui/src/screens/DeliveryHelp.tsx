import { pending, run, view } from "../app";
import { unbrokenDomain } from "../components/Address";
import { Button } from "../components/Button";
import { WhoCanHelp } from "../components/WhoCanHelp";
import { t } from "../i18n";
import type { Challenge, Delivery } from "../ipc/bridge";

/** A message with its address emphasised. */
export function MessageWithAddress({ message, email }: { message: (params: { email: string }) => string; email: string }) {
  const [before = "", after = ""] = message({ email: "\n" }).split("\n");
  return (
    <>
      {before}
      <strong class="address">{unbrokenDomain(email)}</strong>
      {after}
    </>
  );
}

export const DELIVERY_MESSAGE = { queued: "deliveryHelpQueued", accepted: "deliveryHelpAccepted", deferred: "deliveryHelpDeferred", bounced: "deliveryHelpBounced", failed: "deliveryHelpFailed" } as const satisfies Record<Delivery, string>;

/** Only where there is an app to open, which is on phones. */
export const OpenEmailApp = ({ testid }: { testid?: string }) =>
  view.value?.canOpenEmail ? (
    <Button {...(testid && { testid })} busy={pending.value.has("openEmailApp")} onPress={() => void run("openEmailApp", (b) => b.openEmailApp())}>
      {t().openEmailApp}
    </Button>
  ) : null;

/** For somebody without an address that they can open. */
export function NoEmail() {
  const m = t();
  return (
    <details class="delivery-help">
      <summary>{m.noEmail}</summary>
      <p>{m.noEmailBody}</p>
      <WhoCanHelp administrator />
    </details>
  );
}

/** Help if the mail does not arrive. */
export function DeliveryHelp({ challenge: { delivery, email }, canResend }: { challenge: Challenge; canResend: boolean }) {
  const m = t();
  return (
    <details class="delivery-help">
      <summary>{m.deliveryHelpTitle}</summary>
      <ul>
        <li data-delivery={delivery}>
          <MessageWithAddress message={m[DELIVERY_MESSAGE[delivery]]} email={email} />
        </li>
        <li>{m.deliveryHelpSpam}</li>
        {canResend && <li>{m.deliveryHelpResend}</li>}
        {canResend && <li>{m.deliveryHelpOther}</li>}
      </ul>
      <OpenEmailApp />
      <NoEmail />
    </details>
  );
}
