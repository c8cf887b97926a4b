// Every screen state in both editions and themes: pictures, compared with those in ui/pictures, and all that can be measured.
//
//   npm run pictures                     English, compared
//   npm run pictures -- --update         English, and what differs becomes the new reference
//   npm run pictures -- --all            five languages, and 320 px, 200 % text and forced colours besides
//   … --states done,linking --editions mobile --themes dark --out /tmp/look
//
// The references are of Debian's Chromium with its Noto Sans; elsewhere letters are drawn a little differently.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { build } from "vite";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: asked } = parseArgs({
  options: {
    update: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    states: { type: "string" },
    editions: { type: "string", default: "mobile,desktop" },
    themes: { type: "string", default: "light,dark" },
    out: { type: "string", default: "node_modules/.cache/pictures" },
  },
});
const REFERENCES = "pictures";
const SIZES = { mobile: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } };
/** Two drawings of one screen differ by fewer pixels than this, and a pixel differs from this step in a colour on. */
const SAME = { pixels: 150, step: 48 };
const started = performance.now();

// Built and not served by Vite: a thousand loads of forty modules each would take an hour.
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
const at = `http://127.0.0.1:${server.address().port}/gallery`;

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"] });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const wrong = [];
let drawn = 0;

/* oxlint-disable unicorn/consistent-function-scoping -- what runs in the page takes nothing along */
/** In the page: what is cut, laid over each other, too small for a finger, or moving. */
function measure(mobile) {
  const found = [];
  const root = document.documentElement;
  // The bar stays on top of what is scrolled below it.
  scrollTo(0, 0);
  const name = (e) => `${e.dataset.testid ?? (e.className || e.tagName)} “${e.textContent.trim().slice(0, 40)}”`;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1);
    found.push(`wider than the window: ${wide.slice(0, 3).map(name).join(", ")}`);
  }
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
    if (!node.data.trim() || e.closest(".unseen, option, .code") || !e.checkVisibility()) continue;
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) boxes.push([e, box]);
  }
  for (const e of controls) boxes.push([e, e.getBoundingClientRect()]);
  for (const [i, [a, x]] of boxes.entries()) {
    for (const [b, y] of boxes.slice(i + 1)) {
      const across = Math.min(x.right, y.right) - Math.max(x.left, y.left);
      const down = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
      // Lines of text reach a little into each other.
      if (across > 1 && down > 5 && !a.contains(b) && !b.contains(a)) found.push(`laid over each other: ${name(a)} and ${name(b)}`);
    }
  }
  for (const { effect } of document.getAnimations()) found.push(`moves though motion is not wanted: ${name(effect.target)}`);
  return found;
}

/** In a page: how many pixels of two pictures differ. */
async function differing([one, other, step]) {
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

async function look(edition, theme, names) {
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
  let where = "";
  const complain = (what) => wrong.push(`${where}: ${what}`);
  page.on("console", (message) => message.type() !== "debug" && complain(`console: ${message.text()}`));
  page.on("pageerror", (error) => complain(`error: ${error}`));
  const measured = async (how) => {
    for (const line of await page.evaluate(measure, mobile)) complain(how + line);
  };
  const shoot = async (folder, state) => {
    const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 70 });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${state}.webp`), data, "base64");
    return data;
  };

  for (const language of asked.all ? ["en", "sv", "nb", "da", "fi"] : ["en"]) {
    for (const state of names) {
      where = `${edition} ${theme} ${language} ${state}`;
      await page.goto(`${at}/screen.html?${new URLSearchParams({ state, edition, language, still: "" })}`);
      await page.waitForSelector("html[data-drawn]", { timeout: 15000 });
      drawn += 1;
      await measured("");
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"], preload: false }),
      );
      for (const { id, nodes } of violations) complain(`axe ${id}: ${nodes.map((n) => n.target).join(" | ")}`);

      const folder = `${edition}-${theme}`;
      if (language === "en") {
        const data = await shoot(join(asked.out, folder), state);
        const reference = join(REFERENCES, folder, `${state}.webp`);
        const before = existsSync(reference) && readFileSync(reference, "base64");
        const pixels = before ? await comparer.evaluate(differing, [dataUrl(before), dataUrl(data), SAME.step]) : Infinity;
        if (pixels > SAME.pixels) {
          if (asked.update) {
            mkdirSync(dirname(reference), { recursive: true });
            writeFileSync(reference, data, "base64");
          } else complain(before ? `${pixels} pixels differ from ${reference}; the new picture is in ${asked.out}` : `there is no ${reference}`);
        }
      }
      if (!asked.all) continue;
      if (language === "en") {
        await page.emulateMedia({ forcedColors: "active" });
        await measured("forced colours: ");
        await shoot(join(asked.out, `${folder}-forced`), state);
        await page.emulateMedia({ forcedColors: "none" });
      }
      // The theme moves nothing.
      if (theme !== "light") continue;
      await page.addStyleTag({ content: "html { font-size: 200%; }" });
      await measured("200 % text: ");
      if (language === "en") await shoot(join(asked.out, `${edition}-large`), state);
      await page.addStyleTag({ content: "html { font-size: 100%; }" });
      await page.setViewportSize({ width: 320, height: 640 });
      await measured("320 px: ");
      if (language === "en") await shoot(join(asked.out, `${edition}-narrow`), state);
      await page.setViewportSize(SIZES[edition]);
    }
  }
  await context.close();
}

const first = await browser.newPage();
await first.goto(`${at}/states.html`);
const states = JSON.parse(await first.locator("#states").textContent());
await first.close();
const chosen = (edition) => (asked.states ? states[edition].filter((name) => asked.states.split(",").includes(name)) : states[edition]);
rmSync(asked.out, { recursive: true, force: true });
await Promise.all(asked.editions.split(",").flatMap((edition) => asked.themes.split(",").map((theme) => look(edition, theme, chosen(edition)))));
await browser.close();
server.close();

for (const folder of existsSync(REFERENCES) ? readdirSync(REFERENCES) : []) {
  for (const file of readdirSync(join(REFERENCES, folder))) {
    if (states[folder.split("-")[0]].includes(file.replace(".webp", ""))) continue;
    if (asked.update) rmSync(join(REFERENCES, folder, file));
    else wrong.push(`${folder}/${file} is a picture of no state`);
  }
}
for (const line of wrong.toSorted()) console.log(line);
console.log(`${drawn} screens drawn in ${Math.round((performance.now() - started) / 1000)} s, ${wrong.length} complaints`);
process.exit(wrong.length > 0 ? 1 : 0);
