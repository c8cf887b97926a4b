// Draws every state and checks its layout, its accessibility, and that it looks as its picture in ui/screenshots.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { LANGUAGES } from "../../src/i18n";
import { findLayoutFaults } from "./layout";
import { type Gallery, SIZES, forEachState } from "./test";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const all = process.env.SHOTS_ALL === "1";
const update = process.env.SHOTS_UPDATE === "1";
const out = process.env.SHOTS_OUT;

interface Violation {
  id: string;
  nodes: { target: string[] }[];
}

async function runAxe({ page }: Gallery, runOnly: string[]): Promise<string[]> {
  const violations = await page.evaluate(async (rules) => {
    const { axe: tool } = globalThis as unknown as { axe: { run(on: Document, options: object): Promise<{ violations: Violation[] }> } };
    return (await tool.run(document, { runOnly: rules, resultTypes: ["violations"], preload: false })).violations;
  }, runOnly);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((one) => one.target).join(" | ")}`);
}

const checkLayout = async ({ page, edition }: Gallery, what: string) =>
  expect.soft(await page.evaluate(findLayoutFaults, edition === "mobile"), what).toEqual([]);

/** Compares with `ui/screenshots/FOLDER/STATE.webp`. */
async function compare(gallery: Gallery, folder: string, state: string): Promise<void> {
  const { page } = gallery;
  const name = [folder, `${state}.webp`];
  if (!update) await expect.soft(page).toHaveScreenshot(name);
  else {
    try {
      await expect(page).toHaveScreenshot(name);
    } catch {
      // Playwright would write it without loss, in three times the bytes.
      await page.screenshot({ path: join("screenshots", ...name), type: "webp", quality: 40, animations: "disabled" });
    }
  }
  await save(gallery, folder, state);
}

/** For people, if they ask for it. */
async function save({ page }: Gallery, folder: string, state: string): Promise<void> {
  if (out) await page.screenshot({ path: join(out, folder, `${state}.png`), animations: "disabled" });
}

const NARROW = { width: 320, height: 640 };
/** The smallest phone and the smallest window that the screens are made for. */
const SMALL = { mobile: { width: 360, height: 640 }, desktop: { width: 1024, height: 720 } };
/** Under the on-screen keyboard, a phone has this left. */
const ABOVE_KEYBOARD = { width: 360, height: 340 };

/** States with much text, which are compared in every language, and with large text. */
const LONGEST = ["sign-in-first", "home", "flow", "code-help", "code-bounced", "done"];
/** Every component once: the dark theme differs in its colours only. */
const DARK = new Set([...LONGEST, "sign-in-bad", "sign-in-busy", "sign-in-ended", "home-loading", "home-linked", "home-old", "settings", "profile", "flow-loading", "flow-taken", "flow-locked", "code-sent", "code-typed", "code-wrong", "code-over", "linking"]);
/** States with a field, and what has the focus. */
const FIELDS: Record<string, string> = { "sign-in": "password", "sign-in-first": "server", flow: "email", "flow-no-address": "email", "code-sent": "code", "code-wrong": "code" };

forEachState(async (gallery, state) => {
  const { page, edition, theme } = gallery;
  const mobile = edition === "mobile";
  const folder = `${edition}-${theme}`;
  for (const language of all ? Object.keys(LANGUAGES) : ["en"]) {
    const english = language === "en";
    await gallery.draw(state, { language, still: "" });
    await checkLayout(gallery, language);
    await page.evaluate(axe);
    expect.soft(await runAxe(gallery, ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]), `axe, ${language}`).toEqual([]);
    if (english) await (theme === "light" || DARK.has(state) ? compare : save)(gallery, folder, state);
    if (!all) continue;
    if (english) {
      await page.emulateMedia({ forcedColors: "active" });
      await checkLayout(gallery, "forced colours");
      await save(gallery, `${folder}-forced`, state);
      await page.emulateMedia({ forcedColors: null, contrast: "more" });
      await checkLayout(gallery, "more contrast");
      expect.soft(await runAxe(gallery, ["color-contrast-enhanced"]), "more contrast").toEqual([]);
      await save(gallery, `${folder}-contrast`, state);
      await page.emulateMedia({ contrast: null });
    }
    // The theme does not change the layout.
    if (theme !== "light") continue;
    if (!english && LONGEST.includes(state)) await compare(gallery, `${edition}-${language}`, state);
    await page.setViewportSize(SMALL[edition]);
    await checkLayout(gallery, `${language}, small`);
    if (english) await (LONGEST.includes(state) ? compare : save)(gallery, `${edition}-small`, state);
    if (english && mobile && state in FIELDS) {
      await page.getByTestId(FIELDS[state] ?? "").focus();
      await page.setViewportSize(ABOVE_KEYBOARD);
      await compare(gallery, "mobile-keyboard", state);
    }
    await page.setViewportSize(SIZES[edition]);
    await page.addStyleTag({ content: "html { font-size: 200%; }" });
    await checkLayout(gallery, `${language}, 200 % text`);
    if (english) await (LONGEST.includes(state) ? compare : save)(gallery, `${edition}-large`, state);
    // The largest of iOS, which is for phones only.
    if (mobile) {
      await page.addStyleTag({ content: "html { font-size: 310%; }" });
      await checkLayout(gallery, `${language}, 310 % text`);
    }
    await page.addStyleTag({ content: "html { font-size: 100%; }" });
    await page.setViewportSize(NARROW);
    await checkLayout(gallery, `${language}, 320 px`);
    if (english) await save(gallery, `${edition}-narrow`, state);
    await page.setViewportSize(SIZES[edition]);
  }
});
