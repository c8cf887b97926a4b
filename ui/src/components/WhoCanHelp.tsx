import { useState } from "preact/hooks";
import { linking, openContact } from "../app";
import { t } from "../i18n";
import type { ContactWay, Problem } from "../ipc/bridge";
import { messageOf } from "../problems";
import { unbrokenDomain } from "./Address";

const SCHEME = { phone: "tel:", email: "mailto:", url: "" };

/** The company's contact. Without one: the administrator, if no sentence beside it has said so. */
export function WhoCanHelp({ administrator = false }: { administrator?: boolean }) {
  const m = t();
  const [failed, setFailed] = useState<{ way: ContactWay; problem: Problem } | null>(null);
  const contact = linking.value?.contact;
  if (!contact) return administrator ? <p>{m.administratorHelps}</p> : null;
  const message =
    failed &&
    // "Type it into a browser" is no advice about a number.
    (failed.problem.code === "linkNotOpened" && failed.way !== "url"
      ? { what: m.contactNotOpened, advice: m.contactNotOpenedAdvice }
      : messageOf(failed.problem, m));
  return (
    <div class="contact" data-testid="contact">
      <p>
        {m.contactHelps} {contact.name && <strong>{contact.name}</strong>}
      </p>
      {(["phone", "email", "url"] as const).map((way) => {
        const to = contact[way];
        return (
          to && (
            <a
              key={way}
              class="link address"
              data-testid={`contact-${way}`}
              href={SCHEME[way] + to}
              onClick={(event) => {
                // The page stays: Rust opens it.
                event.preventDefault();
                void openContact(way).then((problem) => setFailed(problem && { way, problem }));
              }}
            >
              {unbrokenDomain(to)}
            </a>
          )
        );
      })}
      {message && (
        <p role="alert" data-testid="problem" data-code={failed?.problem.code}>
          {message.what} {message.advice}
        </p>
      )}
    </div>
  );
}
