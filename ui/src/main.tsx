import { effect } from "@preact/signals";
import { render } from "preact";
import { connect, view } from "./app";
import { LiveRegion, announceChanges } from "./components/LiveRegion";
import { deviceLanguage, setLocale } from "./i18n";
import { type Bridge, tauri } from "./ipc/bridge";
import { handleSystemBack, syncHistory } from "./navigation";
import { Screens, loadFlow } from "./screens/Screens";

const desiredLocale = () => view.value?.language ?? deviceLanguage();

async function start(bridge: Bridge): Promise<void> {
  const root = document.documentElement;
  // Only the view says which language was chosen. The device's is the likely one, so both are fetched at once.
  await Promise.all([setLocale(deviceLanguage()), connect(bridge)]);
  await setLocale(desiredLocale());
  effect(() => {
    void setLocale(desiredLocale());
  });
  effect(() => {
    const now = view.value;
    if (!now) return;
    root.dataset.edition = now.edition;
    root.dataset.phase = now.phase.name;
    root.dataset.screen = now.screen;
  });
  syncHistory();
  if (navigator.userAgent.includes("Android")) handleSystemBack(bridge);
  // The focused field stays visible when the on-screen keyboard opens.
  window.visualViewport?.addEventListener("resize", () => {
    if (document.activeElement instanceof HTMLInputElement) document.activeElement.scrollIntoView({ block: "center" });
  });
  const app = document.getElementById("app");
  if (!app) return;
  if (view.value?.isFlow) await loadFlow();
  render(
    <>
      <Screens />
      <LiveRegion />
    </>,
    app,
  );
  document.getElementById("splash")?.remove();
  // The first screen does not fade in.
  for (const one of document.getAnimations()) if ((one as CSSAnimation).animationName === "fade-in") one.finish();
  announceChanges();
  root.dataset.ready = "";
  void loadFlow();
}

declare global {
  interface ImportMetaEnv {
    /** Of Cargo.toml. */
    readonly APP_VERSION: string;
  }
  interface Window {
    /** Set by the gallery before this module runs. */
    mockBridge?: Bridge;
  }
}

void start((import.meta.env.DEV && window.mockBridge) || tauri);
