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
      <h2 id="done-title">{m.done_title()}</h2>
      <p tabIndex={-1}>{m.done_body()}</p>
      <p>{m.done_password()}</p>
      <dl class="facts">
        <dt>{m.done_email()}</dt>
        <dd class="address" data-testid="account-email">
          {account.email}
        </dd>
      </dl>
      <p class="hint" data-origin={account.origin}>
        {account.origin === "created" ? m.done_created() : m.done_existing()} {m.done_on({ day: dayText(account.linkedAt) })}
      </p>
      <div class="manage">
        <h3 id="manage-title">{m.manage()}</h3>
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
          <span class="address">{settingsUrl}</span>
          <OutIcon />
        </a>
        <p class="hint" id="manage-hint">
          {m.opens_in_browser()}
        </p>
        <ProblemNote spots={["manage"]} id="manage-problem" />
      </div>
      <p class="notice">{m.linked_notice({ email: account.email })}</p>
    </section>
  );
}
