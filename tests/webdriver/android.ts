// Anna's main flow in the Android app, as the employee taps and types it: npm run android -- APK
// Needs a phone or an emulator, Appium on port 4723, `hrm-backend demo`, and `adb reverse tcp:8787 tcp:8787`.
import assert from "node:assert/strict";
import { remote } from "webdriverio";

const APP = "app.flexconnect.employee";
const DEMO = "http://127.0.0.1:8787";
const ADDRESS = "anna.svensson@company.com";
const [apk] = process.argv.slice(2);
assert(apk, "which APK?");

const app = await remote({
  hostname: "127.0.0.1",
  port: 4723,
  logLevel: "error",
  // Installing on a cold emulator takes minutes.
  connectionRetryTimeout: 300_000,
  capabilities: { platformName: "Android", "appium:automationName": "UiAutomator2", "appium:app": apk, "wdio:enforceWebDriverClassic": true },
});
// The countdown changes the page every second, so that it is never idle.
await app.updateSettings({ waitForIdleTimeout: 0 });

/** By the name that TalkBack says. */
const named = (name: string, kind = "*") => app.$(`//${kind}[@text="${name}" or @content-desc="${name}"]`);
const field = (id: string) => app.$(`//android.widget.EditText[@resource-id="${id}"]`);
const shows = (name: string) => named(name).waitForDisplayed({ timeout: 60_000 });
const tap = async (name: string, kind = "android.widget.Button") => {
  await named(name, kind).waitForDisplayed({ timeout: 60_000 });
  await named(name, kind).click();
};
const type = async (id: string, text: string) => {
  await field(id).waitForDisplayed({ timeout: 60_000 });
  await field(id).setValue(text);
};

async function newestCode(): Promise<string> {
  const code = await app.waitUntil(
    async () => {
      const mails = (await (await fetch(`${DEMO}/demo/inbox.json`)).json()) as { to: string; text: string }[];
      return /^\d{6}$/m.exec(mails.find((mail) => mail.to === ADDRESS)?.text ?? "")?.[0];
    },
    { timeout: 20_000, timeoutMsg: "no mail with a code" },
  );
  return code!;
}

try {
  await type("server", DEMO);
  await type("username", "anna.svensson");
  await type("password", "demo");
  await tap("Sign in");
  await tap("Connect your account");
  await tap(ADDRESS, "android.widget.RadioButton");
  await tap("Send verification code");
  await shows("Check your inbox");
  // Android may end the app while the employee reads the mail.
  await app.terminateApp(APP);
  await app.activateApp(APP);
  await shows("Check your inbox");
  await type("code", await newestCode());
  await shows("You're all set!");
  await app.back();
  await shows(`Linked to ${ADDRESS}`);
  await app.back();
  await app.waitUntil(async () => (await app.getCurrentPackage()) !== APP, { timeout: 20_000, timeoutMsg: "back does not leave the app" });
  console.log("Anna is linked.");
} finally {
  await app.deleteSession();
}
