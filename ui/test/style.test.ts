// The settings of the system that the style sheets follow, with Chromium's own cascade.

import { existsSync, readFileSync } from "node:fs";
import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const browserPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
const sheet = (name: string) => readFileSync(`src/style/${name}.css`, "utf8");

let browser: Browser;
let page: Page;
beforeAll(async () => {
  if (!browserPath) return;
  browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  page = await browser.newPage();
}, 30_000);
afterAll(() => browser?.close());

const show = (css: string) =>
  page.setContent(`<!doctype html><html data-edition="mobile"><style>${css}</style><h1>Title</h1><p>Text</p></html>`);

const sizes = () =>
  page.evaluate(() => ["body", "h1"].map((name) => Math.round(parseFloat(getComputedStyle(document.querySelector(name) as Element).fontSize))));

describe.runIf(browserPath)("Dynamic Type of iOS", () => {
  const IOS = "@supports (font: -apple-system-body) and (-webkit-touch-callout: none)";
  /** As an iPhone would draw it whose body text has this size. */
  const onIos = async (size: string) => {
    const tokens = sheet("tokens");
    expect(tokens).toContain(IOS);
    expect(tokens).toContain("font: -apple-system-body;");
    await show(tokens.replace(IOS, "@supports (display: block)").replace("font: -apple-system-body;", `font: ${size} serif;`) + sheet("base"));
    return sizes();
  };

  test("the default size draws as elsewhere", async () => {
    await show(sheet("tokens") + sheet("base"));
    const elsewhere = await sizes();
    expect(elsewhere).toEqual([17, 28]);
    expect(await onIos("17px")).toEqual(elsewhere);
  });

  test("text follows the setting, and titles stay in the window", async () => {
    expect(await onIos("14px")).toEqual([14, 23]);
    expect(await onIos("53px")).toEqual([53, 60]);
  });

  // There the keyword is 13 px, and nobody can change it.
  test("a Mac keeps its sizes", () => {
    const outside = sheet("tokens").split(IOS)[0] + sheet("base");
    expect(outside).not.toContain("-apple-system");
  });
});

describe.runIf(browserPath)("more contrast", () => {
  const PAIRS = [["text", "bg"], ["text-muted", "bg"], ["text-muted", "surface"], ["text-muted", "accent-soft"], ["accent", "bg"], ["accent", "surface"], ["accent", "accent-soft"], ["on-accent", "accent"], ["danger", "bg"], ["danger", "surface"], ["border", "bg"], ["border", "surface"], ["border-control", "surface"]] as const;
  /** WCAG's contrast of two tokens. */
  const contrasts = () =>
    page.evaluate((pairs) => {
      const { body } = document;
      const luminance = (token: string) => {
        body.style.color = `var(--${token})`;
        const [r = 0, g = 0, b = 0] = (getComputedStyle(body).color.match(/\d+/g) ?? []).map((part) => {
          const c = Number(part) / 255;
          return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      return pairs.map(([one, other]) => {
        const [a, b] = [luminance(one), luminance(other)];
        return { pair: `${one} on ${other}`, ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
      });
    }, PAIRS);

  test.each(["light", "dark"] as const)("text and borders have 7:1 in %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme, contrast: "more" });
    await show(sheet("tokens"));
    expect((await contrasts()).filter(({ ratio }) => ratio < 7)).toEqual([]);
    await page.emulateMedia({ contrast: "no-preference" });
    const usual = (await contrasts()).find(({ pair }) => pair === "border on bg");
    expect(usual?.ratio).toBeLessThan(3);
  });
});

describe.runIf(browserPath)("the code field", () => {
  test("typing and selecting scroll nothing sideways", async () => {
    const css = ["tokens", "base", "field", "code-field"].map(sheet).join("\n");
    for (const width of [320, 360, 414]) {
      await page.setViewportSize({ width, height: 740 });
      await page.setContent(
        `<!doctype html><html data-edition="mobile"><style>${css} body { padding: 0 16px; }</style><label>Code</label><div class="code">
        <input class="code-input"><div class="code-cells">${'<span class="code-cell"></span>'.repeat(6)}</div></div></html>`,
      );
      const lefts = () => page.evaluate(() => ["label", ".code-cell"].map((name) => document.querySelector(name)?.getBoundingClientRect().left));
      await page.locator("input").focus();
      await page.keyboard.type("123456");
      expect(await lefts(), `typed, ${width} px`).toEqual([16, 16]);
      await page.locator("input").selectText();
      await page.locator("input").evaluate((e) => e.scrollIntoView({ inline: "end" }));
      expect(await lefts(), `selected, ${width} px`).toEqual([16, 16]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
  });
});
