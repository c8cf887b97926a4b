// Draws every state in both editions and themes with Playwright (gallery/tests): compares it with ui/screenshots, checks layout
// and accessibility, that one primary button is in view, that no facts contradict each other, and that nothing moves.
//
//   npm run screenshots                  English
//   npm run screenshots -- --update      screenshots that differ become the new references; nothing else is tested
//   npm run screenshots -- --all         all languages and sizes, also with large text, more contrast and forced colours
//   … --states done,linking --editions mobile --themes dark
//   … --out /tmp/screenshots             every screenshot as PNG
//   … --sheets /tmp/sheets               all screenshots of a kind on a few large ones
//
// The references need Debian's Chromium and Noto Sans: other fonts are drawn differently.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeSheets } from "./sheets.mjs";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: options } = parseArgs({
  options: {
    update: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    states: { type: "string", default: "" },
    editions: { type: "string", default: "mobile,desktop" },
    themes: { type: "string", default: "light,dark" },
    out: { type: "string" },
    sheets: { type: "string" },
  },
});
const out = options.out ?? (options.sheets && mkdtempSync(join(tmpdir(), "screenshots-")));
const pictures = options.themes.split(",").map((theme) => `-${theme}`);
const kinds = options.update ? pictures : [...pictures, ""];
const projects = options.editions.split(",").flatMap((edition) => kinds.map((kind) => `--project=${edition}${kind}`));
const { status } = spawnSync(
  process.execPath,
  ["node_modules/@playwright/test/cli.js", "test", "--update-snapshots=none", ...projects],
  { stdio: "inherit", env: { ...process.env, SHOTS_ALL: options.all ? "1" : "", SHOTS_UPDATE: options.update ? "1" : "", SHOTS_STATES: options.states, SHOTS_OUT: out ?? "" } },
);
if (options.sheets) await makeSheets(out, options.sheets);
if (!options.out && out) rmSync(out, { recursive: true });
process.exit(status ?? 1);
