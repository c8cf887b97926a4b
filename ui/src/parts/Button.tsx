import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { say } from "../words";

interface ButtonProps {
  children: ComponentChildren;
  testid?: string;
  kind?: "primary" | "plain" | "quiet";
  /** Shows that it works, keeps its width, and takes no second press. */
  busy?: boolean;
  disabled?: boolean;
  submit?: boolean;
  describedBy?: string | undefined;
  onPress?: () => void;
}

export const Button = ({ children, testid, kind = "plain", busy = false, disabled, submit, describedBy, onPress }: ButtonProps) => (
  <button
    type={submit ? "submit" : "button"}
    class={`button ${kind}`}
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

/** Words for a wait that has become long. */
export function LongWait({ busy }: { busy: boolean }) {
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    if (!busy) return undefined;
    const timer = setTimeout(() => setLong(true), 3000);
    return () => clearTimeout(timer);
  }, [busy]);
  return (
    <p class="long-wait" role="status">
      {busy && long ? say().working : ""}
    </p>
  );
}
