import { run } from "../app";
import { unbrokenDomain } from "../components/Address";
import { ProblemMessage, failureIn } from "../components/ProblemMessage";
import { ExternalIcon, SuccessIcon } from "../components/icons";
import { t } from "../i18n";
import type { Account, TryLogin as Try } from "../ipc/bridge";
import { TryLogin } from "./TryLogin";

export function Done({ account, settingsUrl, tryLogin }: { account: Account; settingsUrl: string; tryLogin: Try | null }) {
  const m = t();
  const rows = (
    <ul class="rows">
      <li class="row row-value" data-origin={account.origin}>
        <span class="row-text">
          <span class="row-title">{m.doneEmail}</span>
          <span class="row-detail address" data-testid="account-email">
            {unbrokenDomain(account.email)}
          </span>
        </span>
      </li>
      <li class="row">
        <a
          class="row-link"
          data-testid="manage-account"
          href={settingsUrl}
          aria-describedby="manage-hint"
          onClick={(event) => {
            // The page stays: Rust checks the address and opens it in the system's browser.
            event.preventDefault();
            void run("openAccountSettings", (b) => b.openAccountSettings());
          }}
        >
          <span class="row-text">
            <span class="row-title">{m.manage}</span>
            <span class="row-detail address">{settingsUrl.split(/(?=\.)/).flatMap((part) => [part, <wbr key={part} />])}</span>
          </span>
          <ExternalIcon />
        </a>
        <span class="visually-hidden" id="manage-hint">
          {m.opensInBrowser}
        </span>
      </li>
    </ul>
  );
  const room = (
    <div class="message-room">
      {failureIn("manage") ? (
        <ProblemMessage slots={["manage"]} id="manage-problem" />
      ) : (
        <p class="hint">
          {account.origin === "created" ? m.doneCreated : m.doneExisting} {m.notYou}
        </p>
      )}
    </div>
  );
  return (
    <section class="done" data-testid="done" aria-labelledby="done-title">
      <div class="done-title">
        <SuccessIcon />
        <h2 id="done-title">{m.doneTitle}</h2>
      </div>
      <p tabIndex={-1}>{m.doneBody}</p>
      <p>{m.donePassword}</p>
      {tryLogin ? (
        <div class="done-columns">
          {rows}
          {room}
          <TryLogin newest={tryLogin} />
        </div>
      ) : (
        <>
          {rows}
          {room}
        </>
      )}
    </section>
  );
}
