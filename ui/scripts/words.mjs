// Compiles src/messages into src/paraglide, only when something changed: the compiler takes seconds to start.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ui = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(ui);
const outdir = "src/paraglide";
const stamp = join(outdir, ".made-from");

const hash = createHash("sha256");
for (const file of [
  "package-lock.json",
  "project.inlang/settings.json",
  "scripts/words.mjs",
  ...readdirSync("src/messages").toSorted().map((name) => `src/messages/${name}`),
]) {
  hash.update(file).update(readFileSync(file));
}
const made = hash.digest("hex");

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== made) {
  const { compile } = await import("@inlang/paraglide-js");
  await compile({
    project: "./project.inlang",
    outdir: `./${outdir}`,
    // One module per language, so that a start loads one language and not five.
    outputStructure: "locale-modules",
    emitReadme: false,
    emitPrettierIgnore: false,
    emitGitIgnore: false,
  });
  writeFileSync(stamp, made);
}
// The compiler's database keeps the process alive.
process.exit(0);
