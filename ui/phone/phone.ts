// A phone with the app: an engine, the core behind tests/phone/bridge.rs, and the demo backend. Waits for states and for no time.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { Engine } from "./engine";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const REPORT = "../target/qa-report";
const TIMEOUT_MS = 15_000;

/** Finds by test id. */
const id = (testId: string) => `[data-testid="${testId}"]`;

export interface StartOptions {
  /** Null is the system's. */
  language?: string | null;
  height?: number;
}

interface Step {
  at: number;
  took?: number;
  what: string;
  screenshot?: string;
}

export class Programs {
  private constructor(private readonly process: ChildProcess, readonly page: string, readonly demo: string) {}

  static async start(): Promise<Programs> {
    const program = spawn(`${process.env.CARGO_TARGET_DIR ?? "../target"}/debug/examples/phone`, { stdio: ["pipe", "pipe", "inherit"] });
    const failed = new Promise<never>((_, reject) => {
      program.once("error", reject);
      program.once("exit", (code) => reject(new Error(`the phone's program exited: ${code}`)));
    });
    const lines = createInterface({ input: program.stdout });
    const line = await Promise.race([failed, new Promise<string>((resolve) => lines.once("line", resolve))]);
    failed.catch(() => {});
    const { page, demo } = JSON.parse(line) as { page: string; demo: string };
    return new Programs(program, page, demo);
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdin?.end();
    await exited;
  }

  async post(path: string, body: object = {}): Promise<unknown> {
    const url = new URL(path, path.startsWith("/demo") ? this.demo : this.page);
    const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text.startsWith("{") ? JSON.parse(text) : text;
  }

  /** The code in the newest mail. */
  async code(): Promise<string> {
    const read = async () => {
      const mails = (await (await fetch(`${this.demo}/demo/inbox.json`)).json()) as { text: string }[];
      return /^\s*(\d{6})\s*$/m.exec(mails[0]?.text ?? "")?.[1];
    };
    return eventually("the code's mail", read);
  }

  async opened(): Promise<string[]> {
    return ((await (await fetch(`${this.page}phone`)).json()) as { opened: string[] }).opened;
  }
}

async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  const end = Date.now() + TIMEOUT_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
  }
}

export class Phone {
  private readonly began = Date.now();
  private readonly steps: Step[] = [];
  private pictures = 0;

  constructor(readonly engine: Engine, readonly programs: Programs, private readonly name: string) {}

  /** Another phone, at a scenario of the demo, on the sign-in screen. */
  async start(scenario: string, { language = "en-GB", height = this.engine.tallest }: StartOptions = {}): Promise<void> {
    this.engine.complaints.length = 0;
    await this.engine.freeze(false);
    await this.programs.post("/demo/faults", { mail: "ok", directory: "ok", network: "ok" });
    await this.programs.post("/demo/scenario", { name: scenario });
    await this.programs.post("/phone/replace");
    await this.engine.speak(language);
    await this.engine.resize(360, height);
    await this.load();
    await this.see("screen-sign-in");
  }

  /** The gesture, where the system takes it to the page's history. */
  back(): Promise<unknown> {
    return this.step("back", () => this.evaluate("void setTimeout(() => history.back())"));
  }

  /** A turn, or the keyboard, which takes its part of the page's height. */
  async resize(width: number, height: number): Promise<void> {
    await this.step(`${width}×${height}`, async () => {
      await this.engine.resize(width, height);
      await this.until("the new size, drawn", `innerHeight === ${height} && new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`);
    });
  }

  /** As a start of the app: nothing of an earlier page is left. */
  async load(): Promise<void> {
    await this.step("start the app", async () => {
      await this.engine.goto("about:blank");
      await this.until("an empty page", "location.href === 'about:blank'");
      await this.engine.goto(this.programs.page);
      await this.until("the page", "!!document.querySelector('html[data-ready]')");
    });
  }

  async signIn(username = "anna.svensson"): Promise<void> {
    await this.type("server", this.programs.demo);
    await this.type("username", username);
    await this.type("password", "demo");
    await this.tap("sign-in");
    await this.see("screen-home");
  }

  /** Signed in and on the code screen, by touch. */
  async toTheCode(): Promise<void> {
    await this.signIn();
    await this.tap("banner-connect");
    await this.tap("suggestion");
    await this.tap("send-code");
    await this.see("code");
  }

  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const at = Date.now();
    const step: Step = { at: at - this.began, what };
    this.steps.push(step);
    const result = await work();
    step.took = Date.now() - at;
    return result;
  }

  evaluate<T>(script: string): Promise<T> {
    return this.engine.evaluate<T>(script);
  }

  until(what: string, script: string): Promise<unknown> {
    return eventually(what, () => this.evaluate(script).catch((error: Error) => {
      // The page is being replaced.
      if (/context|navigat/i.test(error.message)) return false;
      throw error;
    }));
  }

  see(testId: string): Promise<unknown> {
    return this.step(`see ${testId}`, () => this.until(testId, `!!document.querySelector('${id(testId)}')`));
  }

  gone(testId: string): Promise<unknown> {
    return this.step(`${testId} is gone`, () => this.until(`${testId} to go`, `!document.querySelector('${id(testId)}')`));
  }

  text(testId: string): Promise<string> {
    return this.evaluate(`document.querySelector('${id(testId)}').innerText`);
  }

  /** The middle of an element that a finger can hit, scrolled to as a finger would. Fails if something lies above it. */
  private point(testId: string): Promise<{ x: number; y: number }> {
    const look = `(() => {
      const element = document.querySelector('${id(testId)}');
      if (!element || element.disabled) return null;
      const target = element.matches("input[type=radio]") ? element.closest("label") || element : element;
      const middle = () => {
        const { left, top, width, height } = target.getBoundingClientRect();
        const [x, y] = [left + width / 2, top + height / 2];
        const hit = document.elementFromPoint(x, y);
        return hit && (target.contains(hit) || (hit.contains(target) && hit.closest("label, button"))) ? { x, y } : null;
      };
      if (!middle()) target.scrollIntoView({ block: "center" });
      return middle();
    })()`;
    return eventually(`${testId}, uncovered and enabled`, () => this.evaluate<{ x: number; y: number } | null>(look));
  }

  async tap(testId: string): Promise<void> {
    await this.step(`tap ${testId}`, async () => {
      const { x, y } = await this.point(testId);
      await this.engine.touch(x, y);
    });
  }

  /** Taps a field until the keyboard would open. */
  async focus(testId: string): Promise<void> {
    await this.tap(testId);
    await this.until(`the focus in ${testId}`, `document.activeElement === document.querySelector('${id(testId)}')`);
  }

  async type(testId: string, text: string): Promise<void> {
    await this.focus(testId);
    await this.step(`type into ${testId}`, () => this.engine.insert(text));
  }

  /** The app is left, and the phone sleeps; the clocks of phone and server go on. */
  async suspend(seconds: number): Promise<void> {
    await this.step(`sleep ${seconds} s`, async () => {
      await this.show(false);
      await this.engine.freeze(true);
      await this.programs.post("/demo/clock", { advanceSeconds: seconds });
      await this.programs.post("/phone/sleep", { seconds });
    });
  }

  async resume(): Promise<void> {
    await this.step("come back", async () => {
      await this.engine.freeze(false);
      await this.show(true);
    });
  }

  private async show(visible: boolean): Promise<void> {
    await this.programs.post("/phone/foreground", { foreground: visible });
    await this.engine.run(`Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${visible ? "visible" : "hidden"}" });
      document.dispatchEvent(new Event("visibilitychange"))`);
  }

  /** Fails unless everything of these elements is in view and the middle uncovered. */
  async inView(...testIds: string[]): Promise<void> {
    const look = `${JSON.stringify(testIds)}.filter((testId) => {
      const element = document.querySelector('[data-testid="' + testId + '"]');
      const { left, right, top, bottom } = element.getBoundingClientRect();
      const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      const view = visualViewport;
      return !(top >= view.offsetTop && bottom <= view.offsetTop + view.height && left >= 0 && right <= innerWidth && (element.contains(hit) || hit && hit.contains(element)));
    }).join()`;
    await this.step(`in view: ${testIds.join(", ")}`, () => this.until(`${testIds.join(" and ")} in view`, `!(${look})`));
  }

  /** Fails if something is wider than the screen. */
  async fits(): Promise<void> {
    const look = `[...document.querySelectorAll("body *")].filter((e) => {
      const { left, right, width, height } = e.getBoundingClientRect();
      return width > 1 && height > 1 && (right > innerWidth + 1 || left < -1) && getComputedStyle(e).visibility === "visible";
    }).map((e) => e.tagName + "." + e.className).concat(document.documentElement.scrollWidth > innerWidth ? "the page, " + document.documentElement.scrollWidth : [])`;
    const wide = await this.evaluate<string[]>(look);
    if (wide.length > 0) throw new Error(`wider than the screen: ${wide.join(", ")}`);
  }

  /** What fades in has another contrast. */
  atRest(): Promise<unknown> {
    return this.until("the end of the movements", `document.getAnimations().every((one) => one.playState !== "running" || one.effect.getComputedTiming().endTime === Infinity)`);
  }

  async axe(): Promise<void> {
    await this.step("axe", async () => {
      if (!(await this.evaluate("!!window.axe"))) await this.engine.run(AXE);
      const found = await this.evaluate<string[]>("axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.html).join()))");
      if (found.length > 0) throw new Error(`axe: ${found.join("; ")}`);
    });
  }

  async picture(what: string): Promise<void> {
    mkdirSync(REPORT, { recursive: true });
    this.pictures += 1;
    const file = `${this.name.replaceAll(/[^\w-]+/g, "-")}-${this.pictures}.png`;
    writeFileSync(`${REPORT}/${file}`, await this.engine.picture());
    this.steps.push({ at: Date.now() - this.began, what, screenshot: file });
  }

  /** Adds the test to the report of the tests in a window. */
  async report(failure: unknown): Promise<void> {
    if (failure) await this.picture("failure").catch(() => {});
    const text = failure ? await this.evaluate<string>("document.body.innerText").catch(() => "") : undefined;
    const log = {
      name: this.name,
      began: this.began,
      took: Date.now() - this.began,
      failure: failure ? String(failure) : null,
      steps: this.steps.map((step) => ({ took: null, ...step })),
      page: failure ? { text, output: this.engine.complaints.join("\n") } : {},
    };
    mkdirSync(REPORT, { recursive: true });
    writeFileSync(`${REPORT}/${this.name.replaceAll(/[^\w-]+/g, "-")}.json`, JSON.stringify(log));
  }
}
