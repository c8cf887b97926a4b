import { effect, signal } from "@preact/signals";
import { linking } from "../app";
import { t } from "../i18n";

const announcement = signal("");

/** Makes a screen reader say the text once. */
export function announce(text: string): void {
  // A screen reader repeats a text only if it differs.
  announcement.value = announcement.peek() === text ? `${text}\u00a0` : text;
}

export const LiveRegion = () => (
  <p class="visually-hidden" role="status" aria-live="polite">
    {announcement}
  </p>
);

/** Announces each change of state, whether caused by a press, another device or the backend. */
export function announceChanges(): void {
  let before: string | undefined;
  effect(() => {
    const now = linking.value;
    const key = now ? `${now.status} ${now.challenge?.sentAt ?? ""}` : undefined;
    if (key === before) return;
    const first = before === undefined;
    before = key;
    if (first || !now) return;
    const m = t();
    if (now.status === "codeSent" && now.challenge) {
      announce(`${m.codeSentTitle}. ${m.codeSentBody({ email: now.challenge.email })}`);
    } else if (now.status === "linking") announce(m.linkingTitle);
    else if (now.status === "linked") announce(m.doneTitle);
    else announce(m.emailStepTitle);
  });
}
