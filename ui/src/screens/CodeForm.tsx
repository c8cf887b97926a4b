import { useRef, useState } from "preact/hooks";
import { clearFailure, edition, failure, pending, run } from "../app";
import { CODE_LENGTH } from "../code";
import { Button, LongWait } from "../components/Button";
import { CodeField } from "../components/CodeField";
import { ExpiresIn } from "../components/Countdown";
import { announce } from "../components/LiveRegion";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { t } from "../i18n";
import type { Challenge } from "../ipc/bridge";
import { isWrongInput } from "../problems";
import { DeliveryHelp } from "./DeliveryHelp";

const FORM = "code-form";

export function VerifyCode({ primary, disabled = false }: { primary: boolean; disabled?: boolean }) {
  return (
    <Button testid="verify-code" variant={primary ? "primary" : "plain"} submit form={FORM} busy={pending.value.has("verifyCode")} disabled={disabled} describedBy={disabled ? "code-hint" : undefined}>
      {t().verify}
    </Button>
  );
}

interface CodeFormProps {
  /** Null while there is no code to enter: the form is shown, but disabled. */
  challenge: Challenge | null;
  /** Entering the code is the next step. */
  isNext: boolean;
  canResend: boolean;
  /** What was typed, and for which address. Outlives the form, which is drawn anew where the screen changes. */
  draft: { current: { email: string | undefined; code: string } };
}

export function CodeForm({ challenge, isNext, canResend, draft }: CodeFormProps) {
  const m = t();
  const mobile = edition.value === "mobile";
  const inBar = mobile && isNext;
  const [code, setCode] = useState(challenge?.email === draft.current.email ? draft.current.code : "");
  draft.current = { email: challenge?.email, code };
  const [errorCount, setErrorCount] = useState(0);
  const [pasteFailed, setPasteFailed] = useState(false);
  const submitted = useRef(new Set<string>());
  const busy = pending.value.has("verifyCode");
  const problem = challenge && failureIn("code");

  const verify = async (call: Parameters<typeof run>[1]) => {
    const succeeded = await run("verifyCode", call);
    const failed = failure.peek();
    if (succeeded || pending.peek().has("verifyCode")) return;
    if (isWrongInput(failed) || failed?.problem.code === "notPasted") {
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
      class="form-section code-form"
      id={FORM}
      data-quiet={challenge ? undefined : ""}
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
        problemId={problem ? "code-problem" : undefined}
        invalid={isWrongInput(problem)}
        onCode={onCode}
      />
      {challenge && (
        <div class="code-status">
          <ExpiresIn at={challenge.expiresAt} />
          <Button testid="paste-code" variant="ghost" onPress={() => void paste()}>
            {m.pasteCode}
          </Button>
        </div>
      )}
      {!inBar && (
        <div class="actions">
          <VerifyCode primary={isNext} disabled={!challenge} />
        </div>
      )}
      {challenge && (
        <div class="message-room">
          {!inBar && <LongWait busy={busy} />}
          <ProblemMessage slots={["code"]} id="code-problem" />
        </div>
      )}
      {challenge && isNext && <DeliveryHelp challenge={challenge} canResend={canResend} />}
    </form>
  );
}
