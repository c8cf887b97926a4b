import { act, edition, linking, place, working } from "../app";
import { isFlow, openFlow } from "../way";
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
  const connect = mobile ? m.bannerConnectMobile : m.bannerConnectDesktop;
  return (
    <section class="banner" data-testid="banner" aria-labelledby="banner-title">
      <div class="banner-words">
        <h2 id="banner-title">{linkingNow ? m.linkingTitle : m.bannerTitle}</h2>
        <p>
          {linkingNow && m.linkingBody}
          {now.challenge && m.bannerCodeSent({ email: now.challenge.email })}
          {now.status === "notLinked" && (mobile ? m.bannerBodyMobile : m.bannerBodyDesktop)}
        </p>
        <ProblemNote spots={["banner"]} id="banner-problem" />
      </div>
      <div class="banner-buttons">
        {!linkingNow && (
          <Button testid="banner-connect" kind={isFlow(place.value) ? "plain" : "primary"} onPress={openFlow}>
            {now.challenge ? m.bannerEnterCode : connect}
          </Button>
        )}
        <Button testid="banner-hide" kind="quiet" busy={working.value.has("snooze")} onPress={() => void act("snooze", (b) => b.snooze())}>
          {mobile ? m.bannerHideMobile : m.bannerHideDesktop}
        </Button>
      </div>
    </section>
  );
}
