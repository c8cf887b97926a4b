// M2, M3, D2, D3, D4: address, code, done.

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { announce } from "../announce";
import { act, edition, failure, clearFailure, serverNow, working } from "../app";
import { secondsSince, secondsUntil } from "../clock";
import type { Challenge, Linking } from "../ipc/bridge";
import { Button, LongWait } from "../components/Button";
import { CodeField } from "../components/CodeField";
import { ProblemMessage, failureAt } from "../components/ProblemMessage";
import { ExpiresIn, ResendIn } from "../components/Countdown";
import { Steps } from "../components/Steps";
import { formatDateTime, t } from "../i18n";
import { AddressForm } from "./AddressForm";
import { Done } from "./Done";

const startOver = () => void act("startOver", (b) => b.startOver());

/** The sentence with the address in it made easy to check. */
function Sentence({ text, email }: { text: (inputs: { email: string }) => string; email: string }) {
  const [before = "", after = ""] = text({ email: "\n" }).split("\n");
  return (
    <>
      {before}
      <strong class="address">{email}</strong>
      {after}
    </>
  );
}

const WHERE = { queued: "deliveryHelpQueued", accepted: "deliveryHelpAccepted", deferred: "deliveryHelpDeferred", bounced: "deliveryHelpBounced" } as const;

/** What delivery knows: after 20 seconds on request, and at once when the mail came back. */
function WhereIsMyCode({ challenge }: { challenge: Challenge }) {
  const m = t();
  const { sentAt, delivery, email } = challenge;
  const from = useSignal(sentAt);
  useLayoutEffect(() => {
    from.value = sentAt;
  }, [from, sentAt]);
  const late = useComputed(() => secondsSince(from.value) >= 20);
  const [open, setOpen] = useState(false);
  const bounced = delivery === "bounced";
  if (!bounced && !late.value) return null;
  return (
    <details class="where" open={open || bounced} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{m.deliveryHelpTitle}</summary>
      <ul>
        <li data-delivery={delivery}>
          <span role={bounced ? "alert" : undefined}>
            <Sentence text={m[WHERE[delivery]]} email={email} />
          </span>
        </li>
        {!bounced && <li>{m.deliveryHelpSpam}</li>}
        {!bounced && <li>{m.deliveryHelpResend}</li>}
        <li>{m.deliveryHelpOther}</li>
      </ul>
      <Button variant="ghost" busy={working.value.has("startOver")} onPress={startOver}>
        {m.useAnotherAddress}
      </Button>
    </details>
  );
}

/** The code part. On desktop it stands there, disabled, before there is a code. */
function CodeForm({ challenge, over }: { challenge: Challenge | null; over: boolean }) {
  const m = t();
  const mobile = edition.value === "mobile";
  const [code, setCode] = useState("");
  const [errorCount, setRefusals] = useState(0);
  /** The last press on Paste found no code. */
  const [pastedNone, setPastedNone] = useState(false);
  const refused = useRef(new Set<string>());
  const busy = working.value.has("verifyCode");
  // No try is left: the one way on is to start over.
  const spent = challenge?.attemptsLeft === 0;
  const problemId = challenge && failureAt("code") ? "code-problem" : undefined;

  const verify = async (call: Parameters<typeof act>[1]) => {
    const worked = await act("verifyCode", call);
    const problem = failure.peek()?.problem.code;
    if (worked || working.peek().has("verifyCode")) return;
    if (problem === "codeWrong" || problem === "codeExpired" || problem === "codeFormat" || problem === "attemptsExhausted") {
      setRefusals((n) => n + 1);
      document.getElementById("code")?.focus();
    }
  };
  const send = (typed: string) => {
    refused.current.add(typed);
    void verify((b) => b.verifyCode(typed));
  };
  // Rust reads the clipboard, on this press alone, and tells the page only how it went.
  const paste = async () => {
    setCode("");
    await verify((b) => b.pasteCode());
    if (failure.peek()?.problem.code !== "codeFormat") return;
    clearFailure();
    setPastedNone(true);
    announce(m.pasteNoCode);
  };
  const take = (typed: string) => {
    if (typed !== code) clearFailure();
    setPastedNone(false);
    setCode(typed);
    // By itself once: a code that was sent goes again only on a press.
    if (typed.length === 6 && !busy && !refused.current.has(typed)) send(typed);
  };

  return (
    <form
      class="part"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send(code);
      }}
    >
      <CodeField
        label={mobile ? m.codeMobile : m.codeDesktop}
        hint={!challenge ? m.codeDisabledHint : pastedNone ? m.pasteNoCode : m.codeHint}
        value={code}
        disabled={!challenge}
        errorCount={errorCount}
        problemId={problemId}
        onCode={take}
        onPasteCode={() => void paste()}
      />
      {challenge && (
        <p class="code-facts">
          <ExpiresIn at={challenge.expiresAt} />
          <span class="running" data-testid="attempts-left">
            {m.attemptsLeft({ count: challenge.attemptsLeft })}
          </span>
        </p>
      )}
      {challenge && <ProblemMessage slots={["code"]} id="code-problem" />}
      <div class="actions">
        <Button testid="verify-code" variant={challenge && !over && !spent ? "primary" : "plain"} submit busy={busy} disabled={!challenge || spent} describedBy={challenge ? undefined : "code-hint"}>
          {m.verify}
        </Button>
        {challenge && (
          <Button testid="start-over" variant={spent ? "primary" : "quiet"} busy={working.value.has("startOver")} onPress={startOver}>
            {m.startOver}
          </Button>
        )}
        <LongWait busy={busy} />
      </div>
      {challenge && <WhereIsMyCode challenge={challenge} />}
    </form>
  );
}

const Skeleton = () => (
  <div role="status">
    <span class="unseen">{t().loading}</span>
    <i class="bone title" />
    <i class="bone" />
    <i class="bone short" />
    <i class="bone control" />
    <i class="bone control" />
  </div>
);

/** The whole flow, on whichever screen it stands. */
export function Flow({ linking }: { linking: Linking | null }) {
  const m = t();
  const mobile = edition.value === "mobile";
  const status = linking?.status;
  const before = useRef(status);
  const first = useRef(true);

  // The next thing to do takes the focus: the code once it is sent, the address after starting over.
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

  // The on-screen keyboard takes half of a phone: what is typed into stays in view.
  useEffect(() => {
    const keepInView = () => {
      const at = document.activeElement;
      if (at instanceof HTMLInputElement) at.scrollIntoView({ block: "center" });
    };
    window.visualViewport?.addEventListener("resize", keepInView);
    return () => window.visualViewport?.removeEventListener("resize", keepInView);
  }, []);

  const expiresAt = linking?.challenge?.expiresAt;
  const expiry = useSignal(expiresAt);
  useLayoutEffect(() => {
    expiry.value = expiresAt;
  }, [expiry, expiresAt]);
  // Once the code is over, the one thing to do is to send another.
  const over = useComputed(() => expiry.value !== undefined && secondsUntil(expiry.value) === 0).value;

  // The field may have moved, and lost the focus by it.
  useLayoutEffect(() => {
    if (over && document.activeElement === document.body) document.getElementById("code")?.focus();
  }, [over]);

  if (!linking) return <Skeleton />;
  const { challenge } = linking;
  const address = (
    <AddressForm key="address" linking={linking} lead={!challenge || over} reason={challenge && <ResendIn at={challenge.resendAt} id="resend-in" />} />
  );
  const code = (challenge || !mobile) && <CodeForm key={challenge?.email} challenge={challenge} over={over} />;
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
            <Sentence text={m.codeSentBody} email={challenge.email} />
          </p>
          <p class="hint">{m.sentAt({ time: formatDateTime(challenge.sentAt, serverNow()) })}</p>
        </div>
      )}
      {/* A phone has no room for both: what is next comes first. */}
      {(linking.status === "notLinked" || challenge) && (mobile && !over ? [code, address] : [address, code])}
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
