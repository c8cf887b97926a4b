// Pictures of every screen state into ui/pictures, and what can be measured on the way: axe, overflow, touch targets.
// node scripts/pictures.mjs [--editions mobile,desktop] [--languages en,sv] [--themes light,dark] [--states a,b]
//   [--size 320x640] [--text 2] [--no-pictures]
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { createServer } from "vite";

const ui = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(ui);
const { values: asked } = parseArgs({
  options: {
    editions: { type: "string", default: "mobile,desktop" },
    languages: { type: "string", default: "en" },
    themes: { type: "string", default: "light,dark" },
    states: { type: "string" },
    size: { type: "string" },
    text: { type: "string", default: "1" },
    "no-pictures": { type: "boolean", default: false },
    out: { type: "string", default: "pictures" },
  },
});
const list = (text) => text.split(",");
const SIZES = { mobile: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const server = await createServer({ server: { port: 0, strictPort: false, hmr: false }, logLevel: "error" });
await server.listen();
const at = server.resolvedUrls.local[0];
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
let wrong = 0;
let drawn = 0;
const complain = (where, what) => {
  wrong += 1;
  console.log(`${where}: ${what}`);
};

for (const edition of list(asked.editions)) {
  for (const theme of list(asked.themes)) {
    const [width, height] = asked.size ? asked.size.split("x").map(Number) : [];
    const context = await browser.newContext({
      viewport: asked.size ? { width, height } : SIZES[edition],
      colorScheme: theme,
      reducedMotion: "reduce",
      hasTouch: edition === "mobile",
      isMobile: edition === "mobile",
      locale: "en-GB",
      timezoneId: "Europe/Stockholm",
    });
    const page = await context.newPage();
    let where = "";
    page.on("console", (message) => message.type() !== "debug" && complain(where, `console: ${message.text()}`));
    page.on("pageerror", (error) => complain(where, `error: ${error}`));
    await page.goto(`${at}gallery/states.html`);
    const states = asked.states ? list(asked.states) : JSON.parse(await page.locator("#states").textContent())[edition];
    for (const language of list(asked.languages)) {
      for (const state of states) {
        where = `${edition} ${theme} ${language} ${state}`;
        await page.goto(`${at}gallery/screen.html?${new URLSearchParams({ state, edition, language })}`);
        await page.waitForSelector("html[data-drawn]", { timeout: 15000 });
        if (asked.text !== "1") {
          await page.addStyleTag({ content: `html { font-size: ${asked.text}00%; }` });
        }
        drawn += 1;
        const measured = await page.evaluate((mobile) => {
          const found = [];
          const root = document.documentElement;
          if (root.scrollWidth > root.clientWidth) {
            const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
            found.push(`wider than the window: ${wide.slice(0, 3).map((e) => e.className || e.tagName).join(", ")}`);
          }
          for (const e of document.querySelectorAll("button, input, select, a, summary")) {
            const box = e.getBoundingClientRect();
            if (mobile && box.width > 0 && (box.height < 44 || box.width < 44)) {
              found.push(`touch target ${Math.round(box.width)}×${Math.round(box.height)}: ${e.dataset.testid ?? e.className} ${e.textContent}`);
            }
            if (e.scrollWidth > e.clientWidth + 1 && e.tagName !== "INPUT") found.push(`text cut: ${e.textContent}`);
          }
          return found;
        }, edition === "mobile");
        for (const line of measured) complain(where, line);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() =>
          globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
        );
        for (const { id, nodes } of violations) complain(where, `axe ${id}: ${nodes.map((n) => n.target).join(" | ")}`);
        if (!asked["no-pictures"]) {
          const folder = join(asked.out, edition, theme);
          mkdirSync(folder, { recursive: true });
          await page.screenshot({ path: join(folder, `${language}-${state}.png`), fullPage: true });
        }
      }
    }
    await context.close();
  }
}
await browser.close();
await server.close();
console.log(`${drawn} screens drawn, ${wrong} complaints`);
process.exit(wrong > 0 ? 1 : 0);
