import { effect } from "@preact/signals";
import { render } from "preact";
import { LiveRegion, announceChanges } from "./announce";
import { connect, view } from "./app";
import { type Bridge, tauri } from "./ipc/bridge";
import { Screens } from "./screens/Screens";
import { followSystemBack } from "./way";
import { deviceLanguage, speak } from "./words";

const wanted = () => view.value?.language ?? deviceLanguage();

/** Draws the app on a bridge: Tauri's, or a stand-in's in the gallery and in tests. */
export async function start(bridge: Bridge): Promise<void> {
  const root = document.documentElement;
  // Which language is only known with the view; the device's is the likely one, so both are fetched at once.
  await Promise.all([speak(deviceLanguage()), connect(bridge)]);
  await speak(wanted());
  effect(() => {
    void speak(wanted());
  });
  effect(() => {
    const now = view.value;
    if (!now) return;
    root.dataset.edition = now.edition;
    root.dataset.phase = now.phase.name;
    root.dataset.place = now.place;
  });
  followSystemBack();
  const app = document.getElementById("app");
  if (!app) return;
  render(
    <>
      <Screens />
      <LiveRegion />
    </>,
    app,
  );
  document.getElementById("first")?.remove();
  // What is there at the start is simply there; only what comes later comes in.
  for (const one of document.getAnimations()) if ((one as CSSAnimation).animationName === "appear") one.finish();
  announceChanges();
  root.dataset.ready = "";
}

declare global {
  interface Window {
    /** Set by the gallery before this module runs. */
    standIn?: Bridge;
  }
}

void start((import.meta.env.DEV && window.standIn) || tauri);
