/* oxlint-disable no-underscore-dangle -- the data's own name */
// What ships needs nothing newer than the engines of engines.json. MDN's data (browser-compat-data) says what came when.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import bcd, { type CompatStatement, type Identifier, type SupportStatement } from "@mdn/browser-compat-data";
import { type Declaration, parse } from "postcss";
import { parseAst } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import engines from "../engines.json";

const OUT = "node_modules/.cache/engines-under-test";
const read = (extension: string) =>
  readdirSync(`${OUT}/assets`)
    .filter((name) => name.endsWith(extension))
    .map((name) => readFileSync(`${OUT}/assets/${name}`, "utf8"));
beforeAll(() => {
  execFileSync(process.execPath, ["node_modules/vite/bin/vite.js", "build", "--outDir", OUT, "--emptyOutDir", "--logLevel", "error"], {
    env: { ...process.env, NODE_ENV: "production" },
  });
}, 60_000);

const isUpTo = (version: string, limit: string) => version.replace("≤", "").localeCompare(limit, "en", { numeric: true }) <= 0;

/** Under its own name and without a flag, from the oldest engine on. */
function isIn(support: SupportStatement | undefined, oldest: string): boolean {
  return [support ?? []].flat().some(
    ({ version_added: added, version_removed: removed, flags, prefix, alternative_name: other }) =>
      typeof added === "string" && isUpTo(added, oldest) && !(typeof removed === "string" && isUpTo(removed, oldest)) && !flags && !prefix && !other,
  );
}
const isSupported = ({ support }: CompatStatement) => isIn(support.chrome, engines.chrome) && isIn(support.safari_ios, engines.safari);
const isNew = (feature: Identifier | undefined): boolean => !!feature?.__compat && !isSupported(feature.__compat);

// -- style sheets ---------------------------------------------------------------

/** Ignored by an older engine, without harm. */
const CSS_EXTRAS: Record<string, string> = {
  "overflow-wrap: anywhere": "body's break-word is inherited",
  "cursor: pointer": "no pointer on iOS",
  "cursor: default": "no pointer on iOS",
  "cursor: progress": "no pointer on iOS",
  ":selection": "the selection has the system's colour",
  ":focus-visible": "the ring shows at each focus",
  "forced-color-adjust": "belongs to forced-colors",
  "@media (forced-colors)": "a setting of newer systems",
  "@media (prefers-contrast)": "a setting of newer systems",
  contain: "in Safari 15.0 to 15.3 a long choice in large text scrolls the page sideways",
  "text-wrap": "lines break as everywhere",
  "text-align-last": "the choice stands at the left",
};

const UNITS: Record<string, string> = {
  ...Object.fromEntries(["vh", "vw", "vi", "vb", "vmin", "vmax"].flatMap((unit) => [["d", "dynamic"], ["s", "small"], ["l", "large"]].map(([letter, kind]) => [`${letter}${unit}`, `viewport_percentage_units_${kind}`]))),
  ...Object.fromEntries(["cqw", "cqh", "cqi", "cqb", "cqmin", "cqmax"].map((unit) => [unit, "container_query_length_units"])),
};

/** What in a declaration is too new, ignoring its property. */
function newInValue({ prop, value }: Declaration): string[] {
  const { properties, types } = bcd.css;
  const text = value.replace(/"[^"]*"|'[^']*'|url\([^)]*\)|--[\w-]+/g, "");
  const units = [...text.matchAll(/\d([a-z]+)\b/gi)].map(([, unit = ""]) => unit).filter((unit) => isNew(types?.length?.[UNITS[unit] ?? unit]));
  const functions = [...text.matchAll(/([a-z-]+)\(/gi)].map(([, name = ""]) => name).filter((name) => isNew(types?.[name] ?? types?.color?.[name]));
  const words = [...text.matchAll(/(?<![\w-])[a-z][a-z-]*(?![\w(-])/gi)].map(([word]) => word).filter((word) => isNew(properties?.[prop]?.[word]));
  return [...units, ...functions.map((name) => `${name}()`), ...words].map((what) => `${prop}: ${what}`);
}

/** A declaration that an older engine ignores is fine after one of the same property that it takes. */
const hasFallback = (declaration: Declaration): boolean => {
  for (let one = declaration.prev(); one; one = one.prev()) if (one.type === "decl" && one.prop === declaration.prop && newInValue(one).length === 0) return true;
  return false;
};

function newInCss(css: string): string[] {
  const { properties, selectors, "at-rules": atRules } = bcd.css;
  const found: string[] = [];
  const root = parse(css);
  root.walkDecls((declaration) => {
    let parent = declaration.parent;
    while (parent && !(parent.type === "atrule" && "name" in parent && parent.name === "supports")) parent = parent.parent as typeof parent;
    if (parent) return;
    const isPrefixedToo = declaration.parent?.some((one) => one.type === "decl" && one.prop === `-webkit-${declaration.prop}`);
    if (isNew(properties?.[declaration.prop]) && !isPrefixedToo) found.push(declaration.prop);
    else if (!hasFallback(declaration)) found.push(...newInValue(declaration));
  });
  root.walkRules((rule) => {
    for (const [, name = ""] of rule.selector.matchAll(/::?(?!-)([a-z-]+)/g)) if (isNew(selectors?.[name])) found.push(`:${name}`);
    if (rule.selector.includes("&")) found.push("nesting");
  });
  root.walkAtRules((rule) => {
    if (isNew(atRules?.[rule.name])) found.push(`@${rule.name}`);
    for (const [, name = ""] of rule.params.matchAll(/\(([a-z-]+)[:)]/g)) if (isNew(atRules?.[rule.name]?.[name])) found.push(`@${rule.name} (${name})`);
    if (rule.name === "media" && /[<>]=?/.test(rule.params)) found.push("@media range");
  });
  return [...new Set(found)];
}

// -- scripts --------------------------------------------------------------------

/** Asked for before use, or a method of the page's own. */
const JS_EXTRAS: Record<string, string> = {
  ".moveBefore": "Preact asks for it",
  ".unlock": "the bridge's",
};

/** Members of the language and the web by name, each with all that have this name. */
const members = new Map<string, CompatStatement[]>();
const globals = new Map<string, Identifier>();
const collect = (name: string, feature: Identifier) => {
  if (feature.__compat) members.set(name, [...(members.get(name) ?? []), feature.__compat]);
};
const children = (feature: Identifier) => Object.entries(feature).filter(([key]) => key !== "__compat") as [string, Identifier][];
for (const [name, feature] of [...children(bcd.api as Identifier), ...children(bcd.javascript.builtins as Identifier)]) {
  globals.set(name, feature);
  for (const [member, own] of children(feature)) {
    collect(member.replace(/_(static|event)$/, ""), own);
    for (const [inner, its] of children(own)) if (name === "Intl") collect(inner, its);
  }
}

interface Node {
  type: string;
  computed?: boolean;
  name?: string;
  callee?: Node;
  property?: Node;
  left?: Node;
  key?: Node;
}
const isMember = (node: Node | undefined): boolean => node?.type === "MemberExpression" && !node.computed;

function walk(node: unknown, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  if (Array.isArray(node)) return node.forEach((one) => walk(one, visit, parent));
  if (!node || typeof node !== "object") return;
  visit(node as Node, parent);
  for (const value of Object.values(node)) walk(value, visit, node as Node);
}

/**
 * Names that exist in newer engines only. An expression's type is not known, so a name that anything older has passes: `.at` is
 * found, a newer overload is not.
 */
function newInJs(code: string): string[] {
  const program = parseAst(code);
  const found = new Set<string>();
  const ownFields = new Set<string>();
  walk(program, (node) => {
    const own = node.type === "Property" ? node.key : node.type === "AssignmentExpression" && isMember(node.left) ? node.left?.property : undefined;
    if (own?.name) ownFields.add(own.name);
  });
  walk(program, (node, parent) => {
    const name = (isMember(node) ? node.property?.name : node.name) ?? "";
    if (isMember(node)) {
      const isCalled = parent?.type === "CallExpression" && parent.callee === node;
      const all = members.get(name);
      if (all && !all.some(isSupported) && (isCalled || !ownFields.has(name))) found.add(`.${name}`);
    } else if (node.type === "Identifier") {
      const isName = parent?.key === node || (isMember(parent) && parent?.property === node);
      // The shorter ones are those of the minifier.
      if (!isName && name.length > 3 && isNew(globals.get(name))) found.add(name);
    }
  });
  return [...found];
}

// -- tests ------------------------------------------------------------------------

const addedIn = (one: SupportStatement | undefined) => String([one ?? []].flat()[0]?.version_added);

describe("the oldest engines", () => {
  test("are the ones that start.js asks for", () => {
    const selector = /CSS\.supports\("selector\(:(\w+)/.exec(readFileSync("public/assets/start.js", "utf8"))?.[1] ?? "";
    const support = bcd.css.selectors?.[selector]?.__compat?.support;
    expect([addedIn(support?.chrome), addedIn(support?.webview_android)]).toEqual([engines.chrome, engines.chrome]);
    expect(isUpTo(addedIn(support?.safari_ios), engines.safari)).toBe(true);
  });

  test("are named in the documents and for iOS", () => {
    const { bundle } = JSON.parse(readFileSync("../tauri.conf.json", "utf8")) as { bundle: { iOS: { minimumSystemVersion: string } } };
    expect(bundle.iOS.minimumSystemVersion).toBe(engines.safari);
    const document = readFileSync("../docs/platforms.md", "utf8");
    for (const [name, version] of [["Chromium", engines.chrome], ["Safari", engines.safari]]) expect(document.includes(`${name} ${version}`), `${name} ${version}`).toBe(true);
  });

  test("know every part of the style sheets", () => {
    const found = [...new Set(read(".css").flatMap(newInCss))];
    expect(found.sort()).toEqual(Object.keys(CSS_EXTRAS).sort());
  });

  test("know every name in the scripts", () => {
    const found = [...new Set(read(".js").flatMap(newInJs))];
    expect(found.sort()).toEqual(Object.keys(JS_EXTRAS).sort());
  });
});

describe("the check finds", () => {
  test.each([
    ["a{min-height:100dvh}", "min-height: dvh"],
    ["a{width:1cqw}", "width: cqw"],
    ["a{accent-color:red}", "accent-color"],
    ["a{color:color-mix(in srgb,red,blue)}", "color: color-mix()"],
    ["a{color:light-dark(red,blue)}", "color: light-dark()"],
    ["a{text-wrap:balance}", "text-wrap"],
    ["a{overflow:clip}", "overflow: clip"],
    ["a:has(b){color:red}", ":has"],
    ["@container (width){a{color:red}}", "@container"],
    ["@layer x{a{color:red}}", "@layer"],
    ["@media (width>=1px){a{color:red}}", "@media range"],
    ["a{&:hover{color:red}}", "nesting"],
  ])("%s", (css, what) => expect(newInCss(css)).toContain(what));

  test.each(["a{min-height:100vh;min-height:100dvh}", "@supports (height:1dvh){a{height:1dvh}}", "a:is(b){inset:0;width:min(1px,2vw)}"])("nothing in %s", (css) => expect(newInCss(css)).toEqual([]));

  test.each([
    ["x.at(0)", ".at"],
    ["Object.hasOwn(x,y)", ".hasOwn"],
    ["crypto.randomUUID()", ".randomUUID"],
    ["x.findLast(f)", ".findLast"],
    ["structuredClone(x)", "structuredClone"],
    ["x.showPopover()", ".showPopover"],
    ["x.checkVisibility()", ".checkVisibility"],
  ])("%s", (js, what) => expect(newInJs(js)).toEqual([what]));

  test("nothing in a name that older engines have too", () => expect(newInJs("x.replaceChildren();y.includes(z);document.querySelector(a)")).toEqual([]));
});
