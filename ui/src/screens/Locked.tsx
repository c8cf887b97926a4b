import { pending, run } from "../app";
import { ActionBar } from "../components/ActionBar";
import { Button, LongWait } from "../components/Button";
import { Logo } from "../components/icons";
import { t } from "../i18n";

/** The system's credential store, which has the session, could not be opened. */
export function Locked() {
  const m = t();
  const busy = pending.value.has("unlock");
  return (
    <main class="sign-in" data-testid="screen-locked">
      <div class="sign-in-card">
        <p class="sign-in-brand">
          <Logo />
          <span>{m.appName}</span>
        </p>
        <h1 tabIndex={-1}>{m.lockedTitle}</h1>
        <p class="lead">{m.lockedBody}</p>
        <ActionBar>
          <Button testid="unlock" variant="primary" busy={busy} onPress={() => void run("unlock", (b) => b.unlock())}>
            {m.retry}
          </Button>
          <Button testid="sign-in-again" onPress={() => void run("signInAgain", (b) => b.signInAgain())}>
            {m.signIn}
          </Button>
        </ActionBar>
        <div class="sign-in-answer">
          <LongWait busy={busy} />
        </div>
      </div>
    </main>
  );
}
