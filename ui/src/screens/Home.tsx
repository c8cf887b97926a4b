import { edition } from "../app";
import { awaitedCode } from "../clock";
import { Banner } from "../components/Banner";
import { Button } from "../components/Button";
import { Layout } from "../components/Layout";
import { Steps } from "../components/Steps";
import { CheckIcon } from "../components/icons";
import { t } from "../i18n";
import type { Linking, Phase } from "../ipc/bridge";
import { openFlow } from "../navigation";

export type SignedIn = { phase: Extract<Phase, { name: "signedIn" }> };

export function statusText({ account, challenge, problem, status }: Linking): string {
  const m = t();
  if (account) return m.statusLinked({ email: account.email });
  if (status === "linking") return m.statusLinking;
  if (problem) return m[problem];
  if (awaitedCode.value) return m.statusCodeSent({ email: awaitedCode.value.email });
  if (challenge?.attemptsLeft === 0) return m.attemptsExhausted;
  if (challenge?.delivery === "bounced") return m.deliveryHelpBounced({ email: challenge.email });
  if (challenge?.delivery === "failed") return m.deliveryHelpFailed({ email: challenge.email });
  return challenge ? m.expired : m.statusNotLinked;
}

/** How far the linking is, and what comes next unless the banner says it. */
function LinkingCard({ linking }: { linking: Linking }) {
  const m = t();
  const { account, bannerVisible, status, problem } = linking;
  const code = awaitedCode.value;
  const connect = edition.value === "mobile" ? m.bannerConnectMobile : m.bannerConnectDesktop;
  const locked = problem === "linkingLocked";
  const isNext = !account && status !== "linking" && !locked;
  return (
    <section class="card" data-testid="linking-card" aria-labelledby="linking-title">
      <h2 id="linking-title">{m.vismaConnect}</h2>
      <p class="card-status">
        {account && <CheckIcon />}
        <span>{locked && bannerVisible ? m.statusNotLinked : statusText(linking)}</span>
      </p>
      {!account && <Steps status={status} back={status === "codeSent" && !code} />}
      {!(bannerVisible && status !== "linking") && (
        <Button testid="home-connect" variant={isNext ? "primary" : "plain"} onPress={openFlow}>
          {!isNext ? m.statusDetails : code ? m.bannerEnterCode : connect}
        </Button>
      )}
    </section>
  );
}

const LoadingCard = () => (
  <div class="card" role="status">
    <span class="visually-hidden">{t().loading}</span>
    <i class="skeleton title" />
    <i class="skeleton" />
    <i class="skeleton short" />
    <i class="skeleton control" />
  </div>
);

export function Home({ phase: { employee, linking, notice } }: SignedIn) {
  return (
    <Layout testid="screen-home" title={t().greeting({ name: employee.firstName })} subtitle={employee.company} notice={notice}>
      <Banner />
      {/* Another card for another state: below the banner it is at another place. */}
      {linking ? <LinkingCard key={`${linking.status} ${linking.bannerVisible}`} linking={linking} /> : <LoadingCard />}
    </Layout>
  );
}
