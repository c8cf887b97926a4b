import { defineConfig, type Plugin } from "vite";
import tauri from "../tauri.conf.json" with { type: "json" };

/**
 * Tauri freezes Object.prototype (`freezePrototype`), and then `X.prototype.toString = …` throws: the name is read-only
 * by inheritance. signals-core does that twice when it loads, so those two assignments become definitions.
 */
const livesWithAFrozenPrototype: Plugin = {
  name: "lives-with-a-frozen-prototype",
  enforce: "pre",
  transform: {
    filter: { id: /signals-core.*\.m?js/ },
    handler(code) {
      let found = 0;
      const made = code.replace(
        /(\w+)\.prototype\.(valueOf|toString)\s*=\s*(function\s*\(\)\s*\{[^{}]*\})/g,
        (_all, owner: string, name: string, body: string) => {
          found += 1;
          return `Object.defineProperty(${owner}.prototype,"${name}",{value:${body},writable:true,configurable:true})`;
        },
      );
      if (found < 2) this.error("signals-core no longer has the assignments that are patched here: look at it again");
      return { code: made, map: null };
    },
  },
};

/** Vite wraps every import() to load style sheets and preloads with it; the languages have neither. */
const importsArePlain: Plugin = {
  name: "imports-are-plain",
  enforce: "pre",
  load: {
    order: "pre",
    filter: { id: /vite\/preload-helper/ },
    handler: () => "export const __vitePreload = (load) => load();",
  },
};

/** Tauri's classes and event names are compiled so that no bundler dares to drop them: 1 kB of the first screen, and unused. */
const dropsWhatIsUnused: Plugin = {
  name: "drops-what-is-unused",
  enforce: "pre",
  transform: {
    filter: { id: /@tauri-apps\/api\/\w+\.js$/ },
    handler: (code) => ({
      code: code
        .replace(/^class (\w+) \{\n[\s\S]*?^\}/gm, "const $1 = /* @__PURE__ */ (() => { $&\nreturn $1; })();")
        .replace(/^\(function \((\w+)\) \{([\s\S]*?)^\}\)\(\1 \|\| \(\1 = \{\}\)\);/gm, "$1 = /* @__PURE__ */ (($1) => {$2 return $1; })({});"),
      map: null,
    }),
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
  plugins: [developmentPolicy, livesWithAFrozenPrototype, dropsWhatIsUnused, importsArePlain],
  // Tauri looks for relative and absolute alike; relative also opens from a plain folder.
  base: "./",
  clearScreen: false,
  // Not pre-bundled, so that the plugins above see the sources of these packages.
  optimizeDeps: { exclude: ["preact", "@preact/signals", "@preact/signals-core"] },
  server: { port: 1420, strictPort: true },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: ["es2021", "safari15", "chrome100"],
    cssTarget: ["safari15", "chrome100"],
    // The polyfill and the preload links would only be in the way of the CSP: everything is local.
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: true,
  },
  test: { include: ["test/**/*.test.{ts,tsx}"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
