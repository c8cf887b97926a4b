// Draws every mail in every language as mail programs do: light and dark, 360 and 640 px, as sent and without the head, as programs
// show it that keep only the body. Nothing is loaded: a mail that asks for something ends the run.
//
//   cargo run -p hrm-backend --example mails -- /tmp/mails
//   node scripts/mail-pictures.mjs /tmp/mails /tmp/mail-pictures
//
// CHROMIUM names the browser, /usr/bin/chromium without it.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [from = "/tmp/mails", to = "/tmp/mail-pictures"] = process.argv.slice(2);
mkdirSync(to, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
try {
  for (const colorScheme of ["light", "dark"])
    for (const width of [360, 640]) {
      const page = await browser.newPage({ viewport: { width, height: 400 }, colorScheme });
      await page.route("**/*", (route) => {
        throw new Error(`a mail asks for ${route.request().url()}`);
      });
      for (const file of readdirSync(from).filter((name) => /\.(html|txt)$/.test(name))) {
        const source = readFileSync(join(from, file), "utf8");
        const name = file.replace(/\.html$/, "").replace(/\.txt$/, "-text");
        const ways = file.endsWith(".txt") ? { [name]: asText(source) } : { [name]: source, [`${name}-body-only`]: bodyOnly(source) };
        for (const [way, html] of Object.entries(ways)) {
          await page.setContent(html);
          if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) throw new Error(`${way} is too wide at ${width}`);
          await page.screenshot({ path: join(to, `${way}-${width}-${colorScheme}.png`), fullPage: true });
        }
      }
      await page.close();
    }
} finally {
  await browser.close();
}

function asText(text) {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<!DOCTYPE html><meta name="color-scheme" content="light dark"><pre style="white-space:pre-wrap;overflow-wrap:anywhere">${escaped}</pre>`;
}

// A web mail puts the body's content in its own page and drops the style of <body>.
function bodyOnly(html) {
  const body = html.slice(html.indexOf(">", html.indexOf("<body")) + 1, html.indexOf("</body>"));
  return `<!DOCTYPE html><meta name="color-scheme" content="light dark"><body>${body}</body>`;
}
