// The built page as it will run: its size, and in a browser under Tauri's CSP with a frozen Object.prototype.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { STATES } from "../gallery/fixtures";

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

test.runIf(browserPath)("it runs under the CSP with a frozen Object.prototype, and says nothing to the console", async () => {
  const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
  const server = createServer((request, response) => {
    const path = join(OUT, request.url === "/" ? "index.html" : (request.url ?? ""));
    if (!existsSync(path)) return void response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
    response.writeHead(200, { "content-type": types[extname(path)] ?? "", "content-security-policy": CSP }).end(readFileSync(path));
  });
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const browser = await chromium.launch({ executablePath: browserPath as string, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const page = await browser.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    const views = { before: STATES["code-sent"]?.view("mobile"), after: STATES.done?.view("mobile") };
    await page.addInitScript((given) => {
      Object.freeze(Object.prototype);
      const calls: { command: string; payload: unknown }[] = [];
      Object.assign(window, {
        calls,
        __TAURI_INTERNALS__: {
          transformCallback: () => 1,
          invoke: (command: string, payload: unknown) => {
            calls.push({ command, payload });
            if (command !== "verify_code") return Promise.resolve(command.startsWith("plugin:") ? 1 : given.before);
            const { code } = payload as { code: string };
            return code === "123456" ? Promise.resolve({ ...given.after, revision: 9 }) : Promise.reject({ code: "codeWrong", attemptsLeft: 4 });
          },
        },
      });
    }, views);
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.waitForSelector("html[data-ready]");
    const code = page.getByTestId("code");
    const submitted = () =>
      page.evaluate(() => (window as unknown as { calls: { command: string; payload: unknown }[] }).calls.filter((c) => c.command === "verify_code").length);
    await code.fill("Code: 654-321");
    await page.waitForSelector('[data-testid="problem"][data-code="codeWrong"]');
    expect(await submitted()).toBe(1);
    // The field keeps the focus, and what is typed next replaces the refused code.
    await page.keyboard.press("9");
    expect(await code.inputValue()).toBe("9");
    // The same refused code does not go again by itself.
    await code.fill("65432");
    await code.fill("654321");
    await page.waitForTimeout(100);
    expect(await submitted()).toBe(1);
    expect(await page.getByTestId("problem").count()).toBe(0);
    await code.fill("123 456");
    await page.waitForSelector('[data-testid="done"]');
    expect(await page.getByTestId("flow").getAttribute("data-state")).toBe("linked");
    expect(await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), location.href, history.state]))).not.toContain("123456");
    expect(said).toEqual([]);
  } finally {
    await browser.close();
    server.close();
  }
}, 60_000);
