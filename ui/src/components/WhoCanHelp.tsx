import { useState } from "preact/hooks";
import { linking, openContact } from "../app";
import { t } from "../i18n";
import type { Problem } from "../ipc/bridge";
import { messageOf } from "../problems";

const SCHEME = { phone: "tel:", email: "mailto:", url: "" };

/** The company's contact. Without one: the administrator, if no sentence beside it has said so. */
export function WhoCanHelp({ administrator = false }: { administrator?: boolean }) {
  const m = t();
  const [problem, setProblem] = useState<Problem | null>(null);
  const contact = linking.value?.contact;
  if (!contact) return administrator ? <p>{m.administratorHelps}</p> : null;
  const message = problem && messageOf(problem, m);
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
                void openContact(way).then(setProblem);
              }}
            >
              {to}
            </a>
          )
        );
      })}
      {message && (
        <p role="alert" data-testid="problem" data-code={problem?.code}>
          {message.what} {message.advice}
        </p>
      )}
    </div>
  );
}
