import { act, edition, linking, working } from "../app";
import { openFlow } from "../way";
import { say } from "../words";
import { Button } from "./Button";
import { ProblemNote } from "./ProblemNote";

/** The reminder, for as long as Rust says that it shows. */
export function Banner() {
  const now = linking.value;
  if (!now?.bannerVisible || now.status === "linked") return null;
  const m = say();
  const mobile = edition.value === "mobile";
  const linkingNow = now.status === "linking";
  const connect = mobile ? m.banner_connect_mobile() : m.banner_connect_desktop();
  return (
    <section class="banner" data-testid="banner" aria-labelledby="banner-title">
      <div class="banner-words">
        <h2 id="banner-title">{linkingNow ? m.linking_title() : m.banner_title()}</h2>
        <p>
          {linkingNow && m.linking_body()}
          {now.challenge && m.banner_code_sent({ email: now.challenge.email })}
          {now.status === "notLinked" && (mobile ? m.banner_body_mobile() : m.banner_body_desktop())}
        </p>
        <ProblemNote spots={["banner"]} id="banner-problem" />
      </div>
      <div class="banner-buttons">
        {!linkingNow && (
          <Button testid="banner-connect" kind="plain" onPress={openFlow}>
            {now.challenge ? m.banner_enter_code() : connect}
          </Button>
        )}
        <Button testid="banner-hide" kind="quiet" busy={working.value.has("snooze")} onPress={() => void act("snooze", (b) => b.snooze())}>
          {mobile ? m.banner_hide_mobile() : m.banner_hide_desktop()}
        </Button>
      </div>
    </section>
  );
}
