import type { ComponentChildren } from "preact";
import { edition, failure, navigate, pending, run, screen, view } from "../app";
import { t } from "../i18n";
import type { Notice, Screen } from "../ipc/bridge";
import { PARENT } from "../navigation";
import { messageOf } from "../problems";
import { Banner } from "./Banner";
import { Button } from "./Button";
import { ProblemMessage } from "./ProblemMessage";
import { AlertIcon, BackIcon, HomeIcon, Logo, ProfileIcon, SettingsIcon } from "./icons";

export const NoticeLine = ({ notice }: { notice: Notice | null }) =>
  notice && (
    <p class="notice" data-testid="notice" data-notice={notice} role="status">
      {t()[notice]}
    </p>
  );

/**
 * Says why the view may be stale. Hidden while a failed action says the same: a second message would move a button
 * away from under the finger.
 */
function StaleNotice() {
  const problem = view.value?.syncProblem;
  if (!problem || failure.value?.problem.retryable) return null;
  const m = t();
  return (
    <div class="stale-notice" data-testid="trouble" data-code={problem.code} role="status">
      <AlertIcon />
      <p>
        {messageOf(problem, m).what} {m.stale}
      </p>
      <Button testid="retry" variant="ghost" busy={pending.value.has("refresh")} onPress={() => void run("refresh", (b) => b.refresh())}>
        {m.retry}
      </Button>
    </div>
  );
}

/** The screen directly below home that contains this one. */
const sectionOf = (at: Screen): Screen => {
  const up = PARENT[at];
  return up && up !== "home" ? sectionOf(up) : at;
};

function Rail({ at }: { at: Screen }) {
  const m = t();
  const items = [
    { to: "home", testid: "nav-home", name: m.home, Icon: HomeIcon },
    { to: "profile", testid: "nav-profile", name: m.profile, Icon: ProfileIcon },
    { to: "settings", testid: "nav-settings", name: m.settings, Icon: SettingsIcon },
  ] as const;
  return (
    <nav class="rail" aria-label={m.mainMenu}>
      <p class="rail-brand">
        <Logo />
        <span>{m.appName}</span>
      </p>
      <ul>
        {items.map(({ to, testid, name, Icon }) => (
          <li key={to}>
            <button type="button" class="rail-item" data-testid={testid} aria-current={sectionOf(at) === to ? "page" : undefined} onClick={() => navigate(to)}>
              <Icon />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface LayoutProps {
  testid: string;
  /** Defaults to the screen's name. */
  title?: string;
  subtitle?: string;
  notice?: Notice | null;
  children: ComponentChildren;
}

/** Surrounds every screen of a signed-in employee: a navigation rail on desktop, a top bar on phones. */
export function Layout({ testid, title, subtitle, notice = null, children }: LayoutProps) {
  const m = t();
  const at = screen.value ?? "home";
  const up = PARENT[at];
  const mobile = edition.value === "mobile";
  return (
    <div class="layout">
      {!mobile && <Rail at={at} />}
      <div class="page">
        {!mobile && <Banner />}
        <main class="screen" data-testid={testid}>
          <header class="screen-header">
            {/* On desktop the rail leads home. */}
            {up && (mobile || up !== "home") && (
              <button type="button" class="back" data-testid="back" aria-label={mobile ? m.back : undefined} onClick={() => navigate(up)}>
                <BackIcon />
                {!mobile && <span>{m[up]}</span>}
              </button>
            )}
            <h1 tabIndex={-1}>{title ?? m[at]}</h1>
            {subtitle && <p class="subtitle">{subtitle}</p>}
          </header>
          <div class="content">
            <StaleNotice />
            <NoticeLine notice={notice} />
            <ProblemMessage slots={["screen"]} id="screen-problem" />
            {children}
          </div>
        </main>
      </div>
    </div>
  );
}
