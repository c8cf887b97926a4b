import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { type Failure, failure, linking } from "../app";
import { secondsLeft } from "../clock";
import { t } from "../i18n";
import { type Slot, asksForHelp, isWrongInput, messageOf, retryAfter, retryAfterText, slotOf } from "../problems";
import { Button } from "./Button";
import { WhoCanHelp } from "./WhoCanHelp";
import { AlertIcon } from "./icons";

/** A sentence with an icon: red about wrong input, else neutral. */
export const Message = ({ id, wrong, children }: { id: string; wrong: boolean; children: ComponentChildren }) => (
  <div class="problem" id={id} data-wrong={wrong ? "" : undefined}>
    <AlertIcon />
    <div class="problem-text">{children}</div>
  </div>
);

/** Hidden from screen readers, which read the wait once, in the alert. */
const RetryCountdown = ({ from, seconds }: { from: number; seconds: number }) => (
  <span class="problem-wait" aria-hidden="true">
    {" "}
    {retryAfterText(secondsLeft(from, seconds), t())}
  </span>
);

const Problem = ({ failed, id }: { failed: Failure; id: string }) => {
  const { action, problem, at, retry } = failed;
  const m = t();
  const { what, advice } = messageOf(problem, m, Boolean(linking.value?.challenge), action);
  const wait = retryAfter(problem);
  // The button that was pressed may be far from it: in the bar of a phone.
  useLayoutEffect(() => {
    if (at > 0) document.getElementById(id)?.scrollIntoView({ block: "nearest" });
  }, [at, id]);
  return (
    <Message id={id} wrong={isWrongInput(failed)}>
      <p role="alert" data-testid="problem" data-code={problem.code}>
        <strong>{what}</strong> {advice}
        {wait > 0 && <span class="visually-hidden"> {retryAfterText(wait, m)}</span>}
      </p>
      {wait > 0 && <RetryCountdown from={at} seconds={wait} />}
      {asksForHelp(problem.code) && <WhoCanHelp />}
      {/* Elsewhere the button that failed is beside it. */}
      {problem.retryable && slotOf(failed) === "screen" && (
        <Button testid="retry" variant="ghost" onPress={retry}>
          {m.retry}
        </Button>
      )}
    </Message>
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
