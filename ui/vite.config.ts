import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { minifySync } from "rolldown/utils";
import { defineConfig, type Plugin } from "vite";
import tauri from "../tauri.conf.json" with { type: "json" };
import engines from "./engines.json" with { type: "json" };

/** The version of the app has one place. */
const version = /\[workspace\.package\]\s+version = "([^"]+)"/.exec(readFileSync("../Cargo.toml", "utf8"))?.[1];
if (!version) throw new Error("Cargo.toml has no version");

/**
 * Tauri freezes Object.prototype (`freezePrototype`), which makes inherited names read-only: `X.prototype.toString = …`
 * throws. signals-core has two such assignments; they become definitions.
 */
const frozenPrototype: Plugin = {
  name: "frozen-prototype",
  enforce: "pre",
  transform: {
    filter: { id: /signals-core.*\.m?js/ },
    handler(code) {
      let found = 0;
      const fixed = code.replace(
        /(\w+)\.prototype\.(valueOf|toString)\s*=\s*(function\s*\(\)\s*\{[^{}]*\})/g,
        (_all, owner: string, name: string, body: string) => {
          found += 1;
          return `Object.defineProperty(${owner}.prototype,"${name}",{value:${body},writable:true,configurable:true})`;
        },
      );
      if (found < 2) this.error("signals-core no longer has the assignments that are replaced here");
      return { code: fixed, map: null };
    },
  },
};

/** Vite wraps every import() to preload style sheets; the languages have none. */
const plainImports: Plugin = {
  name: "plain-imports",
  enforce: "pre",
  load: {
    order: "pre",
    filter: { id: /vite\/preload-helper/ },
    handler: () => "export const __vitePreload = (load) => load();",
  },
};

/** Vite moves the page's module into the head, where it would load before start.js has looked at the engine. */
const moduleInTemplate: Plugin = {
  name: "module-in-template",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler(html) {
      const script = /<script type="module"[^>]*><\/script>\s*/.exec(html)?.[0];
      const template = '<template id="module">';
      if (!script || !html.includes(template)) return html;
      return html.replace(script, "").replace(template, template + script.trim());
    },
  },
};

/** Vite copies public files as they are. Uncompressed, it has no newer syntax than ES2015: engines that are too old read it. */
const minifiedStart: Plugin = {
  name: "minified-start",
  apply: "build",
  writeBundle({ dir = "" }) {
    const file = join(dir, "assets/start.js");
    writeFileSync(file, minifySync(file, readFileSync(file, "utf8"), { compress: false, mangle: true }).code);
  },
};

/** `tauri dev` loads the page from Vite, so Vite sends the policy. Vite's own <style> elements carry the nonce. */
const developmentPolicy: Plugin = {
  name: "development-policy",
  apply: () => process.env.TAURI_ENV_PLATFORM !== undefined,
  config: (_config, { command }) =>
    command === "serve"
      ? { html: { cspNonce: "vite" }, server: { headers: { "Content-Security-Policy": tauri.app.security.devCsp } } }
      : {},
};

export default defineConfig({
  plugins: [developmentPolicy, frozenPrototype, plainImports, moduleInTemplate, minifiedStart],
  // Relative URLs, so that the page also opens from a plain folder.
  base: "./",
  define: { "import.meta.env.APP_VERSION": JSON.stringify(version) },
  clearScreen: false,
  // Not pre-bundled, so that the plugins above see the sources of these packages.
  optimizeDeps: { exclude: ["preact", "@preact/signals", "@preact/signals-core"] },
  server: { port: 1420, strictPort: true },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    // Safari on iOS lacks what it has on a Mac, such as text-size-adjust without a prefix.
    target: [`chrome${engines.chrome}`, `safari${engines.safari}`, `ios${engines.safari}`],
    // The polyfill breaks the CSP, and all chunks are local.
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: true,
  },
  test: { include: ["test/**/*.test.{ts,tsx}"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
