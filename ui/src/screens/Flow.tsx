import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { edition, failure, navigate, pending, run, serverNow } from "../app";
import { isUndelivered, secondsUntil } from "../clock";
import { ActionBar } from "../components/ActionBar";
import { Button, LongWait } from "../components/Button";
import { ResendIn } from "../components/Countdown";
import { announce } from "../components/LiveRegion";
import { Message, ProblemMessage } from "../components/ProblemMessage";
import { Steps } from "../components/Steps";
import { WhoCanHelp } from "../components/WhoCanHelp";
import { formatDateTime, t } from "../i18n";
import type { Linking } from "../ipc/bridge";
import { retryAfterText } from "../problems";
import { AddressForm, SendCode } from "./AddressForm";
import { CodeForm, VerifyCode } from "./CodeForm";
import { DELIVERY_MESSAGE, MessageWithAddress, OpenEmailApp } from "./DeliveryHelp";
import { Done } from "./Done";
import { useIsPast } from "./useIsPast";

/** A wait for the next code that is longer is a limit, which the server adds to its usual minute. */
const LONG_WAIT_SECONDS = 120;

/**
 * What the screen is about. Of the two forms, `address` and `code` have the next step at the one of that name; `undelivered` (no mail
 * arrives) and `expired` (all codes have) at the address, again. The others have no form.
 */
type Mode = "address" | "code" | "undelivered" | "expired" | "exhausted" | "locked" | "limited" | "linking" | "linked";

function useMode(linking: Linking) {
  const { challenge } = linking;
  const failed = failure.value;
  const problem = failed?.action === "sendCode" || failed?.action === "verifyCode" ? failed.problem : null;
  const refusedUntil = failed && problem?.code === "tooManyCodes" ? new Date(failed.at + problem.retryAfterSeconds * 1000).toISOString() : undefined;
  const refused = !useIsPast(refusedUntil) && refusedUntil !== undefined;
  const expired = useIsPast(challenge?.expiresAt);
  const canResendSoon = useIsPast(challenge?.resendAt, -LONG_WAIT_SECONDS);
  /** Until when no code is sent, because there were too many. */
  const limitedUntil = refused ? refusedUntil : challenge && !canResendSoon ? challenge.resendAt : undefined;
  const mode = (): Mode => {
    if (linking.status === "linking" || linking.status === "linked") return linking.status;
    if (linking.problem === "linkingLocked" || problem?.code === "linkingLocked") return "locked";
    if (challenge && (challenge.attemptsLeft === 0 || problem?.code === "attemptsExhausted")) return "exhausted";
    if (limitedUntil && (!challenge || expired)) return "limited";
    if (!challenge) return "address";
    if (expired) return "expired";
    return isUndelivered(challenge) ? "undelivered" : "code";
  };
  return { mode: mode(), limitedUntil };
}

const Wait = ({ until }: { until: string }) => <>{retryAfterText(secondsUntil(until), t())}</>;

/** What happened, where there is no form to say it beside. */
const Outcome = ({ title, code, children }: { title: string; code?: string; children: ComponentChildren }) => (
  <div class="intro" role={code ? "alert" : undefined} data-testid={code && "problem"} data-code={code}>
    <h2 tabIndex={-1}>{title}</h2>
    {children}
  </div>
);

const BackHome = () => (
  <ActionBar>
    <Button testid="back-home" variant="primary" onPress={() => navigate("home")}>
      {t().backHome}
    </Button>
  </ActionBar>
);

/** The linking flow: address, code, done. */
export function Flow({ linking }: { linking: Linking }) {
  const m = t();
  const mobile = edition.value === "mobile";
  const { mode, limitedUntil } = useMode(linking);
  const { challenge } = linking;
  const before = useRef<Mode>(undefined);
  const draft = useRef<{ email: string | undefined; code: string }>({ email: undefined, code: "" });

  // Focus the next step, also for another code.
  useLayoutEffect(() => {
    const first = before.current === undefined;
    before.current = mode;
    const code = document.getElementById("code") as HTMLInputElement | null;
    if (mode === "code") {
      code?.focus();
      code?.scrollIntoView({ block: "center" });
    } else if (mode === "undelivered") {
      // An earlier mail may have arrived, and its code be half-typed.
      document.getElementById(code?.value ? "code" : "email")?.focus();
    } else if (first) return;
    else if (mode === "address") document.getElementById("email")?.focus();
    else {
      document.querySelector<HTMLElement>("[data-state] [tabindex='-1']")?.focus();
      scrollTo(0, 0);
      if (mode === "expired") announce(m.expired);
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the language changes nothing
  }, [mode, mode === "code" && challenge?.sentAt]);

  const codeIsNext = mode === "code";
  const hasForms = mode === "address" || mode === "undelivered" || mode === "expired" || codeIsNext;
  const canEnterCode = codeIsNext || mode === "undelivered";

  const address =
    codeIsNext && limitedUntil ? (
      <div key="address" class="form-section">
        <Message id="email-problem" wrong={false}>
          <p role="alert" data-testid="problem" data-code="tooManyCodes">
            <strong>{m.tooManyCodes}</strong> {m.tooManyCodesAdvice}
          </p>
        </Message>
        <ResendIn at={limitedUntil} />
      </div>
    ) : (
      <AddressForm
        key="address"
        linking={linking}
        slots={canEnterCode ? ["email"] : ["email", "code"]}
        bouncedId={mode === "undelivered" && challenge?.delivery === "bounced" ? "delivery-problem" : undefined}
        actions={
          <div class="actions">
            {(!mobile || codeIsNext) && <SendCode primary={!codeIsNext} describedBy={challenge ? "resend-in" : undefined} />}
            {challenge && mode !== "expired" && <ResendIn at={challenge.resendAt} />}
          </div>
        }
        inBar={mobile && !codeIsNext}
      />
    );
  const code = (canEnterCode || !mobile) && (
    <CodeForm key={challenge?.email} challenge={canEnterCode ? challenge : null} isNext={codeIsNext} canResend={!limitedUntil} draft={draft} />
  );

  return (
    <div class="flow" data-testid="flow" data-state={linking.status}>
      <Steps status={linking.status} back={!codeIsNext && linking.status === "codeSent"} />
      {mode === "address" && (
        <div class="intro">
          <h2>{m.emailStepTitle}</h2>
          <p>{m.emailStepBody}</p>
        </div>
      )}
      {codeIsNext && challenge && (
        <section class="intro" data-testid="check-inbox" aria-labelledby="inbox-title">
          <h2 id="inbox-title">{m.codeSentTitle}</h2>
          <p>
            <MessageWithAddress message={m.codeSentBody} email={challenge.email} />
          </p>
          <p class="hint">{m.sentAt({ time: formatDateTime(challenge.sentAt, serverNow()) })}</p>
          <OpenEmailApp testid="open-email-app" />
        </section>
      )}
      {mode === "undelivered" && challenge && (
        <div class="intro" data-delivery={challenge.delivery}>
          <Message id="delivery-problem" wrong={challenge.delivery === "bounced"}>
            <p role="alert">
              <MessageWithAddress message={m[DELIVERY_MESSAGE[challenge.delivery]]} email={challenge.email} />
            </p>
          </Message>
        </div>
      )}
      {mode === "expired" && (
        <Outcome title={m.expired}>
          <p>{m.codeExpiredAdvice}</p>
        </Outcome>
      )}
      {/* The next step comes first; on a wide desktop the address is beside the code. */}
      {hasForms && (
        <div key={mode} class="forms" data-code-first={codeIsNext ? "" : undefined}>
          {codeIsNext ? [code, address] : [address, code]}
        </div>
      )}
      {mobile && hasForms && (
        <ActionBar key={mode}>
          <LongWait busy={pending.value.has(codeIsNext ? "verifyCode" : "sendCode")} />
          {codeIsNext ? <VerifyCode primary /> : <SendCode primary />}
        </ActionBar>
      )}
      {mode === "exhausted" && (
        <>
          <Outcome title={m.attemptsExhausted} code="attemptsExhausted">
            <p>{m.attemptsExhaustedAdvice}</p>
            <ProblemMessage slots={["flow"]} id="flow-problem" />
          </Outcome>
          <ActionBar>
            <LongWait busy={pending.value.has("startOver")} />
            <Button testid="start-over" variant="primary" busy={pending.value.has("startOver")} onPress={() => void run("startOver", (b) => b.startOver())}>
              {m.startOver}
            </Button>
          </ActionBar>
        </>
      )}
      {mode === "locked" && (
        <>
          <Outcome title={m.linkingLocked} code="linkingLocked">
            <p>{m.linkingLockedAdvice}</p>
            <WhoCanHelp />
          </Outcome>
          <BackHome />
        </>
      )}
      {mode === "limited" && limitedUntil && (
        <>
          <Outcome title={m.tooManyCodes} code="tooManyCodes">
            <p aria-live="off">
              <Wait until={limitedUntil} />
            </p>
            <WhoCanHelp administrator />
          </Outcome>
          <BackHome />
        </>
      )}
      {mode === "linking" && (
        <>
          <div class="intro">
            <h2 tabIndex={-1}>{m.linkingTitle}</h2>
            <p>{m.linkingBody}</p>
            <i class="progress" aria-hidden="true" />
          </div>
          <BackHome />
        </>
      )}
      {linking.account && (
        <>
          <Done account={linking.account} settingsUrl={linking.settingsUrl} tryLogin={linking.tryLogin} />
          <BackHome />
        </>
      )}
    </div>
  );
}
