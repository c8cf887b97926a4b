// Anna's main flow, from "not linked" to "linked": cargo xtask qa --scenario not-linked -- npm --prefix tests/webdriver start
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { remote } from "webdriverio";

interface Session {
  webdriver: string;
  demo: string;
  capabilities: WebdriverIO.Capabilities;
}
interface Mail {
  to: string;
  text: string;
}

const session = JSON.parse(readFileSync(process.argv[2] ?? new URL("../../../target/qa.json", import.meta.url), "utf8")) as Session;
const { hostname, port } = new URL(session.webdriver);

// Classic WebDriver: WebKitGTK's driver and msedgedriver behind tauri-driver have no BiDi.
const app = await remote({
  hostname,
  port: Number(port),
  logLevel: "error",
  capabilities: { ...session.capabilities, "wdio:enforceWebDriverClassic": true },
});
const byTestId = (name: string) => app.$(`[data-testid="${name}"]`);
const click = async (name: string) => {
  await byTestId(name).waitForDisplayed({ timeout: 20_000 });
  await byTestId(name).click();
};
const waitFlowState = (state: string) => app.$(`[data-testid="flow"][data-state="${state}"]`).waitForExist({ timeout: 20_000 });

/** The code in the newest mail to an address. */
async function codeSentTo(email: string): Promise<string> {
  let code: string | undefined;
  await app.waitUntil(
    async () => {
      const mails = (await (await fetch(`${session.demo}/demo/inbox.json`)).json()) as Mail[];
      code = /^\d{6}$/m.exec(mails.find((mail) => mail.to === email)?.text ?? "")?.[0];
      return code !== undefined;
    },
    { timeout: 20_000, timeoutMsg: `no mail with a code to ${email}` },
  );
  return code!;
}

try {
  await app.$("html[data-ready]").waitForExist({ timeout: 20_000 });
  await byTestId("screen-sign-in").waitForDisplayed({ timeout: 20_000 });
  await byTestId("password").setValue("demo");
  await click("sign-in");
  await click("banner-connect");
  await waitFlowState("notLinked");
  await click("suggestion");
  await click("send-code");
  await waitFlowState("codeSent");
  await byTestId("code").setValue(await codeSentTo("anna.svensson@company.com"));
  await waitFlowState("linked");
  assert.equal(await byTestId("account-email").getText(), "anna.svensson@company.com");
  assert.equal(await byTestId("banner").isExisting(), false);
  console.log("Anna is linked.");
} finally {
  await app.deleteSession();
}
