import type { AllHTMLAttributes, ComponentChildren } from "preact";

type Passed = "inputMode" | "autocomplete" | "autocapitalize" | "autocorrect" | "spellcheck" | "enterkeyhint" | "onInput" | "onBlur";

interface FieldProps extends Pick<AllHTMLAttributes<HTMLInputElement>, Passed> {
  id: string;
  label: string;
  type?: "text" | "password";
  value?: string;
  defaultValue?: string;
  hint?: string;
  /** The id of the problem that stands under it. */
  problemId?: string | undefined;
  children?: ComponentChildren;
}

/** A label, an input, a hint, and room for what is wrong. */
export const Field = ({ id, label, hint, problemId, children, type = "text", ...input }: FieldProps) => (
  <div class="field">
    <label for={id}>{label}</label>
    <input
      {...input}
      // The attribute types are told apart by this one; these two take the same.
      type={type as "text"}
      class="input"
      id={id}
      data-testid={id}
      aria-invalid={problemId ? "true" : undefined}
      aria-describedby={[problemId, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined}
    />
    {hint && (
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    )}
    {children}
  </div>
);
