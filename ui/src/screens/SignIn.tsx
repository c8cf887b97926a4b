import { useRef, useState } from "preact/hooks";
import { act, clearFailure, working } from "../app";
import type { Phase } from "../ipc/bridge";
import { Button, LongWait } from "../components/Button";
import { Field } from "../components/Field";
import { Logo } from "../components/icons";
import { ProblemMessage, failureAt } from "../components/ProblemMessage";
import { t } from "../i18n";
import { NoticeLine } from "./Layout";

const FIELDS = ["server", "username", "password"] as const;
type Name = (typeof FIELDS)[number];

/** S0. The password lives in the field and nowhere else. */
export function SignIn({ phase }: { phase: Extract<Phase, { name: "signedOut" }> }) {
  const m = t();
  const form = useRef<HTMLFormElement>(null);
  const [missing, setMissing] = useState<Name | null>(null);
  const busy = working.value.has("signIn");

  const valueOf = (name: Name) => form.current?.querySelector<HTMLInputElement>(`#${name}`)?.value ?? "";
  const submit = (event: Event) => {
    event.preventDefault();
    const empty = FIELDS.find((name) => !(name === "password" ? valueOf(name) : valueOf(name).trim())) ?? null;
    setMissing(empty);
    clearFailure();
    if (empty) form.current?.querySelector<HTMLInputElement>(`#${empty}`)?.focus();
    else void act("signIn", (b) => b.signIn(valueOf("server").trim(), valueOf("username").trim(), valueOf("password")));
  };
  const typing = () => {
    setMissing(null);
    clearFailure();
  };
  const missingAt = (name: Name) =>
    missing === name && (
      <p class="field-missing" id={`${name}-missing`} role="alert">
        {m.requiredField}
      </p>
    );
  const problemId = (name: "server" | "password") =>
    missing === name ? `${name}-missing` : failureAt(name) ? `${name}-problem` : undefined;

  return (
    <main class="sign-in" data-testid="screen-sign-in">
      <form ref={form} class="sign-in-form" noValidate onSubmit={submit} onInput={typing}>
        <p class="sign-in-name">
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
          type="text"
          inputMode="url"
          autocapitalize="off"
          autocorrect="off"
          spellcheck={false}
          defaultValue={phase.server}
          problemId={problemId("server")}
        >
          {missingAt("server")}
          <ProblemMessage slots={["server"]} id="server-problem" />
        </Field>
        <Field
          id="username"
          label={m.username}
          type="text"
          autocomplete="username"
          autocapitalize="off"
          autocorrect="off"
          spellcheck={false}
          defaultValue={phase.username}
          problemId={missing === "username" ? "username-missing" : undefined}
        >
          {missingAt("username")}
        </Field>
        <Field id="password" label={m.password} type="password" autocomplete="current-password" problemId={problemId("password")}>
          {missingAt("password")}
          <ProblemMessage slots={["password"]} id="password-problem" />
        </Field>
        <ProblemMessage slots={["signIn"]} id="sign-in-problem" />
        <div class="actions">
          <Button testid="sign-in" variant="primary" submit busy={busy}>
            {m.signIn}
          </Button>
          <LongWait busy={busy} />
        </div>
      </form>
    </main>
  );
}
