import { useLayoutEffect, useRef } from "preact/hooks";
import { view } from "../app";
import type { View } from "../ipc/bridge";
import { AccountSettings, VismaConnect } from "./FlowScreens";
import { Home } from "./Home";
import { Profile } from "./Profile";
import { Settings } from "./Settings";
import { SignIn } from "./SignIn";

const SCREENS = { home: Home, settings: Settings, vismaConnect: VismaConnect, profile: Profile, accountSettings: AccountSettings };

const screenOf = (now: View) => (now.phase.name === "signedOut" ? "signIn" : now.place);

/** The screen that the view names. */
export function Screens() {
  const now = view.value;
  const name = now && screenOf(now);
  const before = useRef(name);
  useLayoutEffect(() => {
    if (before.current === name) return;
    before.current = name;
    scrollTo(0, 0);
    // A new screen begins at its title, unless a field of it took the focus already.
    const taken = document.activeElement;
    if (!(taken instanceof HTMLInputElement)) document.querySelector<HTMLElement>("h1")?.focus();
  }, [name]);
  if (!now || !name) return null;
  if (now.phase.name === "signedOut") return <SignIn phase={now.phase} />;
  const Screen = SCREENS[now.place];
  return <Screen key={name} phase={now.phase} />;
}
