import { expect, test, vi } from "vitest";
import { STATES } from "../gallery/fixtures";
import { applyView, connect, navigate } from "../src/app";
import type { Bridge, Screen, View } from "../src/ipc/bridge";
import { handleSystemBack } from "../src/navigation";

vi.stubGlobal("document", { addEventListener: () => {} });
vi.stubGlobal("addEventListener", () => {});

const settle = () => new Promise((done) => setTimeout(done));

test("Android's back goes one screen up, and leaves the app at home", async () => {
  const first = STATES["home"]?.view("mobile");
  if (!first) throw new Error("the fixture has changed");
  let revision = first.revision;
  const on = (screen: Screen): View => ({ ...first, screen, revision: (revision += 1) });
  let back: (() => void) | null = null;
  const bridge = {
    view: () => Promise.resolve(first),
    onChanged: () => Promise.resolve(),
    navigate: (screen: Screen) => Promise.resolve(on(screen)),
    onBack: (handler: () => void) => {
      back = handler;
      return Promise.resolve(() => Promise.resolve((back = null)));
    },
  } as unknown as Bridge;
  await connect(bridge);
  handleSystemBack(bridge);
  await settle();
  expect(back, "the system's own back at home").toBeNull();
  applyView(on("vismaConnect"));
  await settle();
  for (const _ of ["to settings", "to home"]) {
    expect(back).not.toBeNull();
    (back as unknown as () => void)();
    await settle();
  }
  expect(back).toBeNull();
});

test("back is heard on a screen whose call has not answered yet", async () => {
  const first = STATES["home"]?.view("mobile");
  if (!first) throw new Error("the fixture has changed");
  const asked: Screen[] = [];
  const bridge = {
    view: () => Promise.resolve(first),
    onChanged: () => Promise.resolve(),
    navigate: (screen: Screen) => {
      asked.push(screen);
      return new Promise(() => {});
    },
  } as unknown as Bridge;
  await connect(bridge);
  navigate("settings");
  navigate("home");
  expect(asked).toEqual(["settings", "home"]);
});
