import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { pending, run } from "../app";
import { Button, LongWait } from "../components/Button";
import { announce } from "../components/LiveRegion";
import { ProblemMessage } from "../components/ProblemMessage";
import { CheckIcon, ExternalIcon } from "../components/icons";
import { formatDay, t } from "../i18n";
import type { TryLogin as Try } from "../ipc/bridge";
import { useIsPast } from "./useIsPast";

const begin = () => void run("tryLogin", (b) => b.tryLogin());

const TryAgain = () => (
  <Button testid="try-login" variant="ghost" busy={pending.value.has("tryLogin")} onPress={begin}>
    {t().retry}
  </Button>
);

const Waiting = () => (
  <>
    <Button
      testid="open-again"
      variant="ghost"
      busy={pending.value.has("openTryLoginAgain")}
      onPress={() => void run("openTryLoginAgain", (b) => b.openTryLoginAgain())}
    >
      {t().openAgain}
    </Button>
    <Button
      testid="cancel-try-login"
      variant="ghost"
      busy={pending.value.has("cancelTryLogin")}
      onPress={() => void run("cancelTryLogin", (b) => b.cancelTryLogin())}
    >
      {t().cancel}
    </Button>
  </>
);

/** What a row says, and its buttons. */
function useRow(newest: Try): { status: Try["status"]; title: string; detail?: string; actions?: ComponentChildren } {
  const m = t();
  // The server says so too, but perhaps not to a device that is offline.
  const isOver = useIsPast(newest.status === "waiting" ? newest.expiresAt : undefined);
  if (newest.status === "notTried") return { status: newest.status, title: m.tryLogin, detail: m.tryLoginHint };
  if (newest.status === "waiting" && !isOver) {
    return { status: newest.status, title: m.tryLoginWaiting, detail: m.tryLoginWaitingHint, actions: <Waiting /> };
  }
  const actions = <TryAgain />;
  if (newest.status === "worked") return { status: newest.status, title: m.tryLoginWorked, detail: m.triedOn({ day: formatDay(newest.at) }) };
  if (newest.status === "otherAccount") return { status: newest.status, title: m.tryLoginOther, detail: m.tryLoginOtherHint, actions };
  return { status: "notFinished", title: m.tryLoginNotFinished, actions };
}

/** The practice of the new login: an employee signs in once in the browser, and the result arrives here. */
export function TryLogin({ newest }: { newest: Try }) {
  const m = t();
  const { status, title, detail, actions } = useRow(newest);
  const box = useRef<HTMLDivElement>(null);
  const words = useRef<HTMLSpanElement>(null);
  const before = useRef(status);
  const hasFocus = box.current?.contains(document.activeElement);
  const said = [title, detail].filter(Boolean).join(" ");
  useLayoutEffect(() => {
    if (before.current === status) return;
    before.current = status;
    // The button that had it is gone.
    if (hasFocus) words.current?.focus({ preventScroll: true });
    else announce(said);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- as it was when the status changed
  }, [status]);
  const text = (
    <span class="row-text" ref={words} tabIndex={status === "notTried" ? undefined : -1}>
      <span class="row-title">{title}</span>
      {detail && <span class="row-detail">{detail}</span>}
    </span>
  );
  return (
    <div class="try-login" ref={box}>
      <ul class="rows">
        <li class="row" data-testid="try-login-status" data-status={status}>
          {status === "notTried" ? (
            <>
              <button type="button" class="row-link" data-testid="try-login" aria-describedby="try-login-opens" onClick={begin}>
                {text}
                <ExternalIcon />
              </button>
              <span class="visually-hidden" id="try-login-opens">
                {m.opensInBrowser}
              </span>
            </>
          ) : (
            <div key={status} class="row-value">
              {text}
              {status === "worked" && <CheckIcon />}
              {actions && <div class="try-login-actions">{actions}</div>}
            </div>
          )}
        </li>
      </ul>
      <div class="message-room">
        <LongWait busy={pending.value.has("tryLogin") || pending.value.has("openTryLoginAgain") || pending.value.has("cancelTryLogin")} />
        <ProblemMessage slots={["tryLogin"]} id="try-login-problem" />
      </div>
    </div>
  );
}
