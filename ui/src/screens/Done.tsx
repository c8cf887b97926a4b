import { act } from "../app";
import type { Account } from "../ipc/bridge";
import { DoneTick, OutIcon } from "../parts/icons";
import { ProblemNote } from "../parts/ProblemNote";
import { dayText, say } from "../words";

/** M3 and D4. */
export function Done({ account, settingsUrl }: { account: Account; settingsUrl: string }) {
  const m = say();
  return (
    <section class="done" data-testid="done" aria-labelledby="done-title">
      <DoneTick />
      <h2 id="done-title">{m.doneTitle}</h2>
      <p tabIndex={-1}>{m.doneBody}</p>
      <p>{m.donePassword}</p>
      <dl class="facts">
        <dt>{m.doneEmail}</dt>
        <dd class="address" data-testid="account-email">
          {account.email}
        </dd>
      </dl>
      <p class="hint" data-origin={account.origin}>
        {account.origin === "created" ? m.doneCreated : m.doneExisting} {m.doneOn({ day: dayText(account.linkedAt) })}
      </p>
      <div class="manage">
        <h3 id="manage-title">{m.manage}</h3>
        <a
          class="link"
          data-testid="manage-account"
          href={settingsUrl}
          aria-describedby="manage-title manage-hint"
          onClick={(event) => {
            // The page goes nowhere: Rust checks the address and opens the system's browser.
            event.preventDefault();
            void act("openAccountSettings", (b) => b.openAccountSettings());
          }}
        >
          <span class="address">{settingsUrl.split(/(?=\.)/).flatMap((part) => [part, <wbr key={part} />])}</span>
          <OutIcon />
        </a>
        <p class="hint" id="manage-hint">
          {m.opensInBrowser}
        </p>
        <ProblemNote spots={["manage"]} id="manage-problem" />
      </div>
      <p class="notice">{m.linkedNotice({ email: account.email })}</p>
    </section>
  );
}
