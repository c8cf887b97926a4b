//! No crate here has a circle of modules: each can be read with nothing but what stands below it.
//!
//! A node is a file. An edge is a path that begins with `crate`, `super`, `self` or a child module's name; tests and `mod x;`
//! do not count. Paths through a re-export at the crate root lead to the root, so modules name the module they mean.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Item};

type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg") && attribute.to_token_stream().to_string().contains("(test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

/// The modules of a crate by path, each with its tokens outside tests.
fn read(file: &Path, module: &Module, modules: &mut BTreeMap<Module, TokenStream>) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let is_root_of_folder = module.is_empty() || file.ends_with("mod.rs");
    let folder = file.parent().unwrap();
    let folder = if is_root_of_folder { folder.to_owned() } else { folder.join(module.last().unwrap()) };
    let mut tokens = TokenStream::new();
    for item in parsed.items.into_iter().filter(|item| !is_test(attributes(item))) {
        match &item {
            Item::Mod(child) if child.content.is_none() => {
                let name = child.ident.to_string();
                // `#[path = "…"]`, also inside a `cfg_attr` per platform: the first stands for all.
                let named = child.attrs.iter().find_map(|attribute| {
                    let text = attribute.to_token_stream().to_string();
                    let (_, rest) = text.split_once("path = \"")?;
                    Some(file.parent().unwrap().join(rest.split('"').next()?))
                });
                let usual = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
                let path = named.unwrap_or_else(|| usual.into_iter().find(|path| path.exists()).expect(&name));
                read(&path, &[module.as_slice(), &[name]].concat(), modules);
            }
            _ => item.to_tokens(&mut tokens),
        }
    }
    modules.insert(module.clone(), tokens);
}

/// Writes down every path from `from` on: `a::b`, and each leaf of `a::{b, c::d}`.
fn follow(tokens: &[TokenTree], path: &Module, found: &mut Vec<Module>) {
    let mut path = path.clone();
    let mut rest = tokens;
    while let [TokenTree::Punct(first), TokenTree::Punct(second), next, after @ ..] = rest {
        if first.as_char() != ':' || second.as_char() != ':' {
            break;
        }
        match next {
            TokenTree::Ident(name) => path.push(name.to_string()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                for leaf in inner.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')) {
                    if let [TokenTree::Ident(name), tail @ ..] = leaf {
                        follow(tail, &[path.as_slice(), &[name.to_string()]].concat(), found);
                    }
                }
                return;
            }
            _ => break,
        }
        rest = after;
    }
    found.push(path);
}

/// Every path in `tokens` that begins at this crate, as seen from `module`.
fn paths(tokens: TokenStream, module: &Module, children: &BTreeSet<&str>, found: &mut Vec<Module>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
        match token {
            TokenTree::Group(group) => {
                let inline = match (before(2), before(1)) {
                    (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(name)))
                        if word == "mod" && group.delimiter() == Delimiter::Brace =>
                    {
                        Some(name.to_string())
                    }
                    _ => None,
                };
                let module = [module.as_slice(), inline.as_slice()].concat();
                paths(group.stream(), &module, children, found);
            }
            TokenTree::Ident(name) => {
                // The middle of a longer path, a method or a field.
                let follows = |mark: char| matches!(before(1), Some(TokenTree::Punct(last)) if last.as_char() == mark);
                let is_path = matches!(before(2), Some(TokenTree::Punct(last)) if last.as_char() == ':');
                if follows('.') || follows(':') && is_path {
                    continue;
                }
                let name = name.to_string();
                let start = match name.as_str() {
                    "crate" => Vec::new(),
                    "self" => module.clone(),
                    "super" => module[..module.len().saturating_sub(1)].to_vec(),
                    _ if children.contains(name.as_str()) => [module.as_slice(), &[name]].concat(),
                    _ => continue,
                };
                let rest = &tokens[at + 1..];
                if !matches!(rest, [TokenTree::Punct(a), TokenTree::Punct(b), ..] if a.as_char() == ':' && b.as_char() == ':')
                {
                    continue;
                }
                follow(rest, &start, found);
            }
            _ => {}
        }
    }
}

fn graph(root: &Path) -> Graph {
    let mut modules = BTreeMap::new();
    read(root, &Vec::new(), &mut modules);
    let names: Vec<Module> = modules.keys().cloned().collect();
    let node = |path: &Module| (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|path| names.contains(path));
    let mut graph = Graph::new();
    for (module, tokens) in modules {
        let children = names
            .iter()
            .filter(|name| name.len() == module.len() + 1 && name.starts_with(&module))
            .filter_map(|name| name.last().map(String::as_str))
            .collect();
        let mut found = Vec::new();
        paths(tokens, &module, &children, &mut found);
        let used = found.iter().map(|path| node(&normal(path)).unwrap()).filter(|used| *used != module).collect();
        graph.insert(module, used);
    }
    graph
}

/// `a::super::b` is `b`.
fn normal(path: &Module) -> Module {
    let mut out = Module::new();
    for part in path {
        match part.as_str() {
            "super" => drop(out.pop()),
            "self" => {}
            _ => out.push(part.clone()),
        }
    }
    out
}

/// The shortest circle through each module that is in one.
fn circles(graph: &Graph) -> BTreeSet<String> {
    let shown = |module: &Module| if module.is_empty() { "crate".to_owned() } else { module.join("::") };
    let mut circles = BTreeSet::new();
    for start in graph.keys() {
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        let mut circle = None;
        while let (None, false) = (&circle, ways.is_empty()) {
            let mut longer = Vec::new();
            for way in ways {
                for next in &graph[*way.last().unwrap()] {
                    if next == start {
                        circle.get_or_insert(way.clone());
                    } else if seen.insert(next) {
                        longer.push([way.as_slice(), &[next]].concat());
                    }
                }
            }
            ways = longer;
        }
        if let Some(mut circle) = circle {
            let first = circle.iter().enumerate().min_by_key(|(_, module)| **module).unwrap().0;
            circle.rotate_left(first);
            circle.push(circle[0]);
            circles.insert(circle.into_iter().map(shown).collect::<Vec<_>>().join(" → "));
        }
    }
    circles
}

/// The root file of every library and program in the repository.
fn roots() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tracked = Command::new("git").args(["ls-files", "*Cargo.toml"]).current_dir(&top).output().unwrap();
    let mut roots = BTreeSet::new();
    for manifest in String::from_utf8(tracked.stdout).unwrap().lines() {
        let out = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", manifest])
            .current_dir(&top)
            .output()
            .unwrap();
        let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).expect(manifest);
        for target in
            metadata["packages"].as_array().unwrap().iter().flat_map(|package| package["targets"].as_array().unwrap())
        {
            if target["kind"][0] != "custom-build" {
                roots.insert(PathBuf::from(target["src_path"].as_str().unwrap()));
            }
        }
    }
    roots.into_iter().collect()
}

#[test]
fn no_crate_has_a_circle_of_modules() {
    let roots = roots();
    assert!(roots.len() > 15, "{roots:?}");
    let mut all = Vec::new();
    for root in roots {
        all.extend(circles(&graph(&root)).into_iter().map(|circle| format!("{}: {circle}", root.display())));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("lib.rs", "mod a; mod b; mod c; pub use c::C;");
    write("a.rs", "use crate::{c, b::{self, B}}; fn f() { vec![b::g()]; }");
    write("b.rs", "fn g() { assert!(crate::c::C.is(super::a::f())); } #[cfg(test)] mod tests { use crate::C; }");
    write("c.rs", "mod inner { use super::super::c::C; } pub struct C; impl C { fn is(&self) { self.a.b(); } }");
    let found = circles(&graph(&folder.path().join("lib.rs")));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a → b → a"]);

    write("c.rs", "fn h() { crate::b::g() }");
    let found = circles(&graph(&folder.path().join("lib.rs")));
    assert!(found.contains("b → c → b"), "{found:?}");
}
