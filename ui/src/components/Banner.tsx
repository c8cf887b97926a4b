import { edition, linking, pending, run, view } from "../app";
import { awaitedCode } from "../clock";
import { t } from "../i18n";
import { openFlow } from "../navigation";
import { Button } from "./Button";
import { ProblemMessage } from "./ProblemMessage";

/** In full on the home screen. A line on the others, above all where the flow itself is. */
export function Banner({ line = false }: { line?: boolean }) {
  const now = linking.value;
  if (!now?.bannerVisible) return null;
  const m = t();
  const mobile = edition.value === "mobile";
  const code = awaitedCode.value;
  const isLinking = now.status === "linking";
  const isFlow = view.value?.isFlow;
  const locked = now.problem === "linkingLocked";
  // Where the flow is, the button leads to its field. There may be none.
  const leads = !isLinking && !(isFlow && (locked || now.challenge?.attemptsLeft === 0));
  const title = () => {
    if (isLinking) return m.linkingTitle;
    if (isFlow) return m.bannerTitle;
    if (locked) return m.linkingLocked;
    return code ? m.codeSentTitle : m.bannerTitle;
  };
  const body = () => {
    if (isLinking) return m.linkingBody;
    if (locked) return m.linkingLockedAdvice;
    if (code) return m.bannerCodeSent({ email: code.email });
    return mobile ? m.bannerBodyMobile : m.bannerBodyDesktop;
  };
  const connect = () => {
    if (locked) return m.statusDetails;
    if (code) return m.bannerEnterCode;
    return mobile ? m.bannerConnectMobile : m.bannerConnectDesktop;
  };
  // Another banner for another state: its buttons are at another place.
  return (
    <section key={title()} class="banner" data-testid="banner" data-line={line ? "" : undefined} aria-labelledby="banner-title">
      <h2 id="banner-title">{title()}</h2>
      {!line && <p>{body()}</p>}
      <div class="banner-buttons">
        {leads && (
          <Button testid="banner-connect" variant={line ? "plain" : "primary"} onPress={openFlow}>
            {connect()}
          </Button>
        )}
        <Button testid="banner-hide" variant="ghost" busy={pending.value.has("snooze")} onPress={() => void run("snooze", (b) => b.snooze())}>
          {mobile ? m.bannerHideMobile : m.bannerHideDesktop}
        </Button>
      </div>
      <ProblemMessage slots={["banner"]} id="banner-problem" />
    </section>
  );
}
