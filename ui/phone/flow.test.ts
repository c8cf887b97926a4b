// The phone edition by touch. ENGINES names the engines, "chromium-88" without it.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Chromium } from "./chromium";
import { launch } from "./engines";
import { Phone, Programs } from "./phone";

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.start();
});
afterAll(() => programs?.stop());

describe.each((process.env.ENGINES ?? "chromium-88").split(","))("%s", (name) => {
  let engine: Chromium;
  beforeAll(async () => {
    engine = launch(name);
    await engine.open();
  });
  afterAll(() => engine?.close());

  /** A test on a phone of its own. Nothing may be logged or thrown in the page. */
  const onAPhone = (what: string, scenario: string, work: (phone: Phone) => Promise<void>, options: { language?: string; height?: number } = {}) =>
    test(what, async () => {
      const phone = new Phone(engine, programs, `${name} ${what}`);
      try {
        await phone.start(scenario, options);
        await work(phone);
        expect(engine.complaints).toEqual([]);
        await phone.report(null);
      } catch (failure) {
        await phone.report(failure);
        throw failure;
      }
    });

  onAPhone("from the sign-in to the account", "not-linked", async (phone) => {
    await phone.picture("sign in");
    await phone.signIn();
    await phone.picture("home");
    await phone.tap("banner-connect");
    await phone.see("email");
    await phone.picture("address");
    await phone.tap("suggestion");
    await phone.tap("send-code");
    await phone.see("code");
    await phone.picture("code");
    await phone.type("code", await programs.code());
    await phone.see("done");
    await phone.picture("done");
    expect(await phone.text("account-email")).toBe("anna.svensson@company.com");
    await phone.tap("back-home");
    await phone.see("screen-home");
  });
});
