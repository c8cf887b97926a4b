// Anna's main flow, from "not linked" to "linked": cargo xtask qa --scenario not-linked -- npm --prefix tests/webdriver start
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { remote } from "webdriverio";

interface Kit {
  webdriver: string;
  demo: string;
  capabilities: WebdriverIO.Capabilities;
}
interface Mail {
  to: string;
  text: string;
}

const kit = JSON.parse(readFileSync(process.argv[2] ?? new URL("../../../target/qa.json", import.meta.url), "utf8")) as Kit;
const { hostname, port } = new URL(kit.webdriver);

// Classic WebDriver: WebKitGTK's driver and msedgedriver behind tauri-driver have no BiDi.
const app = await remote({
  hostname,
  port: Number(port),
  logLevel: "error",
  capabilities: { ...kit.capabilities, "wdio:enforceWebDriverClassic": true },
});
const handle = (name: string) => app.$(`[data-testid="${name}"]`);
const tap = async (name: string) => {
  await handle(name).waitForDisplayed({ timeout: 20_000 });
  await handle(name).click();
};
const flowIs = (state: string) => app.$(`[data-testid="flow"][data-state="${state}"]`).waitForExist({ timeout: 20_000 });

/** The code in the newest mail to an address. */
async function codeTo(email: string): Promise<string> {
  let code: string | undefined;
  await app.waitUntil(
    async () => {
      const mails = (await (await fetch(`${kit.demo}/demo/inbox.json`)).json()) as Mail[];
      code = /^\d{6}$/m.exec(mails.find((mail) => mail.to === email)?.text ?? "")?.[0];
      return code !== undefined;
    },
    { timeout: 20_000, timeoutMsg: `no mail with a code to ${email}` },
  );
  return code!;
}

try {
  await app.$("html[data-ready]").waitForExist({ timeout: 20_000 });
  await handle("screen-sign-in").waitForDisplayed({ timeout: 20_000 });
  await handle("password").setValue("demo");
  await tap("sign-in");
  await tap("banner-connect");
  await flowIs("notLinked");
  await tap("suggestion");
  await tap("send-code");
  await flowIs("codeSent");
  await handle("code").setValue(await codeTo("anna.svensson@company.com"));
  await flowIs("linked");
  assert.equal(await handle("account-email").getText(), "anna.svensson@company.com");
  assert.equal(await handle("banner").isExisting(), false);
  console.log("Anna is linked.");
} finally {
  await app.deleteSession();
}
