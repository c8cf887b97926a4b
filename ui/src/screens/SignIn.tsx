import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { clearFailure, pending, run } from "../app";
import { ActionBar } from "../components/ActionBar";
import { Button, LongWait } from "../components/Button";
import { Field } from "../components/Field";
import { NoticeLine } from "../components/Layout";
import { LanguageSelect, serverName, useCopyDiagnostics } from "../components/Preferences";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { EyeIcon, Logo } from "../components/icons";
import { t } from "../i18n";
import type { Phase } from "../ipc/bridge";
import { isWrongInput } from "../problems";

const FIELDS = ["server", "username", "password"] as const;
type Name = (typeof FIELDS)[number];

const inputOf = (name: Name) => document.getElementById(name) as HTMLInputElement | null;

/** A button in the password's field that shows it. The field keeps the focus and the caret. */
function ShowPassword({ shown, onPress }: { shown: boolean; onPress: () => void }) {
  const caret = useRef<[number | null, number | null]>(undefined);
  useLayoutEffect(() => {
    if (caret.current) inputOf("password")?.setSelectionRange(...caret.current);
    caret.current = undefined;
  }, [shown]);
  return (
    <button
      type="button"
      class="show-password"
      data-testid="show-password"
      aria-label={t().showPassword}
      aria-pressed={shown}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => {
        const input = inputOf("password");
        if (input === document.activeElement && input) caret.current = [input.selectionStart, input.selectionEnd];
        onPress();
      }}
    >
      <EyeIcon crossed={shown} />
    </button>
  );
}

/** The password is kept only in its field. */
export function SignIn({ phase }: { phase: Extract<Phase, { name: "signedOut" }> }) {
  const m = t();
  const [missing, setMissing] = useState<Name | null>(null);
  const [shown, setShown] = useState(false);
  const [isFirst] = useState(!phase.server);
  /** Of a remembered server, only the name is shown until it is to be changed. */
  const [changing, setChanging] = useState(false);
  const copy = useCopyDiagnostics();
  const busy = pending.value.has("signIn");
  const serverFailure = failureIn("server");
  const failed = failureIn("password", "signIn");

  useEffect(() => {
    if (serverFailure) setChanging(true);
    // On a phone the field is at the end.
    document.getElementById("server-problem")?.scrollIntoView({ block: "nearest" });
  }, [serverFailure, changing]);

  const valueOf = (name: Name) => inputOf(name)?.value ?? phase.server;
  const onSubmit = (event: Event) => {
    event.preventDefault();
    setShown(false);
    const empty = FIELDS.find((name) => !(name === "password" ? valueOf(name) : valueOf(name).trim())) ?? null;
    setMissing(empty);
    clearFailure();
    if (empty) inputOf(empty)?.focus();
    else void run("signIn", (b) => b.signIn(valueOf("server").trim(), valueOf("username").trim(), valueOf("password")));
  };
  const onInput = () => {
    setMissing(null);
    clearFailure();
  };
  const sentence = { server: m.serverMissing, username: m.usernameMissing, password: m.passwordMissing };
  const required = (name: Name) =>
    missing === name && (
      <p class="field-error" id={`${name}-missing`} role="alert">
        {sentence[name]}
      </p>
    );
  const missingId = (name: Name) => (missing === name ? `${name}-missing` : undefined);

  const serverField = (
    <Field
      id="server"
      label={m.server}
      hint={m.serverHint}
      inputMode="url"
      defaultValue={phase.server}
      problemId={missingId("server") ?? (serverFailure ? "server-problem" : undefined)}
      invalid={missing === "server" || (serverFailure !== null && isWrongInput(serverFailure))}
    >
      {required("server")}
      <ProblemMessage slots={["server"]} id="server-problem" />
    </Field>
  );

  return (
    <main class="sign-in" data-testid="screen-sign-in">
      <form class="sign-in-card" noValidate onSubmit={onSubmit} onInput={onInput}>
        <p class="sign-in-brand">
          <Logo />
          <span>{m.appName}</span>
        </p>
        <h1 tabIndex={-1}>{m.signIn}</h1>
        <p class="lead">{m.signInLead}</p>
        <NoticeLine notice={phase.notice} />
        {isFirst && serverField}
        <Field id="username" label={m.username} autocomplete="username" defaultValue={phase.username} problemId={missingId("username")}>
          {required("username")}
        </Field>
        <Field
          id="password"
          label={m.password}
          type={shown ? "text" : "password"}
          autocomplete="current-password"
          problemId={missingId("password") ?? (failed ? "sign-in-problem" : undefined)}
          invalid={missing === "password" || (failed !== null && isWrongInput(failed))}
          end={<ShowPassword shown={shown} onPress={() => setShown(!shown)} />}
        >
          {required("password")}
        </Field>
        <ActionBar>
          <Button testid="sign-in" variant="primary" submit busy={busy}>
            {m.signIn}
          </Button>
        </ActionBar>
        {/* Below the button, which stays where it was pressed. */}
        <div class="sign-in-answer">
          <LongWait busy={busy} />
          <ProblemMessage slots={["password", "signIn"]} id="sign-in-problem" />
        </div>
        <footer class="sign-in-footer">
          {!isFirst && changing && serverField}
          {!isFirst && !changing && (
            <p class="server-line">
              <span id="server-name">{serverName(phase.server)}</span>
              <span aria-hidden="true">·</span>
              <Button
                testid="change-server"
                variant="ghost"
                describedBy="server-name"
                onPress={() => {
                  setChanging(true);
                  // After the field is drawn.
                  setTimeout(() => inputOf("server")?.select());
                }}
              >
                {m.changeServer}
              </Button>
            </p>
          )}
          <div class="sign-in-language">
            <label for="language">{m.language}</label>
            <LanguageSelect />
          </div>
          <Button testid="copy-diagnostics" variant="ghost" onPress={copy.run}>
            {copy.name}
          </Button>
          <ProblemMessage slots={["settings"]} id="settings-problem" />
        </footer>
      </form>
    </main>
  );
}
