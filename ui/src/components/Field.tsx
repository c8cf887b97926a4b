import type { AllHTMLAttributes, ComponentChildren } from "preact";

type InputProps = "inputMode" | "autocomplete" | "enterkeyhint" | "onInput" | "onFocus" | "onBlur";

interface FieldProps extends Pick<AllHTMLAttributes<HTMLInputElement>, InputProps> {
  id: string;
  label: string;
  type?: "text" | "password";
  value?: string;
  defaultValue?: string;
  hint?: string;
  /** The id of the problem shown under the field. */
  problemId?: string | undefined;
  /** Whether the problem is what was typed. */
  invalid?: boolean;
  /** Stands in the input, at its end. */
  end?: ComponentChildren;
  children?: ComponentChildren;
}

export const Field = ({ id, label, hint, problemId, invalid = Boolean(problemId), end, children, type = "text", ...input }: FieldProps) => (
  <div class="field">
    <label for={id}>{label}</label>
    <div class="field-box">
      <input
        {...input}
        // Preact types the attributes by `type`; these two have the same.
        type={type as "text"}
        class="input"
        autocapitalize="off"
        autocorrect="off"
        spellcheck={false}
        id={id}
        data-testid={id}
        aria-invalid={invalid ? "true" : undefined}
        aria-describedby={[problemId, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined}
      />
      {end}
    </div>
    {hint && (
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    )}
    {children}
  </div>
);
