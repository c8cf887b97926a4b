import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { looksLikeAddress, suggestDomain } from "../address";
import { type Failure, clearFailure, edition, pending, run, saveEmailDraft, setFailure } from "../app";
import { Button, LongWait } from "../components/Button";
import { Field } from "../components/Field";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { t } from "../i18n";
import type { Linking } from "../ipc/bridge";

/** Typing pauses this long before the draft is saved. */
const SAVE_DELAY_MS = 300;
/** A blur shows its problem or suggestion this much later, so that it does not move a button away from under the finger. */
const BLUR_DELAY_MS = 250;

const setInvalid = () => setFailure("sendCode", { code: "emailInvalid", retryable: false });

/** The server refused the address after the app's last call had its answer. */
const REFUSED: Failure = { action: "sendCode", problem: { code: "accountTaken", retryable: false }, at: 0, retry: () => {} };

interface AddressFormProps {
  linking: Linking;
  /** Sending a code is the next step. */
  isNext: boolean;
  /** Why another code has to wait. */
  resendHint: ComponentChildren;
}

export function AddressForm({ linking, isNext, resendHint }: AddressFormProps) {
  const m = t();
  const mobile = edition.value === "mobile";
  const sent = linking.challenge !== null;
  // What is being typed, until Rust has saved it: then the view has it.
  const [typed, setTyped] = useState<string | null>(null);
  const email = typed ?? linking.email;
  /** From the first letter until the field is left. */
  const [typing, setTyping] = useState(false);
  const saveTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const blurTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(email);
  latest.current = email;
  const busy = pending.value.has("sendCode");
  // Without a challenge there is no code field to show a code's problem.
  const slots: Parameters<typeof failureIn> = sent ? ["email"] : ["email", "code"];
  // Until another address is typed.
  const [typedAnother, setTypedAnother] = useState(false);
  const refusal = linking.problem === "accountTaken" && !typedAnother && !busy ? REFUSED : null;
  const problemId = (failureIn(...slots) ?? refusal) ? "email-problem" : undefined;
  const suggestion = !typing && suggestDomain(email, linking.suggestions);

  const clearTimers = () => {
    clearTimeout(saveTimer.current);
    clearTimeout(blurTimer.current);
  };
  useEffect(() => clearTimers, []);

  const save = async (text: string) => {
    clearTimeout(saveTimer.current);
    if ((await saveEmailDraft(text)) && latest.current === text) setTyped(null);
  };
  const onInput = (text: string) => {
    clearTimers();
    clearFailure();
    setTypedAnother(true);
    setTyping(true);
    setTyped(text);
    latest.current = text;
    saveTimer.current = setTimeout(() => void save(text), SAVE_DELAY_MS);
  };
  const onBlur = () => {
    if (!typing) return;
    if (typed !== null) void save(typed);
    clearTimeout(blurTimer.current);
    blurTimer.current = setTimeout(() => {
      setTyping(false);
      if (email && !looksLikeAddress(email)) setInvalid();
    }, BLUR_DELAY_MS);
  };
  const onSubmit = (event: Event) => {
    event.preventDefault();
    clearTimers();
    const address = email.trim();
    if (!looksLikeAddress(address)) {
      setInvalid();
      document.getElementById("email")?.focus();
      return;
    }
    void run("sendCode", (b) => b.sendCode(address)).then((succeeded) => {
      if (succeeded && latest.current.trim() === address) setTyped(null);
      return succeeded;
    });
  };

  const actions = (
    <div class="actions">
      <Button testid="send-code" variant={isNext ? "primary" : "plain"} submit busy={busy} describedBy={sent ? "resend-in" : undefined}>
        {mobile ? m.sendMobile : m.sendDesktop}
      </Button>
      {resendHint}
      <LongWait busy={busy} />
    </div>
  );

  return (
    <form class="form-section" noValidate onSubmit={onSubmit}>
      <Field
        id="email"
        label={mobile ? m.emailMobile : m.emailDesktop}
        // Not type="email", which rejects letters outside ASCII.
        inputMode="email"
        autocomplete="email"
        enterkeyhint="send"
        value={email}
        problemId={problemId}
        onInput={(event) => onInput(event.currentTarget.value)}
        onBlur={onBlur}
      >
        {suggestion && (
          <button type="button" class="did-you-mean" onClick={() => onInput(suggestion)}>
            {m.didYouMean({ email: suggestion })}
          </button>
        )}
        <ProblemMessage slots={slots} id="email-problem" otherwise={refusal} />
      </Field>
      {!mobile && actions}
      {linking.suggestions.length > 0 ? (
        <div role="group" aria-labelledby="suggestions-label">
          <p class="label" id="suggestions-label">
            {mobile ? m.suggestionsMobile : sent ? m.suggestionsAfter : m.suggestionsBefore}
          </p>
          <ul class="chips">
            {linking.suggestions.map((address) => (
              <li key={address}>
                <button
                  type="button"
                  class="chip"
                  data-testid="suggestion"
                  aria-pressed={address.toLowerCase() === email.trim().toLowerCase()}
                  onClick={() => onInput(address)}
                >
                  {address}
                </button>
              </li>
            ))}
          </ul>
        </div>
      ) : (
        <p class="hint">{m.noSuggestions}</p>
      )}
      {mobile && actions}
    </form>
  );
}
