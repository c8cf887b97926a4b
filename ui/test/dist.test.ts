// The built page as it will run: its size, and in a browser under Tauri's CSP with a frozen Object.prototype.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STATES } from "../gallery/fixtures";
import type { Edition } from "../src/ipc/bridge";

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src ipc: http://ipc.localhost; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const OUT = "node_modules/.cache/dist-under-test";
/** Bytes, gzip -9, of everything that one start loads. */
const BUDGET = 25 * 1024;
const browserPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));

const built = () => readdirSync(join(OUT, "assets"));
const gzipped = (name: string) => gzipSync(readFileSync(join(OUT, "assets", name)), { level: 9 }).length;

// A build of its own, as `npm run build` makes it: the one in dist may be old.
const build = () =>
  execFileSync(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--outDir", OUT, "--emptyOutDir", "--logLevel", "error"], {
    env: { ...process.env, NODE_ENV: "production" },
  });
beforeAll(() => void build(), 60_000);

test("a start, in the largest language, loads no more script and style than it should", () => {
  const languages = built().filter((name) => /^(en|sv|nb|da|fi)-/.test(name));
  expect(languages).toHaveLength(5);
  const always = built()
    .filter((name) => !languages.includes(name))
    .reduce((sum, name) => sum + gzipped(name), 0);
  for (const name of languages) expect(always + gzipped(name), name).toBeLessThanOrEqual(BUDGET);
});

test("two builds are the same", () => {
  const before = built();
  build();
  expect(built()).toEqual(before);
}, 60_000);

test("the page names no address outside", () => {
  const text = [join(OUT, "index.html"), ...built().map((name) => join(OUT, "assets", name))].map((path) => readFileSync(path, "utf8")).join("\n");
  const outside = [...text.matchAll(/https?:\/\/[\w.-]*\w/g)].map(([found]) => found);
  // XML namespaces are names; the last is the example in a sentence.
  expect(outside.filter((found) => !/w3\.org$|hrm\.company\.com$/.test(found))).toEqual([]);
});

// -- in a browser ---------------------------------------------------------------

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const server = createServer((request, response) => {
  const path = join(OUT, request.url === "/" ? "index.html" : (request.url ?? ""));
  if (!existsSync(path)) return void response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
  response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "", "content-security-policy": CSP }).end(readFileSync(path));
});
let browser: Browser;
beforeAll(async () => {
  if (!browserPath) return;
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}, 30_000);
afterAll(async () => {
  await browser?.close();
  server.close();
});

interface Heard {
  calls: { command: string; payload: { code?: string } }[];
  said: string[];
  shifts: string[];
}

/** Opens the page where a stand-in for Rust answers each command with the view of a state; the code 123456 is right. */
async function open(edition: Edition, first: string, answers: Record<string, string> = {}, clock = false) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], reducedMotion: "reduce", locale: "en-GB" });
  const page = await context.newPage();
  // Sooner than the test, so that a failure says where.
  page.setDefaultTimeout(8000);
  if (clock) await page.clock.install();
  const console: string[] = [];
  page.on("console", (message) => console.push(message.text()));
  page.on("pageerror", (error) => console.push(String(error)));
  const view = (state: string) => STATES[state]?.view(edition);
  await page.addInitScript(
    ({ start, later }) => {
      Object.freeze(Object.prototype);
      const heard: Heard = { calls: [], said: [], shifts: [] };
      let revision = 1;
      let now = start;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) heard.shifts.push(JSON.stringify(entry));
      }).observe({ type: "layout-shift", buffered: true });
      new MutationObserver(() => {
        const text = document.querySelector('[aria-live="polite"]')?.textContent ?? "";
        if (text !== (heard.said.at(-1) ?? "")) heard.said.push(text);
      }).observe(document, { subtree: true, childList: true, characterData: true });
      Object.assign(window, {
        heard,
        __TAURI_INTERNALS__: {
          transformCallback: () => 1,
          invoke: async (command: string, payload: Heard["calls"][number]["payload"]) => {
            heard.calls.push({ command, payload });
            if (command.startsWith("plugin:")) return 1;
            const { refuseOnce } = window as unknown as { refuseOnce?: unknown };
            if (refuseOnce) {
              Object.assign(window, { refuseOnce: undefined });
              throw refuseOnce;
            }
            if (command === "verify_code" && payload.code !== "123456") throw { code: "codeWrong", attemptsLeft: 4 };
            now = later[command] ?? now;
            revision += 1;
            return { ...now, revision };
          },
        },
      });
    },
    { start: view(first), later: Object.fromEntries(Object.entries(answers).map(([command, state]) => [command, view(state)])) },
  );
  const address = server.address();
  await page.goto(`http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/`);
  await page.waitForSelector("html[data-ready]");
  const heard = () => page.evaluate(() => (window as unknown as { heard: Heard }).heard);
  const submitted = async () => (await heard()).calls.filter(({ command }) => command === "verify_code").length;
  return { page, console, heard, submitted };
}

describe.runIf(browserPath)("in a browser, under the CSP, with a frozen Object.prototype", () => {
  test("a code goes by itself once, a refused one not again, and it is kept nowhere", async () => {
    const { page, console, submitted } = await open("mobile", "code-sent", { verify_code: "done" });
    const code = page.getByTestId("code");
    await code.fill("Code: 654-321");
    await page.waitForSelector('[data-testid="problem"][data-code="codeWrong"]');
    expect(await submitted()).toBe(1);
    // The field keeps the focus, and what is typed next replaces the refused code.
    await page.keyboard.press("9");
    expect(await code.inputValue()).toBe("9");
    await code.fill("65432");
    await code.fill("654321");
    await page.waitForTimeout(100);
    expect(await submitted()).toBe(1);
    expect(await page.getByTestId("problem").count()).toBe(0);
    await code.fill("123 456");
    await page.waitForSelector('[data-testid="done"]');
    expect(await page.getByTestId("flow").getAttribute("data-state")).toBe("linked");
    expect(await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), location.href, history.state]))).not.toContain("123456");
    expect(console).toEqual([]);
  }, 40_000);

  test("a copied code is pasted by the keys", async () => {
    const { page } = await open("desktop", "code-sent", { verify_code: "done" });
    await page.evaluate(() => navigator.clipboard.writeText("Code: 12 34 56\nThe code is valid for 30 minutes."));
    await page.getByTestId("code").fill("98");
    await page.keyboard.press("Control+V");
    await page.waitForSelector('[data-testid="done"]');
  }, 40_000);

  test("a web view that does not show what is pasted pastes by itself", async () => {
    const { page } = await open("desktop", "code-sent", { verify_code: "done" });
    await page.evaluate(() => {
      DataTransfer.prototype.getData = () => "";
      return navigator.clipboard.writeText("Code: 123 456");
    });
    await page.getByTestId("code").fill("98");
    await page.keyboard.press("Control+V");
    await page.waitForSelector('[data-testid="done"]');
  }, 40_000);

  test("Paste code asks Rust on each press and never by itself; no code on the clipboard is a calm sentence, said once", async () => {
    const { page, console, heard } = await open("mobile", "code-sent", { paste_code: "done" });
    const pasted = async () => (await heard()).calls.filter(({ command }) => command === "paste_code").length;
    await page.evaluate(() => {
      (window as unknown as { refuseOnce: unknown }).refuseOnce = { code: "codeFormat" };
    });
    expect(await pasted()).toBe(0);
    await page.getByRole("button", { name: "Paste code", exact: true }).click();
    const sentence = "What you copied has no code of six digits in it.";
    await page.locator(".hint", { hasText: sentence }).waitFor();
    expect((await heard()).said).toEqual([sentence]);
    expect(await page.getByTestId("problem").count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("code");
    await page.getByRole("button", { name: "Paste code", exact: true }).click();
    await page.waitForSelector('[data-testid="done"]');
    expect(await pasted()).toBe(2);
    expect(console).toEqual([]);
  }, 40_000);

  test("the whole flow by keyboard alone, by role and name; each change of state is said once", async () => {
    const { page, console, heard } = await open("desktop", "sign-in-first", {
      sign_in: "home",
      go: "flow",
      draft: "flow-typed",
      send_code: "code-sent",
      verify_code: "done",
    });
    const { keyboard } = page;
    const tabTo = async (role: "textbox" | "button" | "link", name: string) => {
      for (let presses = 0; presses < 20; presses += 1) {
        await keyboard.press("Tab");
        const focused = page.locator(":focus");
        // After the last the browser's own bar has its turn.
        if (!(await focused.count())) continue;
        // Seen wherever it is: the code field shows it on its drawing.
        const ring = await focused.evaluate((e) => [e, e.nextElementSibling].some((drawn) => drawn && getComputedStyle(drawn).outlineStyle === "solid"));
        expect(ring, await focused.evaluate((e) => e.outerHTML)).toBe(true);
        if (await page.getByRole(role, { name, exact: true }).and(focused).count()) return;
      }
      throw new Error(`Tab does not come to ${role} ${name}`);
    };
    await tabTo("textbox", "Server address");
    await keyboard.type("hrm.company.com");
    await tabTo("textbox", "User name");
    await keyboard.type("anna.svensson");
    await tabTo("textbox", "Password");
    await keyboard.type("secret");
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: "Hi Anna", level: 1 }).and(page.locator(":focus")).waitFor();
    await tabTo("button", "Go to Account settings");
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: "Account settings", level: 1 }).waitFor();
    await tabTo("textbox", "Email");
    await keyboard.type("anna.svensson@company.com");
    await tabTo("button", "Verify account");
    await keyboard.press("Enter");
    await page.getByRole("textbox", { name: "Code", exact: true }).and(page.locator(":focus")).waitFor();
    await keyboard.type("000000");
    await page.getByRole("alert").filter({ hasText: "That code isn't right. 4 tries left." }).waitFor();
    await keyboard.type("123456");
    await page.getByRole("region", { name: "You're all set!" }).waitFor();
    await tabTo("link", "https://accountsettings.connect.visma.com/");
    await keyboard.press("Enter");
    const { calls, said } = await heard();
    expect(calls.at(-1)?.command).toBe("open_account_settings");
    expect(said).toEqual(["Check your inbox. An email has been sent to anna.svensson@company.com to verify your email address", "You're all set!"]);
    expect(console).toEqual([]);
  }, 40_000);

  test("a setup that takes longer is said once, and takes the focus", async () => {
    const { page, console, heard } = await open("mobile", "code-sent", { verify_code: "linking" });
    await page.getByRole("textbox", { name: "Verification code", exact: true }).fill("123456");
    await page.getByRole("heading", { name: "We are finishing the setup" }).and(page.locator(":focus")).waitFor();
    expect((await heard()).said).toEqual(["We are finishing the setup"]);
    expect(console).toEqual([]);
  }, 40_000);

  test("the time left is drawn every second, and said at 10, 5 and 1 minutes and at the end only", async () => {
    const { page, heard } = await open("mobile", "code-sent", {}, true);
    const left = () => page.getByTestId("expires-in").textContent();
    const [before, after] = [await left(), await page.clock.runFor(3000).then(left)];
    expect(after).not.toBe(before);
    await page.clock.runFor(1_800_000);
    expect((await heard()).said).toEqual([10, 5].map((n) => `The code is valid for ${n} more minutes.`).concat("The code is valid for 1 more minute.", "The code has expired."));
  }, 60_000);

  test.each(["mobile", "desktop"] as const)("nothing shifts after the first paint: %s", async (edition) => {
    for (const state of ["sign-in", "home", "code-sent", "done"]) {
      const { page, heard, console } = await open(edition, state);
      await page.waitForTimeout(300);
      expect((await heard()).shifts, state).toEqual([]);
      expect(console).toEqual([]);
    }
  }, 40_000);
});
