import { t } from "../i18n";
import type { Status } from "../ipc/bridge";
import { CheckIcon } from "./icons";

const DONE: Record<Status, number> = { notLinked: 0, codeSent: 1, linking: 2, linked: 3 };

/** `back`: a code was sent, but the next step is the address again. */
export function Steps({ status, back = false }: { status: Status; back?: boolean }) {
  const m = t();
  const done = back ? 0 : DONE[status];
  // The last step is nobody's turn: it is done when it is.
  const current = done < 2 ? done : -1;
  return (
    <ol class="steps" aria-label={m.steps}>
      {[m.stepEmail, m.stepCode, m.stepDone].map((name, at) => (
        <li key={name} class="step" data-done={at < done ? "" : undefined} aria-current={at === current ? "step" : undefined}>
          <span class="step-number" aria-hidden="true">
            {at < done ? <CheckIcon /> : at + 1}
          </span>
          <span>{name}</span>
        </li>
      ))}
    </ol>
  );
}
