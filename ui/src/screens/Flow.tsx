import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { clearFailure, edition, failure, pending, run, serverNow } from "../app";
import { secondsSince } from "../clock";
import { CODE_LENGTH } from "../code";
import { Button, LongWait } from "../components/Button";
import { CodeField } from "../components/CodeField";
import { ExpiresIn, ResendIn } from "../components/Countdown";
import { announce } from "../components/LiveRegion";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { Steps } from "../components/Steps";
import { formatDateTime, t } from "../i18n";
import type { Challenge, Linking } from "../ipc/bridge";
import { AddressForm } from "./AddressForm";
import { Done } from "./Done";

const startOver = () => void run("startOver", (b) => b.startOver());

/** A message with its address emphasised. */
function MessageWithAddress({ message, email }: { message: (params: { email: string }) => string; email: string }) {
  const [before = "", after = ""] = message({ email: "\n" }).split("\n");
  return (
    <>
      {before}
      <strong class="address">{email}</strong>
      {after}
    </>
  );
}

/** Whether `seconds` have passed since `time`. Redraws when that changes, and not every second. */
function useIsPast(time: string | undefined, seconds = 0): boolean {
  const from = useSignal(time);
  useLayoutEffect(() => {
    from.value = time;
  }, [from, time]);
  return useComputed(() => from.value !== undefined && secondsSince(from.value) >= seconds).value;
}

const DELIVERY_MESSAGE = { queued: "deliveryHelpQueued", accepted: "deliveryHelpAccepted", deferred: "deliveryHelpDeferred", bounced: "deliveryHelpBounced", failed: "deliveryHelpFailed" } as const;
/** Most mails have arrived by then. */
const DELIVERY_HELP_AFTER_SECONDS = 20;

/** Help if the mail does not arrive. Collapsed, but open if the mail was not delivered. */
function DeliveryHelp({ challenge }: { challenge: Challenge }) {
  const m = t();
  const { sentAt, delivery, email } = challenge;
  const late = useIsPast(sentAt, DELIVERY_HELP_AFTER_SECONDS);
  const [open, setOpen] = useState(false);
  const failed = delivery === "bounced" || delivery === "failed";
  if (!failed && !late) return null;
  return (
    <details class="delivery-help" open={open || failed} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{m.deliveryHelpTitle}</summary>
      <ul>
        <li data-delivery={delivery}>
          <span role={failed ? "alert" : undefined}>
            <MessageWithAddress message={m[DELIVERY_MESSAGE[delivery]]} email={email} />
          </span>
        </li>
        {!failed && <li>{m.deliveryHelpSpam}</li>}
        {!failed && <li>{m.deliveryHelpResend}</li>}
        <li>{m.deliveryHelpOther}</li>
      </ul>
      <Button variant="ghost" busy={pending.value.has("startOver")} onPress={startOver}>
        {m.useAnotherAddress}
      </Button>
    </details>
  );
}

/** On desktop it is shown, but disabled, before a code was sent. */
function CodeForm({ challenge, expired }: { challenge: Challenge | null; expired: boolean }) {
  const m = t();
  const mobile = edition.value === "mobile";
  const [code, setCode] = useState("");
  const [errorCount, setErrorCount] = useState(0);
  const [pasteFailed, setPasteFailed] = useState(false);
  const submitted = useRef(new Set<string>());
  const busy = pending.value.has("verifyCode");
  const noAttemptsLeft = challenge?.attemptsLeft === 0;
  const problemId = challenge && failureIn("code") ? "code-problem" : undefined;

  const verify = async (call: Parameters<typeof run>[1]) => {
    const succeeded = await run("verifyCode", call);
    const problem = failure.peek()?.problem.code;
    if (succeeded || pending.peek().has("verifyCode")) return;
    if (problem === "codeWrong" || problem === "codeExpired" || problem === "codeFormat" || problem === "notPasted" || problem === "attemptsExhausted") {
      setErrorCount((n) => n + 1);
      document.getElementById("code")?.focus();
    }
  };
  const submit = (typed: string) => {
    submitted.current.add(typed);
    void verify((b) => b.verifyCode(typed));
  };
  // Rust reads the clipboard, only when the button is pressed, and the page never sees the content.
  const paste = async () => {
    setCode("");
    await verify((b) => b.pasteCode());
    if (failure.peek()?.problem.code !== "codeFormat") return;
    clearFailure();
    setPasteFailed(true);
    announce(m.pasteNoCode);
  };
  const onCode = (typed: string) => {
    if (typed !== code) clearFailure();
    setPasteFailed(false);
    setCode(typed);
    // A complete code is submitted without a press, but only once.
    if (typed.length === CODE_LENGTH && !busy && !submitted.current.has(typed)) submit(typed);
  };

  return (
    <form
      class="form-section"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit(code);
      }}
    >
      <CodeField
        label={mobile ? m.codeMobile : m.codeDesktop}
        hint={!challenge ? m.codeDisabledHint : pasteFailed ? m.pasteNoCode : m.codeHint}
        value={code}
        disabled={!challenge}
        errorCount={errorCount}
        problemId={problemId}
        onCode={onCode}
        onPasteCode={() => void paste()}
      />
      {challenge && (
        <p class="code-status">
          <ExpiresIn at={challenge.expiresAt} />
          <span class="countdown" data-testid="attempts-left">
            {m.attemptsLeft({ count: challenge.attemptsLeft })}
          </span>
        </p>
      )}
      {challenge && <ProblemMessage slots={["code"]} id="code-problem" />}
      <div class="actions">
        <Button
          testid="verify-code"
          variant={challenge && !expired && !noAttemptsLeft ? "primary" : "plain"}
          submit
          busy={busy}
          disabled={!challenge || noAttemptsLeft}
          describedBy={challenge ? undefined : "code-hint"}
        >
          {m.verify}
        </Button>
        {challenge && (
          <Button testid="start-over" variant={noAttemptsLeft ? "primary" : "ghost"} busy={pending.value.has("startOver")} onPress={startOver}>
            {m.startOver}
          </Button>
        )}
        <LongWait busy={busy} />
      </div>
      {challenge && <DeliveryHelp challenge={challenge} />}
    </form>
  );
}

const Skeleton = () => (
  <div role="status">
    <span class="visually-hidden">{t().loading}</span>
    <i class="skeleton title" />
    <i class="skeleton" />
    <i class="skeleton short" />
    <i class="skeleton control" />
    <i class="skeleton control" />
  </div>
);

/** The linking flow: address, code, done. */
export function Flow({ linking }: { linking: Linking | null }) {
  const m = t();
  const mobile = edition.value === "mobile";
  const status = linking?.status;
  const before = useRef(status);
  const first = useRef(true);

  // Focus the next step: the code field once a code is sent, the address field after starting over.
  useLayoutEffect(() => {
    const changed = before.current !== undefined && before.current !== status;
    before.current = status;
    if (status === "codeSent" && (changed || first.current)) {
      const code = document.getElementById("code");
      code?.focus();
      code?.scrollIntoView({ block: "center" });
    } else if (changed && status === "notLinked") document.getElementById("email")?.focus();
    else if (changed && status) {
      document.querySelector<HTMLElement>("[data-state] [tabindex='-1']")?.focus();
      scrollTo(0, 0);
    }
    if (status) first.current = false;
  }, [status]);

  // Keep the focused field visible when the on-screen keyboard opens.
  useEffect(() => {
    const keepInView = () => {
      const focused = document.activeElement;
      if (focused instanceof HTMLInputElement) focused.scrollIntoView({ block: "center" });
    };
    window.visualViewport?.addEventListener("resize", keepInView);
    return () => window.visualViewport?.removeEventListener("resize", keepInView);
  }, []);

  const expired = useIsPast(linking?.challenge?.expiresAt);

  // The code field moves when the code expires, and may lose the focus.
  useLayoutEffect(() => {
    if (expired && document.activeElement === document.body) document.getElementById("code")?.focus();
  }, [expired]);

  if (!linking) return <Skeleton />;
  const { challenge } = linking;
  const address = (
    <AddressForm
      key="address"
      linking={linking}
      isNext={!challenge || expired}
      resendHint={challenge && <ResendIn at={challenge.resendAt} id="resend-in" />}
    />
  );
  const code = (challenge || !mobile) && <CodeForm key={challenge?.email} challenge={challenge} expired={expired} />;
  return (
    <div class="flow" data-testid="flow" data-state={linking.status}>
      <Steps status={linking.status} />
      {linking.status === "notLinked" && (
        <div class="intro">
          <h2>{m.emailStepTitle}</h2>
          <p>{m.emailStepBody}</p>
        </div>
      )}
      {challenge && (
        <div class="intro" data-testid="check-inbox">
          <h2>{m.codeSentTitle}</h2>
          <p>
            <MessageWithAddress message={m.codeSentBody} email={challenge.email} />
          </p>
          <p class="hint">{m.sentAt({ time: formatDateTime(challenge.sentAt, serverNow()) })}</p>
        </div>
      )}
      {/* A phone has room for one form: the next step comes first. */}
      {(linking.status === "notLinked" || challenge) && (mobile && !expired ? [code, address] : [address, code])}
      {linking.status === "linking" && (
        <div class="intro">
          <h2 tabIndex={-1}>{m.linkingTitle}</h2>
          <p>{m.linkingBody}</p>
          <i class="progress" aria-hidden="true" />
        </div>
      )}
      {linking.account && <Done account={linking.account} settingsUrl={linking.settingsUrl} />}
    </div>
  );
}
