import { useRef, useState } from "preact/hooks";
import { clearFailure, pending, run } from "../app";
import { Button, LongWait } from "../components/Button";
import { Field } from "../components/Field";
import { NoticeLine } from "../components/Layout";
import { CopyDiagnostics, LanguageSelect } from "../components/Preferences";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { Logo } from "../components/icons";
import { t } from "../i18n";
import type { Phase } from "../ipc/bridge";

const FIELDS = ["server", "username", "password"] as const;
type Name = (typeof FIELDS)[number];

/** The password is kept only in its field. */
export function SignIn({ phase }: { phase: Extract<Phase, { name: "signedOut" }> }) {
  const m = t();
  const form = useRef<HTMLFormElement>(null);
  const [missing, setMissing] = useState<Name | null>(null);
  const busy = pending.value.has("signIn");

  const valueOf = (name: Name) => form.current?.querySelector<HTMLInputElement>(`#${name}`)?.value ?? "";
  const onSubmit = (event: Event) => {
    event.preventDefault();
    const empty = FIELDS.find((name) => !(name === "password" ? valueOf(name) : valueOf(name).trim())) ?? null;
    setMissing(empty);
    clearFailure();
    if (empty) form.current?.querySelector<HTMLInputElement>(`#${empty}`)?.focus();
    else void run("signIn", (b) => b.signIn(valueOf("server").trim(), valueOf("username").trim(), valueOf("password")));
  };
  const onInput = () => {
    setMissing(null);
    clearFailure();
  };
  const required = (name: Name) =>
    missing === name && (
      <p class="field-error" id={`${name}-missing`} role="alert">
        {m.requiredField}
      </p>
    );
  const problemId = (name: "server" | "password") =>
    missing === name ? `${name}-missing` : failureIn(name) ? `${name}-problem` : undefined;

  return (
    <main class="sign-in" data-testid="screen-sign-in">
      <form ref={form} class="sign-in-form" noValidate onSubmit={onSubmit} onInput={onInput}>
        <p class="sign-in-brand">
          <Logo />
          <span>{m.appName}</span>
        </p>
        <h1 tabIndex={-1}>{m.signIn}</h1>
        <p class="lead">{m.signInLead}</p>
        <NoticeLine notice={phase.notice} />
        <Field
          id="server"
          label={m.server}
          hint={m.serverHint}
          inputMode="url"
          defaultValue={phase.server}
          problemId={problemId("server")}
        >
          {required("server")}
          <ProblemMessage slots={["server"]} id="server-problem" />
        </Field>
        <Field
          id="username"
          label={m.username}
          autocomplete="username"
          defaultValue={phase.username}
          problemId={missing === "username" ? "username-missing" : undefined}
        >
          {required("username")}
        </Field>
        <Field id="password" label={m.password} type="password" autocomplete="current-password" problemId={problemId("password")}>
          {required("password")}
          <ProblemMessage slots={["password"]} id="password-problem" />
        </Field>
        <ProblemMessage slots={["signIn"]} id="sign-in-problem" />
        <div class="actions">
          <Button testid="sign-in" variant="primary" submit busy={busy}>
            {m.signIn}
          </Button>
          <LongWait busy={busy} />
        </div>
        <div class="sign-in-support">
          <div class="field">
            <label for="language">{m.language}</label>
            <LanguageSelect />
          </div>
          <ProblemMessage slots={["settings"]} id="settings-problem" />
          <CopyDiagnostics variant="ghost" />
        </div>
      </form>
    </main>
  );
}
