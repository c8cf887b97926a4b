import { edition, linking, pending, run, view } from "../app";
import { t } from "../i18n";
import { openFlow } from "../navigation";
import { Button } from "./Button";
import { ProblemMessage } from "./ProblemMessage";

export function Banner() {
  const now = linking.value;
  if (!now?.bannerVisible) return null;
  const m = t();
  const mobile = edition.value === "mobile";
  const isLinking = now.status === "linking";
  const connect = mobile ? m.bannerConnectMobile : m.bannerConnectDesktop;
  return (
    <section class="banner" data-testid="banner" aria-labelledby="banner-title">
      <div class="banner-text">
        <h2 id="banner-title">{isLinking ? m.linkingTitle : m.bannerTitle}</h2>
        <p>
          {isLinking && m.linkingBody}
          {now.challenge && m.bannerCodeSent({ email: now.challenge.email })}
          {now.status === "notLinked" && (mobile ? m.bannerBodyMobile : m.bannerBodyDesktop)}
        </p>
        <ProblemMessage slots={["banner"]} id="banner-problem" />
      </div>
      <div class="banner-buttons">
        {!isLinking && (
          <Button testid="banner-connect" variant={view.value?.isFlow ? "plain" : "primary"} onPress={openFlow}>
            {now.challenge ? m.bannerEnterCode : connect}
          </Button>
        )}
        <Button testid="banner-hide" variant="ghost" busy={pending.value.has("snooze")} onPress={() => void run("snooze", (b) => b.snooze())}>
          {mobile ? m.bannerHideMobile : m.bannerHideDesktop}
        </Button>
      </div>
    </section>
  );
}
