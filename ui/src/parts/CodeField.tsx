import { useLayoutEffect, useRef } from "preact/hooks";
import { readCode } from "../code";
import { say } from "../words";
import { Button } from "./Button";

interface CodeFieldProps {
  label: string;
  hint?: string;
  value: string;
  disabled?: boolean;
  /** Counts up with every refusal: shakes, and selects what stands there so that typing replaces it. */
  refusals: number;
  problemId?: string | undefined;
  onCode: (code: string) => void;
  onPasteCode: () => void;
}

const PLACES = [0, 1, 2, 3, 4, 5];

/** One field drawn as six places: what is typed lies, unseen, over the drawing. */
export function CodeField({ label, hint, value, disabled, refusals, problemId, onCode, onPasteCode }: CodeFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (refusals > 0) input.current?.select();
  }, [refusals]);

  const take = (text: string) => {
    let code = readCode(text);
    // After a refusal the next digit begins a new code, wherever the caret stands.
    if (refusals > 0 && value.length === 6 && text.startsWith(value) && text.length > 6) code = readCode(text.slice(6));
    if (input.current) input.current.value = code;
    onCode(code);
  };

  return (
    <div class="field">
      <label for="code">{label}</label>
      <div class="code-row">
        <div class="code">
          <input
            ref={input}
            class="code-input"
            id="code"
            data-testid="code"
            type="text"
            inputMode="numeric"
            autocomplete="one-time-code"
            autocapitalize="off"
            spellcheck={false}
            enterkeyhint="done"
            value={value}
            disabled={disabled}
            aria-invalid={problemId ? "true" : undefined}
            aria-describedby={[problemId, hint && "code-hint"].filter(Boolean).join(" ") || undefined}
            onInput={(event) => take(event.currentTarget.value)}
            onPaste={(event) => {
              const text = event.clipboardData?.getData("text/plain");
              const code = readCode(text ?? "");
              if (code.length === 6) {
                event.preventDefault();
                take(code);
              } else if (!text) {
                // A web view that does not show what is pasted: let it replace all, and read it from the field.
                event.currentTarget.select();
              }
            }}
          />
          {/* The key starts the shake anew. The input is not inside: it keeps its focus. */}
          <div key={refusals} class="code-places" aria-hidden="true">
            {PLACES.map((at) => (
              <span key={at} class="code-place" data-filled={value[at] ? "" : undefined} data-next={at === value.length ? "" : undefined}>
                {value[at]}
              </span>
            ))}
          </div>
        </div>
        {!disabled && (
          <Button testid="paste-code" kind="quiet" onPress={onPasteCode}>
            {say().pasteCode}
          </Button>
        )}
      </div>
      {hint && (
        <p class="hint" id="code-hint">
          {hint}
        </p>
      )}
    </div>
  );
}
