// What changed, said once to those who do not see it.

import { effect, signal } from "@preact/signals";
import { linking } from "./app";
import { say } from "./words";

const said = signal("");

export function announce(text: string): void {
  // The same words again are only heard if the text differs.
  said.value = said.peek() === text ? `${text}\u00a0` : text;
}

export const LiveRegion = () => (
  <p class="unseen" role="status" aria-live="polite">
    {said}
  </p>
);

/** Says each change of state, whoever caused it: a press, another device, the backend. */
export function announceChanges(): void {
  let before: string | undefined;
  effect(() => {
    const now = linking.value;
    const key = now ? `${now.status} ${now.challenge?.sentAt ?? ""}` : undefined;
    if (key === before) return;
    const first = before === undefined;
    before = key;
    if (first || !now) return;
    const m = say();
    if (now.status === "codeSent" && now.challenge) {
      announce(`${m.inboxTitle}. ${m.inboxBody({ email: now.challenge.email })}`);
    } else if (now.status === "linking") announce(m.linkingTitle);
    else if (now.status === "linked") announce(m.doneTitle);
    else announce(m.startTitle);
  });
}
