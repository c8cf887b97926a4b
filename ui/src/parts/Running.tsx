// Times that run. Small parts of their own, so that a second redraws one line and not a screen.

import { useEffect, useRef } from "preact/hooks";
import { announce } from "../announce";
import { clockText, secondsUntil, spokenBetween } from "../clock";
import { say } from "../words";

/** The time left, seen by the second and heard at 10, 5 and 1 minutes and at the end. */
export function ExpiresIn({ at }: { at: string }) {
  const m = say();
  const left = secondsUntil(at);
  const before = useRef(left);
  useEffect(() => {
    const mark = spokenBetween(before.current, left);
    before.current = left;
    if (mark !== undefined) announce(mark === 0 ? m.expired : m.minutesLeft({ count: mark / 60 }));
  }, [left, m]);
  return (
    <span class="running" data-testid="expires-in" role="timer" aria-live="off">
      {left > 0 ? m.expiresIn({ time: clockText(left) }) : m.expired}
    </span>
  );
}

/** Why another code has to wait, while it has to. */
export function ResendIn({ at, id }: { at: string; id: string }) {
  const left = secondsUntil(at);
  return left > 0 ? (
    <p class="hint running" id={id} data-testid="resend-in" aria-live="off">
      {say().resendIn({ time: clockText(left) })}
    </p>
  ) : null;
}
