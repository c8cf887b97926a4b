import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { view } from "../app";
import { Layout } from "../components/Layout";
import { t } from "../i18n";
import type { Linking } from "../ipc/bridge";
import flowStyle from "../style/flow-screens.css?url";
import { Locked } from "./Locked";
import { Home, type SignedIn } from "./Home";
import { Profile } from "./Profile";
import { Settings } from "./Settings";
import { SignIn } from "./SignIn";

const flow = signal<{ Flow: FunctionComponent<{ linking: Linking }> } | null>(null);

const loadStyle = () =>
  new Promise((loaded) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = flowStyle;
    link.addEventListener("load", loaded);
    document.head.append(link);
  });

/** The flow is a chunk of its own, so that it does not delay the first screen. Loaded before anybody opens it. */
export async function loadFlow(): Promise<void> {
  if (flow.value) return;
  [flow.value] = await Promise.all([import("./Flow"), loadStyle()]);
}

const Skeleton = () => (
  <div role="status">
    <span class="visually-hidden">{t().loading}</span>
    <i class="skeleton title" />
    <i class="skeleton" />
    <i class="skeleton short" />
    <i class="skeleton control" />
    <i class="skeleton control" />
  </div>
);

const flowScreen =
  (testid: string) =>
  ({ phase: { linking, notice } }: SignedIn) => {
    const loaded = flow.value;
    return (
      <Layout testid={testid} notice={notice}>
        {linking && loaded ? <loaded.Flow linking={linking} /> : <Skeleton />}
      </Layout>
    );
  };

const SCREENS = {
  home: Home,
  settings: Settings,
  vismaConnect: flowScreen("screen-visma-connect"),
  profile: Profile,
  accountSettings: flowScreen("screen-account-settings"),
};

/** Draws the screen that the view names. */
export function Screens() {
  const now = view.value;
  const name = now && (now.phase.name === "signedIn" ? now.screen : now.phase.name);
  const before = useRef(name);
  useLayoutEffect(() => {
    if (before.current === name) return;
    before.current = name;
    scrollTo(0, 0);
    // Focus the title of a new screen, unless the screen has focused a field.
    if (!(document.activeElement instanceof HTMLInputElement)) document.querySelector<HTMLElement>("h1")?.focus();
  }, [name]);
  if (!now) return null;
  if (now.phase.name === "signedOut") return <SignIn phase={now.phase} />;
  if (now.phase.name === "locked") return <Locked />;
  const Screen = SCREENS[now.screen];
  return <Screen key={name} phase={now.phase} />;
}
