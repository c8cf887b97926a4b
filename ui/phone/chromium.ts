// Drives a Chromium of any age by touch. Playwright's protocol is too new for the oldest, so this is the few DevTools calls that
// all of them have, over a pipe.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type Engine, composeByScript } from "./engine";

/** Of a phone with the oldest Android that is promised, so that the page sees a phone. */
const userAgent = (version: string) => `Mozilla/5.0 (Linux; Android 8.0.0; Phone; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/${version} Mobile Safari/537.36`;

const CALL_TIMEOUT_MS = 10_000;

interface Answer {
  id?: number;
  method?: string;
  params?: { exceptionDetails?: { exception?: { description?: string }; text: string }; type?: string; args?: { value?: unknown; description?: string }[]; entry?: { text: string } };
  result?: Record<string, unknown>;
  error?: { message: string };
}

export class Chromium implements Engine {
  readonly tallest = 740;
  readonly speaks = true;
  private process: ChildProcess | undefined;
  private folder = "";
  private readonly waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }>();
  private sent = 0;
  private output = "";
  private sessionId: string | undefined;
  readonly complaints: string[] = [];

  constructor(private readonly program: () => string, private readonly args: string[], private readonly version: string, private readonly systemLanguage: string) {}

  private start(): void {
    this.folder = mkdtempSync(join(tmpdir(), "chromium-"));
    const child = spawn(this.program(), ["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", `--user-data-dir=${this.folder}`, ...this.args, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      env: { ...process.env, LANG: this.systemLanguage, LC_ALL: this.systemLanguage },
    });
    this.process = child;
    child.stderr?.on("data", (data: Buffer) => (this.output += data.toString()));
    child.on("exit", () => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the browser exited: ${this.output.slice(-2000)}`));
    });
    let rest = "";
    (child.stdio[4] as Readable).on("data", (data: Buffer) => {
      const parts = (rest + data.toString()).split("\0");
      rest = parts.pop() ?? "";
      for (const part of parts) this.receive(JSON.parse(part) as Answer);
    });
  }

  async open(): Promise<void> {
    this.start();
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    this.sessionId = sessionId as string;
    for (const domain of ["Page", "Runtime", "Log"]) await this.send(`${domain}.enable`);
    await this.send("Emulation.setTouchEmulationEnabled", { enabled: true, maxTouchPoints: 5 });
    await this.speak(null);
  }

  speak(language: string | null) {
    return this.send("Emulation.setUserAgentOverride", { userAgent: userAgent(this.version), platform: "Linux armv8l", ...(language ? { acceptLanguage: language } : {}) });
  }

  async resize(width: number, height: number) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 2, mobile: true });
  }

  async goto(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
  }

  async evaluate<T>(script: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send("Runtime.evaluate", { expression: script, awaitPromise: true, returnByValue: true })) as {
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string }; text: string };
    };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async run(script: string): Promise<void> {
    await this.evaluate(`${script}\n;undefined`);
  }

  async touch(x: number, y: number): Promise<void> {
    await this.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
    await this.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  }

  insert(text: string) {
    return this.send("Input.insertText", { text });
  }

  async compose(text: string): Promise<void> {
    try {
      for (let end = 1; end <= text.length; end += 1) await this.send("Input.imeSetComposition", { text: text.slice(0, end), selectionStart: end, selectionEnd: end });
      await this.insert(text);
    } catch (error) {
      // Chromium 88 has no such call: the same events, made by a script.
      if (!String(error).includes("wasn't found")) throw error;
      for (let end = 1; end <= text.length; end += 1) await this.run(composeByScript(text.slice(0, end), end === text.length));
    }
  }

  async freeze(frozen: boolean): Promise<void> {
    if (frozen) {
      await this.send("Debugger.enable");
      await this.send("Debugger.pause");
    } else await this.send("Debugger.disable");
  }

  async picture(): Promise<Buffer> {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    return Buffer.from(data as string, "base64");
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.process?.once("exit", resolve));
    this.process?.kill("SIGKILL");
    await exited;
    // Its helper processes end a moment later, and may still write.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    this.sent += 1;
    const id = this.sent;
    const message = { id, method, params, ...(this.sessionId && !method.startsWith("Target.") ? { sessionId: this.sessionId } : {}) };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(new Error(`${method}: ${error.message}`));
      const timer = setTimeout(() => fail(new Error("no answer")), CALL_TIMEOUT_MS);
      this.waiting.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: fail,
      });
      (this.process?.stdio[3] as Writable | undefined)?.write(`${JSON.stringify(message)}\0`);
    });
  }

  private receive({ id, method, params, result, error }: Answer): void {
    const one = this.waiting.get(id ?? -1);
    this.waiting.delete(id ?? -1);
    if (error) one?.reject(new Error(error.message));
    else one?.resolve(result ?? {});
    if (method === "Runtime.exceptionThrown") this.complaints.push(params?.exceptionDetails?.exception?.description ?? "");
    if (method === "Runtime.consoleAPICalled") this.complaints.push((params?.args ?? []).map((arg) => String(arg.value ?? arg.description)).join(" "));
    // An older engine says that it ignores a part of the viewport's settings.
    if (method === "Log.entryAdded" && !params?.entry?.text.includes('"interactive-widget"')) this.complaints.push(params?.entry?.text ?? "");
  }
}
