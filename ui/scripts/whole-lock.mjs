// Makes package-lock.json whole after `npm install`: a registry that lacks the binaries of other platforms makes npm leave
// them out, and then `npm ci` refuses the file. Adds what the installed packages name, and drops registry addresses.
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const { packages } = lock;
const OS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const CPU = ["arm64", "arm", "ia32", "ppc64", "riscv64", "s390x", "x64", "loong64"];

for (const [at, entry] of Object.entries(packages)) {
  delete entry.resolved;
  if (at === "") continue;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (packages[place] || !/^\d+\.\d+\.\d+[^ ]*$/.test(version)) continue;
    const parts = name.split("/").pop().split("-");
    const os = OS.filter((o) => parts.includes(o));
    const cpu = CPU.filter((c) => parts.includes(c));
    if (parts.some((p) => p.startsWith("arm") && p !== "arm64") && cpu.length === 0) cpu.push("arm");
    const libc = parts.includes("musl") ? ["musl"] : parts.includes("gnu") && os[0] === "linux" ? ["glibc"] : undefined;
    packages[place] = { version, cpu, dev: true, ...(libc && { libc }), license: entry.license, optional: true, os };
    console.log(`added ${name} ${version} ${os} ${cpu} ${libc ?? ""}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
