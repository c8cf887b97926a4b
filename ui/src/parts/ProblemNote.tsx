import { failure } from "../app";
import { secondsLeft } from "../clock";
import type { Failure } from "../app";
import type { Problem } from "../ipc/bridge";
import { type Spot, sentencesOf, spotOf, waitOf, waitText, worthRepeating } from "../problems";
import { say } from "../words";
import { Button } from "./Button";
import { AlertIcon } from "./icons";

/** The wait as it runs. Only seen: a screen reader heard it once, in the alert. */
const Wait = ({ from, seconds }: { from: number; seconds: number }) => (
  <span class="problem-wait" aria-hidden="true">
    {" "}
    {waitText(secondsLeft(from, seconds), say())}
  </span>
);

const Note = ({ failed, id }: { failed: Failure; id: string }) => {
  const m = say();
  const { what, advice } = sentencesOf(failed.problem, m);
  const wait = waitOf(failed.problem);
  return (
    <div class="problem" id={id}>
      <AlertIcon />
      <div class="problem-words">
        <p role="alert" data-testid="problem" data-code={failed.problem.code}>
          <strong>{what}</strong> {advice}
          {wait > 0 && <span class="unseen"> {waitText(wait, m)}</span>}
        </p>
        {wait > 0 && <Wait from={failed.at} seconds={wait} />}
        {worthRepeating(failed.problem) && (
          <Button testid="retry" kind="quiet" onPress={failed.again}>
            {m.retry}
          </Button>
        )}
      </div>
    </div>
  );
};

/** The failure that stands here, if the last one does. */
export const failureAt = (...spots: Spot[]): Failure | null => {
  const failed = failure.value;
  return failed && spots.includes(spotOf(failed)) ? failed : null;
};

/** Draws the last problem if it belongs here. */
export function ProblemNote({ spots, id }: { spots: Spot[]; id: string }) {
  const failed = failureAt(...spots);
  return failed && <Note key={failed.at} failed={failed} id={id} />;
}

/** What a strip says when the view may be old. */
export const stripText = (problem: Problem): string => {
  const m = say();
  return `${sentencesOf(problem, m).what} ${m.maybeOld}`;
};
