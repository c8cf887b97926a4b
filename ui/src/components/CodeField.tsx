import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CODE_LENGTH, editCode, readCode } from "../code";

interface CodeFieldProps {
  label: string;
  hint: string;
  value: string;
  disabled?: boolean;
  /** Each new error shakes the field and selects the code, so that typing replaces it. */
  errorCount: number;
  problemId?: string | undefined;
  invalid: boolean;
  onCode: (code: string) => void;
}

const CELLS = Array.from({ length: CODE_LENGTH }, (_, at) => at);

/** One input with invisible text. Its digits, caret and selection are drawn in six cells under it. */
export function CodeField({ label, hint, value, disabled, errorCount, problemId, invalid, onCode }: CodeFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const [from, setFrom] = useState(-1);
  const [to, setTo] = useState(-1);
  const readSelection = () => {
    const field = input.current;
    const focused = field && document.activeElement === field;
    setFrom(focused ? (field.selectionStart ?? 0) : -1);
    setTo(focused ? (field.selectionEnd ?? 0) : -1);
  };
  useEffect(() => {
    document.addEventListener("selectionchange", readSelection);
    return () => document.removeEventListener("selectionchange", readSelection);
  }, []);
  useLayoutEffect(() => {
    if (errorCount > 0) input.current?.select();
    readSelection();
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
    readSelection();
    onCode(code);
  };
  /** The caret goes before the digit of the box that was hit, wherever the invisible text has it. */
  const onClick = (field: HTMLInputElement, x: number) => {
    if (field.selectionStart !== field.selectionEnd) return;
    const boxes = [...(field.nextElementSibling?.children ?? [])];
    const caret = Math.min(boxes.filter((box) => box.getBoundingClientRect().right + 4 < x).length, value.length);
    field.setSelectionRange(caret, caret);
    readSelection();
  };
  const isActive = (at: number) => from >= 0 && (from === to ? at === Math.min(from, CODE_LENGTH - 1) : at >= from && at < to);

  return (
    <div class="field">
      <label for="code">{label}</label>
      <p class="hint" id="code-hint">
        {hint}
      </p>
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
          aria-invalid={invalid ? "true" : undefined}
          aria-describedby={problemId ? `${problemId} code-hint` : "code-hint"}
          onInput={(event) => onInput(event.currentTarget)}
          onClick={(event) => onClick(event.currentTarget, event.clientX)}
          onFocus={readSelection}
          onBlur={readSelection}
          onKeyUp={readSelection}
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
            <span
              key={at}
              class="code-cell"
              data-active={isActive(at) ? "" : undefined}
              data-caret={from === to && isActive(at) ? (from === CODE_LENGTH ? "after" : "before") : undefined}
            >
              {value[at]}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}
