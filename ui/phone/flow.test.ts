// The phone edition by touch. ENGINES names the engines, "chromium-88" without it.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launch } from "./engines";
import { Phone, Programs, type StartOptions } from "./phone";

/** What the device says its language is, and the title of the first screen. */
const SIGN_IN: Record<string, [tag: string, title: string]> = { en: ["en-US", "Sign in"], sv: ["sv-SE", "Logga in"], nb: ["nn-NO", "Logg inn"], da: ["da-DK", "Log ind"], fi: ["fi-FI", "Kirjaudu"] };

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.start();
});
afterAll(() => programs?.stop());

describe.each((process.env.ENGINES ?? "chromium-88").split(","))("%s", (name) => {
  const engine = launch(name);
  const { tallest } = engine;
  beforeAll(async () => {
    await engine.open();
  });
  afterAll(() => engine.close());

  /** A test on a phone of its own. Nothing may be logged or thrown in the page. */
  const onAPhone = (what: string, scenario: string, work: (phone: Phone) => Promise<void>, options: StartOptions = {}) =>
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

  for (const height of [tallest, 640])
    onAPhone(`from the sign-in to the account, 360×${height}`, "not-linked", async (phone) => {
      const look = async (what: string) => {
        await phone.atRest();
        await phone.picture(what);
        await phone.fits();
        await phone.axe();
      };
      await look("sign in");
      await phone.signIn();
      await look("home");
      await phone.tap("banner-connect");
      await phone.see("email");
      await look("address");
      await phone.tap("suggestion");
      await phone.tap("send-code");
      await phone.see("code");
      await phone.inView("code", "verify-code");
      await look("code");
      await phone.focus("code");
      for (const digit of await programs.code()) await engine.insert(digit);
      await phone.see("done");
      await look("done");
      expect(await phone.text("account-email")).toBe("anna.svensson@company.com");
      await phone.tap("back-home");
      await phone.see("screen-home");
    }, { height });

  onAPhone("a code by Paste code", "not-linked", async (phone) => {
    await phone.toTheCode();
    await phone.tap("open-email-app");
    await expect.poll(() => programs.opened()).toEqual(["the e-mail app"]);
    const code = await programs.code();
    await programs.post("/phone/copy", { text: `Your code: ${code.slice(0, 3)} ${code.slice(3)}` });
    await phone.tap("paste-code");
    await phone.see("done");
  });

  onAPhone("a code by an input method that composes", "not-linked", async (phone) => {
    await phone.toTheCode();
    await phone.focus("code");
    await engine.compose(await programs.code());
    await phone.see("done");
  });

  onAPhone("an address by an input method that composes", "not-linked", async (phone) => {
    await phone.signIn();
    await phone.tap("banner-connect");
    await phone.focus("email");
    await engine.compose("anna.svensson@user.com");
    await phone.tap("send-code");
    await phone.see("code");
    expect(await phone.text("check-inbox")).toContain("anna.svensson@user.com");
  });

  for (const height of [tallest, 640])
    onAPhone(`the keyboard covers neither field nor button, 360×${height}`, "not-linked", async (phone) => {
      const withKeyboard = async (field: string, primary: string) => {
        await phone.focus(field);
        await phone.resize(360, height / 2);
        await phone.inView(field, primary);
        await phone.picture(`${field} with the keyboard`);
        await phone.resize(360, height);
      };
      for (const field of ["server", "username", "password"]) await withKeyboard(field, "sign-in");
      await phone.signIn();
      await phone.tap("banner-connect");
      await withKeyboard("email", "send-code");
      await phone.tap("suggestion");
      await phone.tap("send-code");
      await phone.see("code");
      await withKeyboard("code", "verify-code");
    }, { height });

  onAPhone("a turn of the phone keeps what was typed", "not-linked", async (phone) => {
    await phone.toTheCode();
    await phone.type("code", "123");
    await phone.resize(tallest, 360);
    await phone.inView("code");
    await phone.fits();
    await phone.picture("on its side");
    expect(await phone.evaluate("document.querySelector('#code').value")).toBe("123");
    await phone.resize(360, tallest);
    await phone.inView("code", "verify-code");
    expect(await phone.evaluate("document.querySelector('#code').value")).toBe("123");
  });

  onAPhone("back goes through the screens and out", "not-linked", async (phone) => {
    await phone.signIn();
    const open = async () => {
      await phone.tap("nav-settings");
      await phone.see("screen-settings");
      await phone.tap("row-visma-connect");
      await phone.see("screen-visma-connect");
    };
    await open();
    await phone.back();
    await phone.see("screen-settings");
    await phone.back();
    await phone.see("screen-home");
    if (!(await phone.evaluate("navigator.userAgent.includes('Android')"))) return;
    await open();
    // Android's back, which the page takes while there is a screen above.
    for (const screen of ["screen-settings", "screen-home"]) {
      await phone.until("the page to take back", "!!window.systemBack");
      await phone.evaluate("window.systemBack({ message: {} })");
      await phone.see(screen);
    }
    await phone.until("back to leave the app", "window.systemBack === null");
    await phone.back();
    await phone.until("the way out", "location.href === 'about:blank'");
  });

  onAPhone("killed on the code screen, it opens there", "not-linked", async (phone) => {
    await phone.toTheCode();
    await programs.post("/phone/kill");
    await phone.load();
    await phone.see("code");
    expect(await phone.text("check-inbox")).toContain("anna.svensson@company.com");
    expect(await phone.text("expires-in")).toMatch(/(30:00|29:\d\d)/);
    await phone.type("code", await programs.code());
    await phone.see("done");
  });

  onAPhone("after a sleep the time left is true at once", "not-linked", async (phone) => {
    await phone.toTheCode();
    // Nothing comes from the server, so that only the phone's own clock can say.
    await phone.suspend(600);
    await programs.post("/demo/faults", { network: "timeout" });
    await phone.resume();
    const isTrue = "/ (20:00|19:5\\d)/.test(document.querySelector('[data-testid=expires-in]').innerText)";
    const began = Date.now();
    await phone.until("20 minutes", isTrue);
    expect(Date.now() - began).toBeLessThan(1000);
    await phone.suspend(1_800);
    await phone.resume();
    const back = Date.now();
    await phone.until("the end of the code", "document.querySelector('h1, h2') && document.body.innerText.includes('The code has expired') && !document.querySelector('[data-testid=expires-in]')");
    expect(Date.now() - back).toBeLessThan(1000);
    await phone.picture("expired");
    await programs.post("/demo/faults", { network: "ok" });
    await phone.inView("send-code");
  });

  onAPhone("offline and back", "not-linked", async (phone) => {
    await phone.toTheCode();
    const code = await programs.code();
    await programs.post("/demo/faults", { network: "offline" });
    await phone.see("trouble");
    await phone.type("code", code);
    await phone.until("the problem", "!!document.querySelector('[data-testid=problem][data-code=offline]')");
    await phone.picture("offline");
    await programs.post("/demo/faults", { network: "ok" });
    await phone.gone("trouble");
    await phone.tap("verify-code");
    await phone.see("done");
  });

  onAPhone("the whole flow with text at 200 %", "not-linked", async (phone) => {
    const larger = () => phone.evaluate("void (document.documentElement.style.fontSize = '200%')");
    await larger();
    await phone.fits();
    await phone.signIn();
    await phone.fits();
    await phone.picture("home");
    await phone.tap("banner-connect");
    await phone.tap("suggestion");
    await phone.fits();
    await phone.tap("send-code");
    await phone.see("code");
    await phone.fits();
    await phone.picture("code");
    await phone.type("code", await programs.code());
    await phone.see("done");
    await phone.fits();
    await phone.picture("done");
    await phone.tap("back-home");
    await phone.tap("nav-settings");
    await phone.see("language");
    await phone.fits();
    await phone.picture("settings");
  });

  onAPhone("the longest names fit", "very-long-names", async (phone) => {
    await phone.signIn("very.long");
    await phone.fits();
    await phone.picture("home");
    await phone.tap("banner-connect");
    await phone.see("email");
    await phone.fits();
    await phone.tap("suggestion");
    await phone.tap("send-code");
    await phone.see("code");
    await phone.fits();
    await phone.picture("code");
    await phone.type("code", await programs.code());
    await phone.see("done");
    await phone.fits();
  });

  for (const [language, [tag, title]] of Object.entries(engine.speaks ? SIGN_IN : {}))
    onAPhone(`the whole flow in ${language}`, "not-linked", async (phone) => {
      expect(await phone.evaluate("document.documentElement.lang")).toBe(language);
      expect(await phone.text("screen-sign-in")).toContain(title);
      await phone.fits();
      await phone.toTheCode();
      await phone.fits();
      await phone.inView("code", "verify-code");
      await phone.picture(`code in ${language}`);
      await phone.type("code", await programs.code());
      await phone.see("done");
      await phone.fits();
    }, { language: tag });
});
