import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { suggestDomain, looksLikeAddress } from "../address";
import { act, edition, fail, clearFailure, saveEmailDraft, working } from "../app";
import type { Linking } from "../ipc/bridge";
import { Button, LongWait } from "../components/Button";
import { Field } from "../components/Field";
import { ProblemMessage, failureAt } from "../components/ProblemMessage";
import { t } from "../i18n";

/** The address, the addresses on the HRM record, and the button that sends a code. */
export function AddressForm({ linking, lead, reason }: { linking: Linking; lead: boolean; reason: ComponentChildren }) {
  const m = t();
  const mobile = edition.value === "mobile";
  const sent = linking.challenge !== null;
  // What is being typed, until Rust has it: from then on the view holds it.
  const [typed, setTyped] = useState<string | null>(null);
  const email = typed ?? linking.email;
  const draft = useRef<ReturnType<typeof setTimeout>>(undefined);
  const complaint = useRef<ReturnType<typeof setTimeout>>(undefined);
  const newest = useRef(email);
  newest.current = email;
  const busy = working.value.has("sendCode");
  // A refused code after the challenge has ended has no field of its own any more.
  const slots: Parameters<typeof failureAt> = sent ? ["email"] : ["email", "code"];
  const problemId = failureAt(...slots) ? "email-problem" : undefined;
  const meant = suggestDomain(email, linking.suggestions);

  const keep = async (now: string) => {
    clearTimeout(draft.current);
    if ((await saveEmailDraft(now)) && newest.current === now) setTyped(null);
  };
  const type = (now: string) => {
    clearTimeout(complaint.current);
    clearTimeout(draft.current);
    clearFailure();
    setTyped(now);
    newest.current = now;
    draft.current = setTimeout(() => void keep(now), 300);
  };
  useEffect(
    () => () => {
      clearTimeout(draft.current);
      clearTimeout(complaint.current);
    },
    [],
  );

  const leave = () => {
    if (typed === null) return;
    void keep(typed);
    // Later, so that a press on a button is not moved away from under the finger.
    if (typed && !looksLikeAddress(typed)) complaint.current = setTimeout(() => fail("sendCode", { code: "emailInvalid" }), 250);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    clearTimeout(complaint.current);
    clearTimeout(draft.current);
    const address = email.trim();
    if (!looksLikeAddress(address)) {
      fail("sendCode", { code: "emailInvalid" });
      document.getElementById("email")?.focus();
      return;
    }
    void act("sendCode", (b) => b.sendCode(address)).then((worked) => {
      if (worked && newest.current.trim() === address) setTyped(null);
      return worked;
    });
  };

  const button = (
    <div class="actions">
      <Button testid="send-code" variant={lead ? "primary" : "plain"} submit busy={busy} describedBy={sent ? "resend-in" : undefined}>
        {mobile ? m.sendMobile : m.sendDesktop}
      </Button>
      {reason}
      <LongWait busy={busy} />
    </div>
  );
  const chipsLabel = mobile ? m.suggestionsMobile : sent ? m.suggestionsAfter : m.suggestionsBefore;

  return (
    <form class="part" noValidate onSubmit={submit}>
      <Field
        id="email"
        label={mobile ? m.emailMobile : m.emailDesktop}
        // Not type="email": it refuses addresses with letters outside ASCII.
        type="text"
        inputMode="email"
        autocomplete="email"
        autocapitalize="off"
        autocorrect="off"
        spellcheck={false}
        enterkeyhint="send"
        value={email}
        problemId={problemId}
        onInput={(event) => type(event.currentTarget.value)}
        onBlur={leave}
      >
        {meant && (
          <button type="button" class="did-you-mean" onClick={() => type(meant)}>
            {m.didYouMean({ email: meant })}
          </button>
        )}
        <ProblemMessage slots={slots} id="email-problem" />
      </Field>
      {!mobile && button}
      {linking.suggestions.length > 0 ? (
        <div role="group" aria-labelledby="suggestions-label">
          <p class="label" id="suggestions-label">
            {chipsLabel}
          </p>
          <ul class="chips">
            {linking.suggestions.map((address) => (
              <li key={address}>
                <button
                  type="button"
                  class="chip"
                  data-testid="suggestion"
                  aria-pressed={address.toLowerCase() === email.trim().toLowerCase()}
                  onClick={() => type(address)}
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
      {mobile && button}
    </form>
  );
}
