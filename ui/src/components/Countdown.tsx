// Small components, so that a second redraws one line and not a screen.

import { useEffect, useRef } from "preact/hooks";
import { crossedMark, formatCountdown, secondsUntil } from "../clock";
import { t } from "../i18n";
import { announce } from "./LiveRegion";

/** The time left, drawn every second and announced at a few marks. */
export function ExpiresIn({ at }: { at: string }) {
  const m = t();
  const left = secondsUntil(at);
  const before = useRef(left);
  useEffect(() => {
    const mark = crossedMark(before.current, left);
    before.current = left;
    // The end is a state of the flow, which announces it.
    if (mark) announce(m.minutesLeft({ count: mark / 60 }));
  }, [left, m]);
  return (
    <span class="countdown" data-testid="expires-in" role="timer" aria-live="off">
      {m.expiresIn({ time: formatCountdown(left) })}
    </span>
  );
}

/** When another code can be sent. Keeps its line once it can. */
export function ResendIn({ at }: { at: string }) {
  const left = secondsUntil(at);
  return (
    <p class="hint countdown resend" id="resend-in" aria-live="off">
      {left > 0 && <span data-testid="resend-in">{t().resendIn({ time: formatCountdown(left) })}</span>}
    </p>
  );
}
