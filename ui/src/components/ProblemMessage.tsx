import { type Failure, failure } from "../app";
import { secondsLeft } from "../clock";
import { t } from "../i18n";
import { type Slot, messageOf, retryAfter, retryAfterText, slotOf } from "../problems";
import { Button } from "./Button";
import { AlertIcon } from "./icons";

/** Hidden from screen readers, which read the wait once, in the alert. */
const RetryCountdown = ({ from, seconds }: { from: number; seconds: number }) => (
  <span class="problem-wait" aria-hidden="true">
    {" "}
    {retryAfterText(secondsLeft(from, seconds), t())}
  </span>
);

const Problem = ({ failed: { problem, at, retry }, id }: { failed: Failure; id: string }) => {
  const m = t();
  const { what, advice } = messageOf(problem, m);
  const wait = retryAfter(problem);
  return (
    <div class="problem" id={id}>
      <AlertIcon />
      <div class="problem-text">
        <p role="alert" data-testid="problem" data-code={problem.code}>
          <strong>{what}</strong> {advice}
          {wait > 0 && <span class="visually-hidden"> {retryAfterText(wait, m)}</span>}
        </p>
        {wait > 0 && <RetryCountdown from={at} seconds={wait} />}
        {problem.retryable && (
          <Button testid="retry" variant="ghost" onPress={retry}>
            {m.retry}
          </Button>
        )}
      </div>
    </div>
  );
};

/** The last failure, if it belongs to one of these slots. */
export const failureIn = (...slots: Slot[]): Failure | null => {
  const failed = failure.value;
  return failed && slots.includes(slotOf(failed)) ? failed : null;
};

/** `otherwise`: what to show if nothing failed here. */
export function ProblemMessage({ slots, id, otherwise = null }: { slots: Slot[]; id: string; otherwise?: Failure | null }) {
  const failed = failureIn(...slots) ?? otherwise;
  return failed && <Problem key={failed.at} failed={failed} id={id} />;
}
