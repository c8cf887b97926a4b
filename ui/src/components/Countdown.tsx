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
    if (mark !== undefined) announce(mark === 0 ? m.expired : m.minutesLeft({ count: mark / 60 }));
  }, [left, m]);
  return (
    <span class="countdown" data-testid="expires-in" role="timer" aria-live="off">
      {left > 0 ? m.expiresIn({ time: formatCountdown(left) }) : m.expired}
    </span>
  );
}

/** When another code can be sent; nothing once it can. */
export function ResendIn({ at, id }: { at: string; id: string }) {
  const left = secondsUntil(at);
  return left > 0 ? (
    <p class="hint countdown" id={id} data-testid="resend-in" aria-live="off">
      {t().resendIn({ time: formatCountdown(left) })}
    </p>
  ) : null;
}
