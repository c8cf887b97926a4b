// The built page: its size, and in a browser under the app's CSP with a frozen Object.prototype, as Tauri runs it.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { createRequire } from "node:module";
import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STATES } from "../gallery/fixtures";
import type { Edition, Language } from "../src/ipc/bridge";
import { TAGS } from "./device-tags";

const tauri = JSON.parse(readFileSync("../tauri.conf.json", "utf8")) as { app: { security: { csp: string } } };
const OUT = "node_modules/.cache/dist-under-test";
/** Bytes, gzip -9, of everything that the first screen needs. The flow comes after it. */
const MAX_START_BYTES = 26 * 1024;
const browserPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));

const built = () => readdirSync(join(OUT, "assets"));
const gzipped = (name: string) => gzipSync(readFileSync(join(OUT, "assets", name)), { level: 9 }).length;

// A fresh build, because the one in dist may be old.
const build = () =>
  execFileSync(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--outDir", OUT, "--emptyOutDir", "--logLevel", "error"], {
    env: { ...process.env, NODE_ENV: "production" },
  });
beforeAll(() => void build(), 60_000);

test("the first screen needs at most 26 kB in any language", () => {
  const languages = built().filter((name) => /^(en|sv|nb|da|fi)-/.test(name));
  expect(languages).toHaveLength(5);
  const always = built()
    .filter((name) => !languages.includes(name) && !/^flow/i.test(name))
    .reduce((sum, name) => sum + gzipped(name), 0);
  for (const name of languages) expect(always + gzipped(name), name).toBeLessThanOrEqual(MAX_START_BYTES);
});

test("the page has no external URL", () => {
  const text = [join(OUT, "index.html"), ...built().map((name) => join(OUT, "assets", name))].map((path) => readFileSync(path, "utf8")).join("\n");
  const urls = [...text.matchAll(/https?:\/\/[\w.-]*\w/g)].map(([found]) => found);
  // XML namespaces, and the example in a message.
  expect(urls.filter((found) => !/w3\.org$|hrm\.company\.com$/.test(found))).toEqual([]);
});

test("the text size of iOS is followed, and only there", () => {
  const css = built().filter((name) => name.endsWith(".css")).map((name) => readFileSync(join(OUT, "assets", name), "utf8")).join("");
  const found = [...css.matchAll(/@supports([^{]+)\{:?(?:html|root)\{[^}]*font:-apple-system-body/g)];
  expect(found).toHaveLength(1);
  // macOS has no touch callout, and its body text is 13 px.
  expect(found[0]?.[1]).toContain("-webkit-touch-callout");
  expect(css.match(/-apple-system-body/g)?.length).toBe(found[0]?.[1]?.includes("-apple-system-body") ? 2 : 1);
});

// -- in a browser ---------------------------------------------------------------

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const server = createServer((request, response) => {
  const path = join(OUT, request.url === "/" ? "index.html" : (request.url ?? ""));
  if (!existsSync(path)) return void response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
  response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "", "content-security-policy": tauri.app.security.csp }).end(readFileSync(path));
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

const url = () => {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/`;
};
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Recorded {
  calls: { command: string; payload: { code?: string; language?: Language } }[];
  announced: string[];
  shifts: string[];
}

/** Opens the page on a fake Rust, which responds to each command with the view of a state. The correct code is 123456. */
async function open(edition: Edition, first: string, responses: Record<string, string> = {}, clock = false) {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], reducedMotion: "reduce", locale: "en-GB" });
  const page = await context.newPage();
  // Shorter than the test's, so that a failure names the step.
  page.setDefaultTimeout(8000);
  if (clock) await page.clock.install();
  const console: string[] = [];
  const requested: string[] = [];
  page.on("console", (message) => console.push(message.text()));
  page.on("pageerror", (error) => console.push(String(error)));
  page.on("request", (request) => requested.push(new URL(request.url()).pathname.replace(/-.*/, "")));
  const view = (state: string) => STATES[state]?.view(edition);
  await page.addInitScript(
    ({ start, later }) => {
      Object.freeze(Object.prototype);
      const recorded: Recorded = { calls: [], announced: [], shifts: [] };
      let revision = 1;
      let now = start;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) recorded.shifts.push(JSON.stringify(entry));
      }).observe({ type: "layout-shift", buffered: true });
      new MutationObserver(() => {
        const text = document.querySelector('[aria-live="polite"]')?.textContent ?? "";
        if (text !== (recorded.announced.at(-1) ?? "")) recorded.announced.push(text);
      }).observe(document, { subtree: true, childList: true, characterData: true });
      Object.assign(window, {
        recorded,
        __TAURI_INTERNALS__: {
          transformCallback: () => 1,
          invoke: async (command: string, payload: Recorded["calls"][number]["payload"]) => {
            recorded.calls.push({ command, payload });
            if (command.startsWith("plugin:")) return 1;
            const { rejectOnce } = window as unknown as { rejectOnce?: unknown };
            if (rejectOnce) {
              Object.assign(window, { rejectOnce: undefined });
              throw rejectOnce;
            }
            if (command === "verify_code" && payload.code !== "123456") throw { code: "codeWrong", attemptsLeft: 4, retryable: false };
            now = later[command] ?? now;
            if (now && payload.language) now = { ...now, language: payload.language };
            revision += 1;
            return { ...now, revision };
          },
        },
      });
    },
    { start: view(first), later: Object.fromEntries(Object.entries(responses).map(([command, state]) => [command, view(state)])) },
  );
  await page.goto(url());
  await page.waitForSelector("html[data-ready]");
  const recorded = () => page.evaluate(() => (window as unknown as { recorded: Recorded }).recorded);
  const submitted = async () => (await recorded()).calls.filter(({ command }) => command === "verify_code").length;
  return { page, console, requested, recorded, submitted };
}

/** Opens the page on a Rust that never answers, unless `prepare` says otherwise. */
const openStuck = async (locale: string, prepare: (page: Page) => Promise<unknown> = async () => {}) => {
  const context = await browser.newContext({ locale, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  await page.addInitScript(() => {
    Object.freeze(Object.prototype);
    Object.assign(window, { __TAURI_INTERNALS__: { transformCallback: () => 1, invoke: () => new Promise(() => {}) } });
  });
  await prepare(page);
  await page.goto(url());
  return page;
};
const readyAgain = (page: Page) =>
  page.addInitScript(
    (start) => {
      Object.assign(window, { __TAURI_INTERNALS__: { transformCallback: () => 1, invoke: async () => start } });
    },
    STATES.home?.view("mobile"),
  );

/** Opens the page in an engine without the feature that start.js asks for. The window's name is the device's language. */
const openOld = async (userAgent?: string) => {
  const requested: string[] = [];
  const context = await browser.newContext({ reducedMotion: "reduce", ...(userAgent ? { userAgent } : {}) });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  page.on("request", (request) => requested.push(new URL(request.url()).pathname.replace(/-.*/, "")));
  await page.addInitScript(() => {
    CSS.supports = () => false;
    Object.defineProperty(navigator, "languages", { get: () => [window.name] });
  });
  await page.goto(url());
  await page.waitForSelector("#outdated h1:visible");
  return { page, requested };
};

// At once, because they mostly wait for the browser.
describe.runIf(browserPath)("in a browser, under the CSP, with a frozen Object.prototype", { concurrent: true }, () => {
  test("a start loads five files and makes three calls, a press one", async () => {
    const { page, requested, recorded } = await open("desktop", "home", { snooze: "home-hidden" });
    await page.waitForLoadState("networkidle");
    const files = requested.filter((path) => path !== "/favicon.ico");
    expect(files.slice(0, 5).sort()).toEqual(["/", "/assets/en", "/assets/index", "/assets/start.js", "/assets/style"]);
    // The flow follows, after the first screen is drawn.
    expect(files.slice(5).sort()).toEqual(["/assets/Flow", "/assets/flow"]);
    const calls = async () => (await recorded()).calls.map(({ command }) => command);
    expect(await calls()).toEqual(["view", "plugin:event|listen", "view"]);
    await page.getByTestId("banner-hide").click();
    await page.getByTestId("banner").waitFor({ state: "detached" });
    expect((await calls()).slice(3)).toEqual(["snooze"]);
  }, 40_000);

  test("a complete code is submitted once and stored nowhere", async () => {
    const { page, console, submitted } = await open("mobile", "code-sent", { verify_code: "done" });
    const code = page.getByTestId("code");
    await code.fill("Code: 654-321");
    await page.waitForSelector('[data-testid="problem"][data-code="codeWrong"]');
    expect(await submitted()).toBe(1);
    // The field keeps the focus, and typing replaces the incorrect code.
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

  test.each(["mobile", "desktop"] as const)("a digit in the middle is corrected by a tap on its box: %s", async (edition) => {
    const { page, console } = await open(edition, "code-sent", { verify_code: "done" });
    const code = page.getByTestId("code");
    const caret = () => code.evaluate((e: HTMLInputElement) => [e.selectionStart, e.selectionEnd]);
    const boxes = await page.locator(".code-cell").all();
    await code.fill("129456");
    await page.waitForSelector('[data-testid="problem"][data-code="codeWrong"]');
    // Wherever the box is hit, the caret stands before its digit.
    for (const [at, box] of boxes.entries()) {
      const { x, y, width, height } = (await box.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      for (const across of [2, width / 2, width - 6]) {
        await page.mouse.click(x + across, y + height / 2);
        expect(await caret(), `${at}, ${across} of ${width} px`).toEqual([at, at]);
      }
    }
    // The digits and the caret are drawn in the boxes.
    expect(await page.locator(".code-cell").allTextContents()).toEqual([..."129456"]);
    expect(await page.locator("[data-caret]").evaluateAll((found) => found.map((e) => [(e as HTMLElement).dataset.caret, e.textContent]))).toEqual([["before", "6"]]);
    await boxes[2]?.click({ force: true });
    await page.keyboard.press("3");
    await page.waitForSelector('[data-testid="done"]');
    expect(console).toEqual([]);
  }, 40_000);

  test("typing in the middle replaces, deleting closes up", async () => {
    const { page, submitted } = await open("mobile", "code-sent", { verify_code: "done" });
    const code = page.getByTestId("code");
    const state = () => code.evaluate((e: HTMLInputElement) => `${e.value.slice(0, e.selectionStart ?? 0)}|${e.value.slice(e.selectionStart ?? 0)}`);
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
      return state();
    };
    await code.focus();
    expect(await press("1", "2", "9", "5", "6")).toBe("12956|");
    // A box that is corrected before the last digit is typed must not make a sixth digit: that would cost an attempt.
    expect(await press("ArrowLeft", "ArrowLeft", "ArrowLeft", "3")).toBe("123|56");
    expect(await press("x")).toBe("123|56");
    expect(await press("Backspace")).toBe("12|56");
    expect(await press("Delete")).toBe("12|6");
    expect(await press("7", "8")).toBe("1278|");
    await code.evaluate((e: HTMLInputElement) => e.setSelectionRange(1, 3));
    expect(await press("0")).toBe("10|8");
    expect(await submitted()).toBe(0);
  }, 40_000);

  test("the boxes and the digits fit at every width and text size", async () => {
    const { page } = await open("mobile", "code-sent");
    const code = page.getByTestId("code");
    await code.fill("12345");
    for (const [width, size] of [[320, "100%"], [360, "100%"], [360, "200%"], [320, "310%"], [800, "100%"]] as const) {
      await page.setViewportSize({ width, height: 740 });
      await page.evaluate((text) => document.documentElement.style.setProperty("font-size", text), size);
      const boxes = await page.locator(".code-cell").all();
      for (const [at, box] of boxes.slice(0, 5).entries()) {
        await box.click({ force: true });
        expect(await code.evaluate((e: HTMLInputElement) => e.selectionStart), `${width} px, ${size}, box ${at}`).toBe(at);
      }
      await code.selectText();
      await code.evaluate((e) => e.scrollIntoView({ block: "center" }));
      const fits = await code.evaluate((e) => ({ scrolled: (e.closest(".code")?.scrollLeft ?? 0), page: document.documentElement.scrollWidth <= innerWidth }));
      expect(fits).toEqual({ scrolled: 0, page: true });
      // Two groups of three.
      const gaps = await page.locator(".code-cell").evaluateAll((cells) => cells.slice(1).map((cell, at) => Math.round(cell.getBoundingClientRect().left - (cells[at]?.getBoundingClientRect().right ?? 0))));
      expect(gaps).toEqual([8, 8, 16, 8, 8]);
    }
  }, 40_000);

  test("language and support information are on the sign-in screen too", async () => {
    const { page, recorded, console } = await open("desktop", "sign-in");
    await page.getByTestId("username").fill("anna");
    await page.getByLabel("Language", { exact: true }).selectOption("sv");
    await page.getByRole("heading", { name: /^Logga in/, level: 1 }).waitFor();
    expect(await page.getByTestId("username").inputValue()).toBe("anna");
    await page.getByTestId("copy-diagnostics").click();
    await page.getByText("Kopierat").waitFor();
    expect((await recorded()).calls.map(({ command }) => command)).toEqual(expect.arrayContaining(["set_language", "copy_diagnostics"]));
    await page.evaluate(() => Object.assign(window, { rejectOnce: { code: "notCopied", retryable: false } }));
    await page.getByTestId("copy-diagnostics").click();
    await page.locator('[data-testid="problem"][data-code="notCopied"]').waitFor();
    expect(console).toEqual([]);
  }, 40_000);

  test("a password is shown until it is sent, and the caret stays", async () => {
    const { page, console } = await open("desktop", "sign-in", { sign_in: "sign-in" });
    const password = page.getByTestId("password");
    await password.fill("secret");
    await password.evaluate((e: HTMLInputElement) => e.setSelectionRange(3, 3));
    const show = page.getByRole("button", { name: "Show password", exact: true });
    expect(await show.getAttribute("aria-pressed")).toBe("false");
    for (const type of ["text", "password", "text"]) {
      await show.click();
      expect(await password.evaluate((e: HTMLInputElement) => [e.type, e.selectionStart, e.selectionEnd, document.activeElement === e])).toEqual([type, 3, 3, true]);
    }
    expect(await show.getAttribute("aria-pressed")).toBe("true");
    await page.keyboard.press("Enter");
    await page.locator("#password[type=password]").waitFor();
    expect(console).toEqual([]);
  }, 40_000);

  test("a remembered server is a line until it is to be changed", async () => {
    const { page, recorded } = await open("mobile", "sign-in", { sign_in: "sign-in" });
    const field = page.getByRole("textbox", { name: "Server address", exact: true });
    await page.getByText("hrm.company.com", { exact: true }).waitFor();
    expect(await field.count()).toBe(0);
    await page.getByTestId("password").fill("secret");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await recorded()).calls.at(-1)).toEqual({ command: "sign_in", payload: { server: "https://hrm.company.com", username: "anna.svensson", password: "secret" } });
    await page.getByRole("button", { name: "Change", exact: true }).click();
    await field.and(page.locator(":focus")).waitFor();
    expect(await field.inputValue()).toBe("https://hrm.company.com");
  }, 40_000);

  test("a server's problem opens the server's field", async () => {
    const { page } = await open("desktop", "sign-in");
    await page.getByTestId("password").fill("secret");
    await page.evaluate(() => Object.assign(window, { rejectOnce: { code: "noSuchHost", retryable: true } }));
    await page.keyboard.press("Enter");
    const field = page.getByRole("textbox", { name: "Server address", exact: true });
    await field.waitFor();
    expect(await field.getAttribute("aria-describedby")).toMatch(/^server-problem /);
    expect(await page.getByTestId("retry").count()).toBe(0);
  }, 40_000);

  test("Settings has the version of Cargo.toml", async () => {
    const version = /^version = "(.+)"/m.exec(readFileSync("../Cargo.toml", "utf8").split("[workspace.package]")[1] ?? "")?.[1];
    const { page } = await open("mobile", "settings");
    await page.getByText(version ?? "none", { exact: true }).waitFor();
  }, 40_000);

  test("a clipboard that cannot be read is told apart from one without a code", async () => {
    const { page } = await open("mobile", "code-sent");
    await page.evaluate(() => Object.assign(window, { rejectOnce: { code: "notPasted", retryable: false } }));
    await page.getByRole("button", { name: "Paste code", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: "We couldn't read what you copied. Type the code instead." }).waitFor();
  }, 40_000);

  test.each(["light", "dark"] as const)("more contrast, if the system asks for it: %s", async (colorScheme) => {
    const { page } = await open("desktop", "code-sent");
    await page.emulateMedia({ colorScheme, contrast: "more" });
    const ratios = await page.evaluate(() => {
      // oxlint-disable-next-line unicorn/consistent-function-scoping -- runs in the page
      const luminance = (colour: string) => {
        const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map((c) => (Number(c) / 255 <= 0.04045 ? Number(c) / 255 / 12.92 : ((Number(c) / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = luminance(getComputedStyle(document.documentElement).backgroundColor);
      const ratio = (selector: string, property: "color" | "borderTopColor") => {
        const element = document.querySelector(selector);
        const ink = luminance(element ? getComputedStyle(element)[property] : "");
        return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
      };
      return { hint: ratio(".hint", "color"), input: ratio("#email", "borderTopColor"), link: ratio(".button.ghost", "color"), row: ratio(".choice-list", "borderTopColor") };
    });
    expect(Math.min(ratios.hint, ratios.input)).toBeGreaterThan(14);
    expect(ratios.link).toBeGreaterThan(7);
    expect(ratios.row).toBeGreaterThan(3);
  }, 40_000);

  test("a domain is questioned when the field is left, and not before", async () => {
    const { page } = await open("mobile", "flow", { save_email_draft: "flow-slip" });
    const offer = page.locator(".did-you-mean");
    await page.getByTestId("email").focus();
    await page.keyboard.type("anna.svensson@company.co");
    // Longer than the pause after which the draft is saved.
    await page.waitForTimeout(600);
    expect(await offer.count()).toBe(0);
    await page.keyboard.type("n");
    await page.waitForTimeout(600);
    await page.keyboard.press("Tab");
    await offer.click();
    expect(await page.getByTestId("email").inputValue()).toBe("anna.svensson@company.com");
    expect(await offer.count()).toBe(0);
  }, 40_000);

  test.sequential("a code is pasted with the keyboard", async () => {
    const { page } = await open("desktop", "code-sent", { verify_code: "done" });
    await page.evaluate(() => navigator.clipboard.writeText("Code: 12 34 56\nThe code is valid for 30 minutes."));
    await page.getByTestId("code").fill("98");
    await page.keyboard.press("Control+V");
    await page.waitForSelector('[data-testid="done"]');
  }, 40_000);

  test.sequential("a code is pasted where the web view hides the clipboard", async () => {
    const { page } = await open("desktop", "code-sent", { verify_code: "done" });
    await page.evaluate(() => {
      DataTransfer.prototype.getData = () => "";
      return navigator.clipboard.writeText("Code: 123 456");
    });
    await page.getByTestId("code").fill("98");
    await page.keyboard.press("Control+V");
    await page.waitForSelector('[data-testid="done"]');
  }, 40_000);

  test("Paste code reads the clipboard only when pressed", async () => {
    const { page, console, recorded } = await open("mobile", "code-sent", { paste_code: "done" });
    const pastes = async () => (await recorded()).calls.filter(({ command }) => command === "paste_code").length;
    await page.evaluate(() => {
      (window as unknown as { rejectOnce: unknown }).rejectOnce = { code: "codeFormat", retryable: false };
    });
    expect(await pastes()).toBe(0);
    await page.getByRole("button", { name: "Paste code", exact: true }).click();
    const sentence = "There's no 6-digit code in what you copied.";
    await page.locator(".hint", { hasText: sentence }).waitFor();
    expect((await recorded()).announced).toEqual([sentence]);
    expect(await page.getByTestId("problem").count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("code");
    await page.getByRole("button", { name: "Paste code", exact: true }).click();
    await page.waitForSelector('[data-testid="done"]');
    expect(await pastes()).toBe(2);
    expect(console).toEqual([]);
  }, 40_000);

  test("the flow works by keyboard and announces each state once", async () => {
    const { page, console, recorded } = await open("desktop", "sign-in-first", {
      sign_in: "home",
      navigate: "flow",
      save_email_draft: "flow-typed",
      send_code: "code-sent",
      verify_code: "done",
    });
    const { keyboard } = page;
    const tabTo = async (role: "textbox" | "button" | "link", name: string) => {
      for (let presses = 0; presses < 20; presses += 1) {
        await keyboard.press("Tab");
        const focused = page.locator(":focus");
        // After the last element the browser's own controls have the focus.
        if (!(await focused.count())) continue;
        // The code field shows its focus ring on a cell.
        const ring = await focused.evaluate((e) => [e, e.nextElementSibling?.querySelector("[data-active]")].some((drawn) => drawn && getComputedStyle(drawn).outlineStyle === "solid"));
        expect(ring, await focused.evaluate((e) => e.outerHTML)).toBe(true);
        if (await page.getByRole(role, { name, exact: true }).and(focused).count()) return;
      }
      throw new Error(`Tab does not reach ${role} ${name}`);
    };
    await tabTo("textbox", "Server address");
    await keyboard.type("hrm.company.com");
    await tabTo("textbox", "Username");
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
    await tabTo("link", "Manage your account https://accountsettings.connect.visma.com/");
    await keyboard.press("Enter");
    const { calls, announced } = await recorded();
    expect(calls.at(-1)?.command).toBe("open_account_settings");
    expect(announced).toEqual(["Check your inbox. An email has been sent to anna.svensson@company.com to verify your email address", "You're all set!"]);
    expect(console).toEqual([]);
  }, 40_000);

  test("a setup that takes longer is announced once and focused", async () => {
    const { page, console, recorded } = await open("mobile", "code-sent", { verify_code: "linking" });
    await page.getByRole("textbox", { name: "Verification code", exact: true }).fill("123456");
    await page.getByRole("heading", { name: "We are finishing the setup" }).and(page.locator(":focus")).waitFor();
    expect((await recorded()).announced).toEqual(["We are finishing the setup"]);
    expect(console).toEqual([]);
  }, 40_000);

  test("a try works by keyboard and keeps the focus", async () => {
    const responses = { try_login: "done-try-waiting", open_try_login_again: "done-try-waiting", cancel_try_login: "done-try-not-finished" };
    const { page, console, recorded } = await open("mobile", "done-try", responses);
    const press = async (name: string | RegExp, says: string) => {
      await page.getByRole("button", { name }).focus();
      await page.keyboard.press("Enter");
      await page.locator(":focus").filter({ hasText: says }).waitFor();
    };
    await press(/^Try your new login/, "Sign in in the browser that has opened.");
    await press("Open again", "Open again");
    await press("Cancel", "The sign-in was not finished.");
    await press("Try again", "Sign in in the browser that has opened.");
    const { calls, announced } = await recorded();
    const made = calls.map(({ command }) => command).filter((command) => command.includes("try_login"));
    expect(made).toEqual(["try_login", "open_try_login_again", "cancel_try_login", "try_login"]);
    expect(announced).toEqual([]);
    expect(console).toEqual([]);
  }, 40_000);

  test("a try ends by the server's clock, and that is announced", async () => {
    const { page, recorded } = await open("mobile", "done-try-waiting", {}, true);
    await page.clock.runFor(580_000);
    await page.getByText("Sign in in the browser that has opened.").waitFor();
    await page.clock.runFor(20_000);
    await page.getByText("The sign-in was not finished.").first().waitFor();
    expect((await recorded()).announced).toEqual(["The sign-in was not finished."]);
  }, 60_000);

  test("the time left is drawn every second, and seldom announced", async () => {
    const { page, recorded } = await open("mobile", "code-sent", {}, true);
    const left = () => page.getByTestId("expires-in").textContent();
    const [before, after] = [await left(), await page.clock.runFor(3000).then(left)];
    expect(after).not.toBe(before);
    await page.clock.runFor(1_800_000);
    expect((await recorded()).announced).toEqual([10, 5].map((n) => `The code expires in ${n} minutes.`).concat("The code expires in 1 minute.", "The code has expired."));
  }, 60_000);

  describe("a page that does not start says so", () => {
    const SENTENCE: Record<string, string> = { "en-GB": "The app didn't start.", "sv-SE": "Appen startade inte.", "nn-NO": "Appen startet ikke.", "da-DK": "Appen startede ikke.", "fi-FI": "Sovellus ei käynnistynyt.", "de-DE": "The app didn't start." };
    const main = /assets\/index-.*\.js$/;
    test.each(Object.entries(SENTENCE))("at once if the script throws: %s", async (locale, sentence) => {
      const page = await openStuck(locale, (p) => p.route(main, (route) => route.fulfill({ contentType: "text/javascript", body: "this is no script" })));
      await page.getByText(sentence).waitFor();
      expect(await page.locator("#stuck h1:visible").count()).toBe(1);
      expect((await page.locator("#stuck a:visible").boundingBox())?.height).toBeGreaterThanOrEqual(44);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: { run: (d: Document) => Promise<{ violations: { id: string }[] }> } }).axe.run(document));
      expect(violations.map(({ id }) => id)).toEqual([]);
      await page.unroute(main);
      await readyAgain(page);
      await page.locator("#stuck a:visible").click();
      await page.waitForSelector("html[data-ready]");
      expect(await page.locator("#stuck").count()).toBe(0);
    }, 40_000);

    test("at once if the script is missing", async () => {
      const page = await openStuck("sv-SE", (p) => p.route(main, (route) => route.fulfill({ status: 404 })));
      await page.getByText("Appen startade inte.").waitFor();
    }, 40_000);

    test("at once if the first view is refused", async () => {
      const page = await openStuck("sv-SE", (p) =>
        p.addInitScript(() => {
          Object.assign(window, { __TAURI_INTERNALS__: { transformCallback: () => 1, invoke: () => Promise.reject(new Error("gone")) } });
        }),
      );
      await page.getByText("Appen startade inte.").waitFor();
    }, 40_000);

    // An animation of the style sheet, because there may be no script.
    test.each([
      ["no answer comes", async () => {}],
      ["no script runs at all", (p: Page) => p.route(/\.js$/, (route) => route.abort())],
    ] as const)("after a while if %s", async (_, prepare) => {
      const page = await openStuck("sv-SE", prepare);
      await page.waitForTimeout(500);
      expect(await page.locator("#stuck h1:visible").count()).toBe(0);
      await page.waitForSelector("#stuck h1:visible", { timeout: 15_000 });
      await page.getByText("Appen startade inte.").waitFor();
    }, 60_000);
  });

  describe("an engine that is too old", () => {
    const SENTENCE: Record<string, string> = { en: "An update is needed.", sv: "En uppdatering behövs.", nb: "En oppdatering er nødvendig.", da: "En opdatering er nødvendig.", fi: "Päivitys tarvitaan." };

    test("says so in the device's language", async () => {
      const { page } = await openOld();
      for (const [tag, , language] of TAGS) {
        await page.evaluate((name) => Object.assign(window, { name }), tag);
        await page.reload();
        await page.waitForSelector("#outdated h1:visible");
        expect(await page.locator("h1:visible").allTextContents(), tag).toEqual([SENTENCE[language]]);
        expect(await page.locator("#outdated p").count()).toBe(1);
      }
    }, 60_000);

    test("names Android System WebView, and loads nothing else", async () => {
      const { page, requested } = await openOld("Mozilla/5.0 (Linux; Android 8.0.0; wv) AppleWebKit/537.36 Chrome/64.0.3282.29 Mobile Safari/537.36");
      await page.waitForLoadState("networkidle");
      expect(requested.filter((path) => path !== "/favicon.ico").sort()).toEqual(["/", "/assets/start.js", "/assets/style"]);
      expect(await page.locator("#splash").innerText()).toContain("Android System WebView");
      expect(await page.locator(".skeleton, #stuck").count()).toBe(0);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: { run: (d: Document) => Promise<{ violations: { id: string }[] }> } }).axe.run(document));
      expect(violations.map(({ id }) => id)).toEqual([]);
    }, 40_000);
  });

  test.each(["mobile", "desktop"] as const)("nothing shifts after the first paint: %s", async (edition) => {
    for (const state of ["sign-in", "home", "code-sent", "done"]) {
      const { page, recorded, console } = await open(edition, state);
      await page.waitForTimeout(300);
      expect((await recorded()).shifts, state).toEqual([]);
      expect(console).toEqual([]);
    }
  }, 40_000);
});
