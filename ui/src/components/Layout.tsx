import type { ComponentChildren } from "preact";
import { edition, failure, navigate, pending, run, screen, view } from "../app";
import { t } from "../i18n";
import type { Notice, Screen } from "../ipc/bridge";
import { PARENT } from "../navigation";
import { messageOf } from "../problems";
import { Banner } from "./Banner";
import { Button } from "./Button";
import { ProblemMessage, failureIn } from "./ProblemMessage";
import { BackIcon, HomeIcon, Logo, ProfileIcon, SettingsIcon } from "./icons";

export const NoticeLine = ({ notice }: { notice: Notice | null }) =>
  notice && (
    <p class="notice" data-testid="notice" data-notice={notice} role="status">
      {t()[notice]}
    </p>
  );

/** Why the view may be stale, or what failed that belongs to no part of the screen. */
function StaleNotice() {
  const problem = view.value?.syncProblem;
  const m = t();
  // A failed action says the same.
  const stale = problem && !failure.value?.problem.retryable;
  const failed = failureIn("screen");
  if (!stale && !failed) return null;
  return (
    <div class="stale-notice">
      {failed ? (
        <ProblemMessage slots={["screen"]} id="screen-problem" />
      ) : (
        problem && (
          <div data-testid="trouble" data-code={problem.code} role="status">
            <p>
              <strong>{messageOf(problem, m).what}</strong> {m.stale}
            </p>
            <Button testid="retry" variant="ghost" busy={pending.value.has("refresh")} onPress={() => void run("refresh", (b) => b.refresh())}>
              {m.retry}
            </Button>
          </div>
        )
      )}
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
  const home = at === "home";
  const up = PARENT[at];
  const mobile = edition.value === "mobile";
  return (
    <div class="layout">
      {!mobile && <Rail at={at} />}
      <div class="page">
        {/* Always there, so that a banner that comes later moves nothing. */}
        {!mobile && <div class="banner-room">{!home && <Banner line />}</div>}
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
            {mobile && home && (
              <Button testid="nav-settings" variant="ghost" onPress={() => navigate("settings")}>
                {m.settings}
              </Button>
            )}
            {subtitle && <p class="subtitle">{subtitle}</p>}
          </header>
          <StaleNotice />
          <div class="content">
            {!home && <NoticeLine notice={notice} />}
            {children}
            {/* Nothing is below it. */}
            {home && <NoticeLine notice={notice} />}
          </div>
        </main>
      </div>
    </div>
  );
}
