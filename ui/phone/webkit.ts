// Drives WPE WebKit by WebDriver. Its window has one size and no touch, so the page is in a frame of the phone's size, and a finger
// is a click.

import { type ChildProcess, spawn } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { type Engine, composeByScript } from "./engine";

const BROWSER = "/usr/lib/x86_64-linux-gnu/wpe-webkit-1.1/MiniBrowser";

const freePort = () =>
  new Promise<number>((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });

export class WebKit implements Engine {
  readonly tallest = 720;
  readonly speaks = false;
  readonly complaints: string[] = [];
  private driver: ChildProcess | undefined;
  private url = "";
  private size: [number, number] = [360, 720];

  async open(): Promise<void> {
    const port = await freePort();
    this.driver = spawn("WPEWebDriver", [`--port=${port}`], { stdio: "ignore", env: { ...process.env, LC_ALL: "C.UTF-8" } });
    const failed = new Promise<never>((_, reject) => {
      this.driver?.once("error", reject);
    });
    const capabilities = { alwaysMatch: { "wpe:browserOptions": { binary: BROWSER, args: ["--automation", "--headless"] } } };
    const started = async () => {
      for (;;) {
        try {
          return (await this.call("POST", `http://127.0.0.1:${port}/session`, { capabilities })) as { sessionId: string };
        } catch (error) {
          if (!String(error).includes("fetch failed")) throw error;
        }
        await new Promise((resolve) => {
          setTimeout(resolve, 30);
        });
      }
    };
    const { sessionId } = await Promise.race([failed, started()]);
    this.url = `http://127.0.0.1:${port}/session/${sessionId}`;
  }

  /** Only of a locale that is installed, so there is one. */
  async speak(): Promise<void> {}

  async resize(width: number, height: number): Promise<void> {
    this.size = [width, height];
    await this.call("POST", `${this.url}/frame`, { id: null });
    await this.run(`const frame = document.querySelector("iframe"); if (frame) Object.assign(frame.style, { width: "${width}px", height: "${height}px" })`);
    await this.call("POST", `${this.url}/frame`, { id: 0 }).catch(() => {});
  }

  async goto(url: string): Promise<void> {
    await this.call("POST", `${this.url}/frame`, { id: null });
    await this.call("POST", `${this.url}/url`, { url: url.startsWith("http") ? `${url}framed` : url });
    if (url.startsWith("http")) await this.resize(...this.size);
  }

  async evaluate<T>(script: string): Promise<T> {
    const asynchronous = `const done = arguments[arguments.length - 1];
      Promise.resolve().then(() => (${script}\n)).then((value) => done({ value: value === undefined ? null : value }), (error) => done({ error: String(error) }))`;
    const { value, error } = (await this.call("POST", `${this.url}/execute/async`, { script: asynchronous, args: [] })) as { value: T; error?: string };
    if (error) throw new Error(error);
    return value;
  }

  async run(script: string): Promise<void> {
    await this.call("POST", `${this.url}/execute/sync`, { script, args: [] });
  }

  async touch(x: number, y: number): Promise<void> {
    const at = { type: "pointerMove", duration: 0, x: Math.round(x), y: Math.round(y) };
    const actions = [at, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }];
    await this.call("POST", `${this.url}/actions`, { actions: [{ type: "pointer", id: "finger", parameters: { pointerType: "touch" }, actions }] });
  }

  async insert(text: string): Promise<void> {
    const actions = [...text].flatMap((value) => ["keyDown", "keyUp"].map((type) => ({ type, value })));
    await this.call("POST", `${this.url}/actions`, { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async compose(text: string): Promise<void> {
    for (let end = 1; end <= text.length; end += 1) await this.run(composeByScript(text.slice(0, end), end === text.length));
  }

  /** There is no call for it: the page's timers go on. */
  async freeze(): Promise<void> {}

  async picture(): Promise<Buffer> {
    await this.call("POST", `${this.url}/frame`, { id: null });
    const frame = (await this.call("POST", `${this.url}/element`, { using: "css selector", value: "iframe" })) as Record<string, string>;
    const picture = (await this.call("GET", `${this.url}/element/${Object.values(frame)[0]}/screenshot`)) as string;
    await this.call("POST", `${this.url}/frame`, { id: 0 });
    return Buffer.from(picture, "base64");
  }

  async close(): Promise<void> {
    await this.call("DELETE", this.url).catch(() => {});
    const exited = new Promise((resolve) => this.driver?.once("exit", resolve));
    this.driver?.kill();
    await exited;
  }

  private async call(method: string, url: string, body?: object): Promise<unknown> {
    const response = await fetch(url, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
    const { value } = (await response.json()) as { value: unknown };
    if (!response.ok) throw new Error(`${url.replace(/.*session/, "")}: ${JSON.stringify(value)}`);
    return value;
  }
}
