import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { looksLikeAddress, suggestDomain } from "../address";
import { type Failure, clearFailure, edition, pending, run, saveEmailDraft, setFailure } from "../app";
import { unbrokenDomain } from "../components/Address";
import { Button, LongWait } from "../components/Button";
import { Field } from "../components/Field";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { WhoCanHelp } from "../components/WhoCanHelp";
import { CheckIcon } from "../components/icons";
import { t } from "../i18n";
import type { Linking } from "../ipc/bridge";
import { type Slot, isWrongInput } from "../problems";
import { NoEmail } from "./DeliveryHelp";

/** Typing pauses this long before the draft is saved. */
const SAVE_DELAY_MS = 300;
/** A blur shows its problem or suggestion this much later, so that it does not move a button away from under the finger. */
const BLUR_DELAY_MS = 250;

const setInvalid = () => setFailure("sendCode", { code: "emailInvalid", retryable: false });

/** The server refused the address after the app's last call had its answer. */
const REFUSED: Failure = { action: "sendCode", problem: { code: "accountTaken", retryable: false }, at: 0, retry: () => {} };

const FORM = "address-form";

export function SendCode({ primary, describedBy }: { primary: boolean; describedBy?: string | undefined }) {
  const m = t();
  return (
    <Button testid="send-code" variant={primary ? "primary" : "plain"} submit form={FORM} busy={pending.value.has("sendCode")} describedBy={describedBy}>
      {edition.value === "mobile" ? m.sendMobile : m.sendDesktop}
    </Button>
  );
}

interface AddressFormProps {
  linking: Linking;
  /** The problems that are shown here. */
  slots: Slot[];
  /** The id of the sentence that says that no mail arrives at the challenge's address. */
  bouncedId?: string | undefined;
  /** The send button, unless it is in the action bar, and what stands beside it. */
  actions: ComponentChildren;
  inBar: boolean;
}

export function AddressForm({ linking, slots, bouncedId, actions, inBar }: AddressFormProps) {
  const m = t();
  const mobile = edition.value === "mobile";
  const { suggestions, challenge } = linking;
  // What is being typed, until Rust has saved it: then the view has it.
  const [typed, setTyped] = useState<string | null>(null);
  // Until then the only address on record is chosen.
  const [edited, setEdited] = useState(false);
  const only = !edited && suggestions.length === 1 && !linking.email && suggestions[0];
  const email = typed ?? (linking.email || only || "");
  /** From the first letter until the field is left. */
  const [typing, setTyping] = useState(false);
  const saveTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const blurTimer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(email);
  latest.current = email;
  const refusal = linking.problem === "accountTaken" && !edited && !pending.value.has("sendCode") ? REFUSED : null;
  const problem = failureIn(...slots) ?? refusal;
  const bounced = bouncedId && email === challenge?.email ? bouncedId : undefined;
  const suggestion = !typing && suggestDomain(email, suggestions);

  const clearTimers = () => {
    clearTimeout(saveTimer.current);
    clearTimeout(blurTimer.current);
  };
  const unsaved = useRef(typed);
  unsaved.current = typed;
  const save = async (text: string) => {
    clearTimeout(saveTimer.current);
    if ((await saveEmailDraft(text)) && latest.current === text) setTyped(null);
  };
  useEffect(
    () => () => {
      clearTimers();
      if (unsaved.current !== null) void saveEmailDraft(unsaved.current);
    },
    [],
  );
  const onInput = (text: string) => {
    clearTimers();
    clearFailure();
    setEdited(true);
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

  return (
    <form class="form-section" id={FORM} noValidate onSubmit={onSubmit}>
      {suggestions.length > 0 ? (
        <fieldset class="choices">
          <legend class="label">{mobile ? m.suggestionsMobile : challenge ? m.suggestionsAfter : m.suggestionsBefore}</legend>
          <div class="choice-list">
            {suggestions.map((address) => (
              <label key={address} class="choice">
                <input
                  type="radio"
                  name="suggestion"
                  data-testid="suggestion"
                  checked={address.toLowerCase() === email.trim().toLowerCase()}
                  onChange={() => onInput(address)}
                />
                <span class="choice-mark">
                  <CheckIcon />
                </span>
                <span class="address">{unbrokenDomain(address)}</span>
              </label>
            ))}
          </div>
        </fieldset>
      ) : (
        <div class="hint">
          <p>{m.noSuggestions}</p>
          <WhoCanHelp />
        </div>
      )}
      <Field
        id="email"
        label={mobile ? m.emailMobile : m.emailDesktop}
        // Not type="email", which rejects letters outside ASCII.
        inputMode="email"
        autocomplete="email"
        enterkeyhint="send"
        value={email}
        problemId={problem ? "email-problem" : bounced}
        invalid={isWrongInput(problem) || bounced !== undefined}
        // What is typed first replaces the address that nobody has chosen.
        onFocus={(event) => {
          if (only) event.currentTarget.select();
        }}
        onInput={(event) => {
          const { value } = event.currentTarget;
          onInput(only && value.startsWith(only) ? value.slice(only.length) : value);
        }}
        onBlur={onBlur}
      />
      {actions}
      <div class="message-room">
        {!inBar && <LongWait busy={pending.value.has("sendCode")} />}
        {suggestion && (
          <button type="button" class="did-you-mean" onClick={() => onInput(suggestion)}>
            {m.didYouMean({ email: suggestion })}
          </button>
        )}
        <ProblemMessage slots={slots} id="email-problem" otherwise={refusal} />
      </div>
      {!challenge && <NoEmail />}
    </form>
  );
}
