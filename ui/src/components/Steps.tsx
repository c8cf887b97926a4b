import { t } from "../i18n";
import type { Status } from "../ipc/bridge";
import { CheckIcon } from "./icons";

const STEP: Record<Status, number> = { notLinked: 0, codeSent: 1, linking: 2, linked: 3 };

export function Steps({ status }: { status: Status }) {
  const m = t();
  const current = STEP[status];
  return (
    <ol class="steps" aria-label={m.steps}>
      {[m.stepEmail, m.stepCode, m.stepDone].map((name, at) => (
        <li key={name} class="step" data-done={at < current ? "" : undefined} aria-current={at === current ? "step" : undefined}>
          <span class="step-number" aria-hidden="true">
            {at < current ? <CheckIcon /> : at + 1}
          </span>
          <span>{name}</span>
        </li>
      ))}
    </ol>
  );
}
