// Draws every state and checks its layout, its accessibility, and that it looks as its picture in ui/screenshots.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { LANGUAGES } from "../../src/i18n";
import { STATES } from "../fixtures";
import { findLayoutFaults } from "./layout";
import { FIELDS, REFERENCES, isCompared, strayPictures } from "./pictures";
import { ABOVE_KEYBOARD, type Gallery, SIZES, SMALL, forEachState, resize, test } from "./test";

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

/** Compares with `ui/screenshots/EDITION-KIND/STATE.webp`, and writes it for people if they ask for it. */
async function takePicture({ page, edition }: Gallery, kind: string, state: string): Promise<void> {
  const folder = `${edition}-${kind}`;
  if (STATES[state]?.scrolled) await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  if (isCompared(kind, state)) {
    try {
      await (update ? expect : expect.soft)(page).toHaveScreenshot([folder, `${state}.webp`]);
    } catch {
      // Playwright would write it without loss, in three times the bytes.
      await page.screenshot({ path: join(REFERENCES, folder, `${state}.webp`), type: "webp", quality: 30, animations: "disabled" });
    }
  }
  if (out) await page.screenshot({ path: join(out, folder, `${state}.png`), animations: "disabled" });
}

const NARROW = { width: 320, height: 640 };

forEachState(async (gallery, state) => {
  const { page, edition, theme } = gallery;
  const mobile = edition === "mobile";
  for (const language of all ? Object.keys(LANGUAGES) : ["en"]) {
    const english = language === "en";
    await gallery.draw(state, { language, still: "" });
    await checkLayout(gallery, language);
    await page.evaluate(axe);
    // All of it in the window: what the bar at the bottom covers half is no small target.
    await resize(gallery, { ...SIZES[edition], height: await page.evaluate(() => Math.max(innerHeight, document.documentElement.scrollHeight)) });
    expect.soft(await runAxe(gallery, ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]), `axe, ${language}`).toEqual([]);
    await resize(gallery, SIZES[edition]);
    if (english) await takePicture(gallery, theme, state);
    if (!all) continue;
    if (english) {
      await page.emulateMedia({ forcedColors: "active" });
      await checkLayout(gallery, "forced colours");
      await takePicture(gallery, `${theme}-forced`, state);
      await page.emulateMedia({ forcedColors: null, contrast: "more" });
      await checkLayout(gallery, "more contrast");
      expect.soft(await runAxe(gallery, ["color-contrast-enhanced"]), "more contrast").toEqual([]);
      await takePicture(gallery, `${theme}-contrast`, state);
      await page.emulateMedia({ contrast: null });
    }
    // The theme does not change the layout.
    if (theme !== "light") continue;
    if (!english && isCompared(language, state)) await takePicture(gallery, language, state);
    await resize(gallery, SMALL[edition]);
    await checkLayout(gallery, `${language}, small`);
    if (english) await takePicture(gallery, "small", state);
    if (english && mobile && isCompared("keyboard", state)) {
      await page.locator(`#${FIELDS[state]}`).focus();
      await page.setViewportSize(ABOVE_KEYBOARD);
      await takePicture(gallery, "keyboard", state);
    }
    await resize(gallery, SIZES[edition]);
    await page.addStyleTag({ content: "html { font-size: 200%; }" });
    await checkLayout(gallery, `${language}, 200 % text`);
    if (english) await takePicture(gallery, "large", state);
    // The largest of iOS, which is for phones only.
    if (mobile) {
      await page.addStyleTag({ content: "html { font-size: 310%; }" });
      await checkLayout(gallery, `${language}, 310 % text`);
    }
    await page.addStyleTag({ content: "html { font-size: 100%; }" });
    await resize(gallery, NARROW);
    await checkLayout(gallery, `${language}, 320 px`);
    if (english) await takePicture(gallery, "narrow", state);
    await resize(gallery, SIZES[edition]);
  }
});

test("every picture is of a state", () => expect(strayPictures()).toEqual([]));
