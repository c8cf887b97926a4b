import { run } from "../app";
import { ProblemMessage } from "../components/ProblemMessage";
import { ExternalIcon, SuccessIcon } from "../components/icons";
import { formatDate, t } from "../i18n";
import type { Account } from "../ipc/bridge";

export function Done({ account, settingsUrl }: { account: Account; settingsUrl: string }) {
  const m = t();
  return (
    <section class="done" data-testid="done" aria-labelledby="done-title">
      <SuccessIcon />
      <h2 id="done-title">{m.doneTitle}</h2>
      <p tabIndex={-1}>{m.doneBody}</p>
      <p>{m.donePassword}</p>
      <dl class="details">
        <dt>{m.doneEmail}</dt>
        <dd class="address" data-testid="account-email">
          {account.email}
        </dd>
      </dl>
      <p class="hint" data-origin={account.origin}>
        {account.origin === "created" ? m.doneCreated : m.doneExisting} {m.linkedOn({ day: formatDate(account.linkedAt) })}
      </p>
      <div class="manage">
        <h3 id="manage-title">{m.manage}</h3>
        <a
          class="link"
          data-testid="manage-account"
          href={settingsUrl}
          aria-describedby="manage-title manage-hint"
          onClick={(event) => {
            // The page stays: Rust checks the address and opens it in the system's browser.
            event.preventDefault();
            void run("openAccountSettings", (b) => b.openAccountSettings());
          }}
        >
          <span class="address">{settingsUrl.split(/(?=\.)/).flatMap((part) => [part, <wbr key={part} />])}</span>
          <ExternalIcon />
        </a>
        <p class="hint" id="manage-hint">
          {m.opensInBrowser}
        </p>
        <ProblemMessage slots={["manage"]} id="manage-problem" />
      </div>
      <p class="notice">{m.linkedNotice({ email: account.email })}</p>
    </section>
  );
}
