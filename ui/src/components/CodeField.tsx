import { useLayoutEffect, useRef } from "preact/hooks";
import { CODE_LENGTH, editCode, readCode } from "../code";
import { t } from "../i18n";
import { Button } from "./Button";

interface CodeFieldProps {
  label: string;
  hint?: string;
  value: string;
  disabled?: boolean;
  /** Each new error shakes the field and selects the code, so that typing replaces it. */
  errorCount: number;
  problemId?: string | undefined;
  onCode: (code: string) => void;
  onPasteCode: () => void;
}

const CELLS = Array.from({ length: CODE_LENGTH }, (_, at) => at);

/** One input, whose digits stand in six cells that are drawn under it. */
export function CodeField({ label, hint, value, disabled, errorCount, problemId, onCode, onPasteCode }: CodeFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (errorCount > 0) input.current?.select();
  }, [errorCount]);

  const onInput = (field: HTMLInputElement) => {
    const text = field.value;
    // After an error the next digit begins a new code.
    const begins = errorCount > 0 && value.length === CODE_LENGTH && text.startsWith(value) && text.length > CODE_LENGTH;
    const { code, caret } = begins
      ? editCode("", text.slice(CODE_LENGTH), CODE_LENGTH)
      : editCode(value, text, field.selectionStart ?? text.length);
    if (text !== code) {
      field.value = code;
      field.setSelectionRange(caret, caret);
    }
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
            onInput={(event) => onInput(event.currentTarget)}
            onPaste={(event) => {
              const text = event.clipboardData?.getData("text/plain");
              // Some web views hide the clipboard: let the paste replace everything, and read it from the field.
              if (!text) return event.currentTarget.select();
              const code = readCode(text);
              // Fewer digits than a code go where the caret is.
              if (code !== undefined && code.length < CODE_LENGTH) return undefined;
              event.preventDefault();
              if (code === undefined) return undefined;
              event.currentTarget.value = code;
              return onInput(event.currentTarget);
            }}
          />
          {/* A new key restarts the shake. The input is outside, so that it keeps its focus. */}
          <div key={errorCount} class="code-cells" aria-hidden="true">
            {CELLS.map((at) => (
              <span key={at} class="code-cell" data-filled={value[at] ? "" : undefined} data-next={at === value.length ? "" : undefined} />
            ))}
          </div>
        </div>
        {!disabled && (
          <Button testid="paste-code" variant="ghost" onPress={onPasteCode}>
            {t().pasteCode}
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
