import type { Status } from "../ipc/bridge";
import { say } from "../words";
import { CheckIcon } from "./icons";

const AT: Record<Status, number> = { notLinked: 0, codeSent: 1, linking: 2, linked: 3 };

/** Email, code, done: where one stands. */
export function Steps({ status }: { status: Status }) {
  const m = say();
  return (
    <ol class="steps" aria-label={m.steps}>
      {[m.stepEmail, m.stepCode, m.stepDone].map((name, at) => (
        <li key={name} class="step" data-done={at < AT[status] ? "" : undefined} aria-current={at === AT[status] ? "step" : undefined}>
          <span class="step-mark" aria-hidden="true">
            {at < AT[status] ? <CheckIcon /> : at + 1}
          </span>
          <span>{name}</span>
        </li>
      ))}
    </ol>
  );
}
