// Where the page may not start: an engine that is too old, and a system whose language is no tag.

import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./engines";
import { Phone, Programs } from "./phone";

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.start();
});
afterAll(() => programs?.stop());

test("Chromium 80 says what to update, in the device's language", async () => {
  const engine = launch("chromium-80");
  const phone = new Phone(engine, programs, "chromium-80 says what to update");
  try {
    await engine.open();
    await engine.resize(360, 740);
    for (const [language, title] of [["en-US", "An update is needed."], ["sv-SE", "En uppdatering behövs."], ["nn-NO", "En oppdatering er nødvendig."], ["da-DK", "En opdatering er nødvendig."], ["fi-FI", "Päivitys tarvitaan."]] as const) {
      await engine.speak(language);
      await engine.goto(programs.page);
      await phone.until(title, `document.body && document.body.innerText.indexOf("${title}") === 0 && document.body.innerText.indexOf("Android System WebView") > 0`);
      await phone.fits();
      await phone.picture(language);
    }
    expect(await phone.evaluate("performance.getEntriesByType('resource').filter((one) => /index|Flow/.test(one.name)).length")).toBe(0);
    expect(engine.complaints.filter((one) => !one.includes("'require-trusted-types-for'"))).toEqual([]);
    await phone.report(null);
  } catch (failure) {
    await phone.report(failure);
    throw failure;
  } finally {
    await engine.close();
  }
});

test("the flow on a system whose language is C", async () => {
  const engine = launch("chromium-88", "C.UTF-8");
  const phone = new Phone(engine, programs, "chromium-88 the language C");
  try {
    await engine.open();
    await phone.start("not-linked", { language: null });
    expect(await phone.evaluate("navigator.languages[0]")).toBe("en-US@posix");
    await phone.toTheCode();
    expect(await phone.text("check-inbox")).toMatch(/Sent \d/);
    await phone.type("code", await programs.code());
    await phone.see("done");
    expect(engine.complaints).toEqual([]);
    await phone.report(null);
  } catch (failure) {
    await phone.report(failure);
    throw failure;
  } finally {
    await engine.close();
  }
});
