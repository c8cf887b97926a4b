// Contact sheets: many screenshots with their names on one picture, so that a person can look at all of them.
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** One folder after another, each on as few sheets as needed. */
export async function makeSheets(from, to) {
  const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"] });
  const page = await browser.newPage();
  mkdirSync(to, { recursive: true });
  for (const folder of readdirSync(from).toSorted()) {
    const [columns, rows, width] = folder.startsWith("mobile") ? [6, 3, 360] : [3, 4, 640];
    const names = readdirSync(join(from, folder)).toSorted();
    for (let at = 0; at < names.length; at += columns * rows) {
      const figures = names.slice(at, at + columns * rows).map((name) => {
        const data = readFileSync(join(from, folder, name), "base64");
        return `<figure><figcaption>${name.replace(".png", "")}</figcaption><img width="${width}" src="data:image/png;base64,${data}"></figure>`;
      });
      await page.setViewportSize({ width: columns * (width + 16) + 16, height: 600 });
      await page.setContent(`<style>
        body { display: grid; grid-template-columns: repeat(${columns}, ${width}px); gap: 16px; margin: 16px; background: #888; font: bold 16px sans-serif; }
        figure { margin: 0 }
        img { display: block }
      </style>${figures.join("")}`);
      const file = join(to, `${folder}-${1 + at / (columns * rows)}.png`);
      await page.screenshot({ path: file, fullPage: true });
      console.log(file);
    }
  }
  await browser.close();
}
