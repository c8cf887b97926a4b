import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";

interface ButtonProps {
  children: ComponentChildren;
  testid?: string;
  variant?: "primary" | "plain" | "ghost";
  /** Shows a spinner, keeps the width, and ignores presses. */
  busy?: boolean;
  disabled?: boolean;
  submit?: boolean;
  /** The id of the form that it submits, if it is not in it. */
  form?: string | undefined;
  describedBy?: string | undefined;
  onPress?: () => void;
}

export const Button = ({ children, testid, variant = "plain", busy = false, disabled, submit, form, describedBy, onPress }: ButtonProps) => (
  <button
    type={submit ? "submit" : "button"}
    form={form}
    class={`button ${variant}`}
    data-testid={testid}
    data-busy={busy ? "" : undefined}
    // Not `disabled` while busy: that would drop the focus.
    aria-disabled={busy ? "true" : undefined}
    aria-describedby={describedBy}
    disabled={disabled}
    onClick={(event) => {
      if (busy) event.preventDefault();
      else onPress?.();
    }}
  >
    <span class="button-label">{children}</span>
  </button>
);

const LONG_WAIT_MS = 3000;

/** A sentence for a wait that has become long. */
export function LongWait({ busy }: { busy: boolean }) {
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!busy) return undefined;
    const timer = setTimeout(() => setLong(true), LONG_WAIT_MS);
    return () => clearTimeout(timer);
  }, [busy]);
  return (
    <p class="long-wait" role="status">
      {busy && long ? t().stillWorking : ""}
    </p>
  );
}
