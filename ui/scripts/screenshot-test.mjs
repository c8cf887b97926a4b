// Draws every state in both editions and themes, checks layout and accessibility, and compares it with ui/screenshots.
//
//   npm run screenshots                  English
//   npm run screenshots -- --update      English; screenshots that differ become the new references
//   npm run screenshots -- --all         all languages, also at 320 px, with large text, more contrast and forced colours
//   … --states done,linking --editions mobile --themes dark --out /tmp/screenshots
//
// The references need Debian's Chromium and Noto Sans: other fonts are drawn differently.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { build } from "vite";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: options } = parseArgs({
  options: {
    update: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    states: { type: "string" },
    editions: { type: "string", default: "mobile,desktop" },
    themes: { type: "string", default: "light,dark" },
    out: { type: "string", default: "node_modules/.cache/screenshots" },
  },
});
const REFERENCES = "screenshots";
const SIZES = { mobile: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } };
/** Tolerance: this many pixels may differ by this much or more in a colour channel. */
const MAX_PIXELS = 150;
const MIN_STEP = 48;
const started = performance.now();

// Built, because loading every module a thousand times from the dev server would take an hour.
const gallery = "node_modules/.cache/gallery";
process.env.NODE_ENV = "development";
await build({ mode: "development", logLevel: "error", build: { outDir: gallery, emptyOutDir: true, rolldownOptions: { input: ["gallery/screen.html", "gallery/states.html"] } } });
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const server = createServer((request, response) => {
  const path = join(gallery, new URL(request.url, "http://localhost").pathname);
  if (!existsSync(path)) return void response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(path)], "cache-control": "max-age=3600" }).end(readFileSync(path));
});
await new Promise((listening) => {
  server.listen(0, "127.0.0.1", listening);
});
const url = `http://127.0.0.1:${server.address().port}/gallery`;

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"] });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const faults = [];
let drawn = 0;

/* oxlint-disable unicorn/consistent-function-scoping -- functions that run in the page capture nothing */
/** Runs in the page. Finds cut or overlapping text, small touch targets and animations. */
function findLayoutFaults(mobile) {
  const found = [];
  const root = document.documentElement;
  // The sticky header covers content that is scrolled below it.
  scrollTo(0, 0);
  const name = (e) => `${e.dataset.testid ?? (e.className || e.tagName)} “${e.textContent.trim().slice(0, 40)}”`;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
    found.push(`wider than the window: ${wide.slice(0, 3).map(name).join(", ")}`);
  }
  for (const e of document.querySelectorAll("body *:not(input)")) if (e.scrollLeft !== 0) found.push(`scrolled sideways: ${name(e)}`);
  const controls = [...document.querySelectorAll("button, input, select, a, summary")].filter((e) => e.checkVisibility());
  for (const e of controls) {
    const box = e.getBoundingClientRect();
    if (mobile && box.width > 0 && (box.height < 44 || box.width < 44)) found.push(`touch target ${Math.round(box.width)}×${Math.round(box.height)}: ${name(e)}`);
    if (e.scrollWidth > e.clientWidth + 1 && e.tagName !== "INPUT") found.push(`text cut: ${name(e)}`);
  }
  const range = document.createRange();
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || e.closest(".visually-hidden, option, .code") || !e.checkVisibility()) continue;
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) boxes.push([e, box]);
  }
  // The code's input is clipped to its cells.
  for (const e of controls) boxes.push([e, (e.closest(".code") ?? e).getBoundingClientRect()]);
  for (const [i, [a, x]] of boxes.entries()) {
    for (const [b, y] of boxes.slice(i + 1)) {
      const across = Math.min(x.right, y.right) - Math.max(x.left, y.left);
      const down = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
      // Lines of text overlap a little.
      if (across > 1 && down > 5 && !a.contains(b) && !b.contains(a)) found.push(`overlapping: ${name(a)} and ${name(b)}`);
    }
  }
  for (const { effect } of document.getAnimations()) found.push(`animated despite reduced motion: ${name(effect.target)}`);
  return found;
}

/** Runs in a page. Counts the pixels that differ. */
async function countDifferentPixels([one, other, step]) {
  const [a, b] = await Promise.all(
    [one, other].map(async (data) => {
      const bitmap = await createImageBitmap(await (await fetch(data)).blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      canvas.drawImage(bitmap, 0, 0);
      return canvas.getImageData(0, 0, bitmap.width, bitmap.height);
    }),
  );
  if (a.width !== b.width || a.height !== b.height) return Infinity;
  let count = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    if ([0, 1, 2].some((k) => Math.abs(a.data[i + k] - b.data[i + k]) >= step)) count += 1;
  }
  return count;
}
const dataUrl = (base64) => `data:image/webp;base64,${base64}`;

async function testStates(edition, theme, names) {
  const mobile = edition === "mobile";
  const context = await browser.newContext({
    viewport: SIZES[edition],
    colorScheme: theme,
    reducedMotion: "reduce",
    hasTouch: mobile,
    isMobile: mobile,
    locale: "en-GB",
    timezoneId: "Europe/Stockholm",
  });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  const comparer = await context.newPage();
  let current = "";
  const report = (fault) => faults.push(`${current}: ${fault}`);
  page.on("console", (message) => message.type() !== "debug" && report(`console: ${message.text()}`));
  page.on("pageerror", (error) => report(`error: ${error}`));
  const checkLayout = async (prefix = "") => {
    for (const fault of await page.evaluate(findLayoutFaults, mobile)) report(prefix + fault);
  };
  const capture = async (folder, state) => {
    const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 70 });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${state}.webp`), data, "base64");
    return data;
  };

  for (const language of options.all ? ["en", "sv", "nb", "da", "fi"] : ["en"]) {
    for (const state of names) {
      current = `${edition} ${theme} ${language} ${state}`;
      await page.goto(`${url}/screen.html?${new URLSearchParams({ state, edition, language, still: "" })}`);
      await page.waitForSelector("html[data-drawn]", { timeout: 15000 });
      drawn += 1;
      await checkLayout();
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: false }),
      );
      for (const { id, nodes } of violations) report(`axe ${id}: ${nodes.map((n) => n.target).join(" | ")}`);

      const folder = `${edition}-${theme}`;
      if (language === "en") {
        const data = await capture(join(options.out, folder), state);
        const reference = join(REFERENCES, folder, `${state}.webp`);
        const before = existsSync(reference) && readFileSync(reference, "base64");
        const pixels = before ? await comparer.evaluate(countDifferentPixels, [dataUrl(before), dataUrl(data), MIN_STEP]) : Infinity;
        if (pixels > MAX_PIXELS) {
          if (options.update) {
            mkdirSync(dirname(reference), { recursive: true });
            writeFileSync(reference, data, "base64");
          } else report(before ? `${pixels} pixels differ from ${reference}; the new screenshot is in ${options.out}` : `there is no ${reference}`);
        }
      }
      if (!options.all) continue;
      if (language === "en") {
        await page.emulateMedia({ forcedColors: "active" });
        await checkLayout("forced colours: ");
        await capture(join(options.out, `${folder}-forced`), state);
        await page.emulateMedia({ forcedColors: "none" });
        await page.emulateMedia({ contrast: "more" });
        await checkLayout("more contrast: ");
        const { violations: weak } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["color-contrast-enhanced"], resultTypes: ["violations"] }));
        for (const { nodes } of weak) report(`more contrast: below 7:1: ${nodes.map((n) => n.target).join(" | ")}`);
        await capture(join(options.out, `${folder}-contrast`), state);
        await page.emulateMedia({ contrast: "no-preference" });
      }
      // The theme does not change the layout.
      if (theme !== "light") continue;
      await page.addStyleTag({ content: "html { font-size: 200%; }" });
      await checkLayout("200 % text: ");
      if (language === "en") await capture(join(options.out, `${edition}-large`), state);
      // The largest of iOS, which is for phones only.
      if (mobile) {
        await page.addStyleTag({ content: "html { font-size: 310%; }" });
        await checkLayout("310 % text: ");
      }
      await page.addStyleTag({ content: "html { font-size: 100%; }" });
      await page.setViewportSize({ width: 320, height: 640 });
      await checkLayout("320 px: ");
      if (language === "en") await capture(join(options.out, `${edition}-narrow`), state);
      await page.setViewportSize(SIZES[edition]);
    }
  }
  await context.close();
}

const index = await browser.newPage();
await index.goto(`${url}/states.html`);
const states = JSON.parse(await index.locator("#states").textContent());
await index.close();
const selected = (edition) => (options.states ? states[edition].filter((name) => options.states.split(",").includes(name)) : states[edition]);
rmSync(options.out, { recursive: true, force: true });
await Promise.all(options.editions.split(",").flatMap((edition) => options.themes.split(",").map((theme) => testStates(edition, theme, selected(edition)))));
await browser.close();
server.close();

for (const folder of existsSync(REFERENCES) ? readdirSync(REFERENCES) : []) {
  for (const file of readdirSync(join(REFERENCES, folder))) {
    if (states[folder.split("-")[0]].includes(file.replace(".webp", ""))) continue;
    if (options.update) rmSync(join(REFERENCES, folder, file));
    else faults.push(`${folder}/${file} is the screenshot of no state`);
  }
}
for (const fault of faults.toSorted()) console.log(fault);
console.log(`${drawn} screens drawn in ${Math.round((performance.now() - started) / 1000)} s, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
