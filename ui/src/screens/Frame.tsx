import type { ComponentChildren } from "preact";
import { act, edition, failure, goTo, place, view, working } from "../app";
import type { Notice, Place } from "../ipc/bridge";
import { Banner } from "../parts/Banner";
import { Button } from "../parts/Button";
import { AlertIcon, BackIcon, HomeIcon, Mark, ProfileIcon, SettingsIcon } from "../parts/icons";
import { ProblemNote, stripText } from "../parts/ProblemNote";
import { worthRepeating } from "../problems";
import { PARENT } from "../way";
import { say } from "../words";

/** A calm line about something that nobody asked for. */
export const NoticeLine = ({ notice }: { notice: Notice | null }) =>
  notice && (
    <p class="notice" data-testid="notice" data-notice={notice} role="status">
      {say()[notice]}
    </p>
  );

/**
 * Why what is shown may be old. Silent while an action's own problem says that the server is out of reach, in whatever
 * words: a second line would say nothing new, and would move a button away from under the finger.
 */
function Trouble() {
  const trouble = view.value?.trouble;
  if (!trouble || (failure.value && worthRepeating(failure.value.problem))) return null;
  return (
    <div class="strip" data-testid="trouble" data-code={trouble.code} role="status">
      <AlertIcon />
      <p>{stripText(trouble)}</p>
      <Button testid="retry" kind="quiet" busy={working.value.has("refresh")} onPress={() => void act("refresh", (b) => b.refresh())}>
        {say().retry}
      </Button>
    </div>
  );
}

/** The first step below home that a screen belongs to. */
const branchOf = (at: Place): Place => {
  const up = PARENT[at];
  return up && up !== "home" ? branchOf(up) : at;
};

function Rail({ at }: { at: Place }) {
  const m = say();
  const items = [
    { to: "home", testid: "nav-home", name: m.home, Icon: HomeIcon },
    { to: "profile", testid: "nav-profile", name: m.profile, Icon: ProfileIcon },
    { to: "settings", testid: "nav-settings", name: m.settings, Icon: SettingsIcon },
  ] as const;
  return (
    <nav class="rail" aria-label={m.mainMenu}>
      <p class="rail-name">
        <Mark />
        <span>{m.appName}</span>
      </p>
      <ul>
        {items.map(({ to, testid, name, Icon }) => (
          <li key={to}>
            <button type="button" class="rail-item" data-testid={testid} aria-current={branchOf(at) === to ? "page" : undefined} onClick={() => goTo(to)}>
              <Icon />
              <span>{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const nameOf = (at: Place): string => {
  const m = say();
  return { home: m.home, settings: m.settings, profile: m.profile, vismaConnect: m.vismaConnect, accountSettings: m.accountSettings }[at];
};

interface FrameProps {
  testid: string;
  /** Without one it is the screen's name. */
  title?: string;
  subtitle?: string;
  notice?: Notice | null;
  children: ComponentChildren;
}

/** What stands around every screen of a signed-in employee: a rail on desktop, a top bar on phones. */
export function Frame({ testid, title, subtitle, notice = null, children }: FrameProps) {
  const m = say();
  const at = place.value ?? "home";
  const up = PARENT[at];
  const mobile = edition.value === "mobile";
  return (
    <div class="frame">
      {!mobile && <Rail at={at} />}
      <div class="page">
        {!mobile && <Banner />}
        <main class="screen" data-testid={testid}>
          <header class="bar">
            {/* The rail leads home on desktop. */}
            {up && (mobile || up !== "home") && (
              <button type="button" class="back" data-testid="back" aria-label={mobile ? m.back : undefined} onClick={() => goTo(up)}>
                <BackIcon />
                {!mobile && <span>{nameOf(up)}</span>}
              </button>
            )}
            <h1 tabIndex={-1}>{title ?? nameOf(at)}</h1>
            {subtitle && <p class="subtitle">{subtitle}</p>}
          </header>
          <div class="content">
            <Trouble />
            <NoticeLine notice={notice} />
            <ProblemNote spots={["screen"]} id="screen-problem" />
            {children}
          </div>
        </main>
      </div>
    </div>
  );
}
