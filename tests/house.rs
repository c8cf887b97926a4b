//! The rules of the house that a compiler does not see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::Value;

/// The crates of this workspace that each crate of it builds on, tests aside.
fn builds_on() -> BTreeMap<String, Vec<String>> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&out.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter().filter(|on| on["kind"].is_null());
            (text(&package["name"]), normal.map(|on| text(&on["name"])).collect())
        })
        .collect()
}

#[test]
fn the_core_never_sees_tauri_and_the_backend_never_sees_the_core() {
    let on = builds_on();
    assert!(!on["flex-connect-core"].iter().any(|name| name.starts_with("tauri") || name == "hrm-backend"));
    assert!(!on["hrm-backend"].iter().any(|name| name.starts_with("tauri") || name.starts_with("flex-connect")));
    assert!(
        !on["hrm-api"]
            .iter()
            .any(|name| name.starts_with("tauri") || name.starts_with("flex-connect") || name == "hrm-backend")
    );
}

#[test]
fn nothing_depends_on_the_root_package() {
    for (name, on) in builds_on() {
        assert!(!on.contains(&"flex-connect".to_owned()), "{name} depends on the app");
    }
}

#[test]
fn only_the_ipc_folder_of_the_ui_talks_to_tauri() {
    fn look(folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !path.ends_with("src/ipc") {
                    look(&path);
                }
            } else {
                let text = fs::read_to_string(&path).unwrap_or_default();
                assert!(!text.contains("@tauri-apps"), "{} imports Tauri", path.display());
            }
        }
    }
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src"));
}

fn config() -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tauri.conf.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_page_may_talk_to_this_program_and_to_nobody_else() {
    let csp = config()["app"]["security"]["csp"].as_str().unwrap().to_owned();
    let wanted = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                  connect-src ipc: http://ipc.localhost; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                  require-trusted-types-for 'script'; trusted-types 'none'";
    assert_eq!(csp, wanted);
}

#[test]
fn there_is_one_capability_with_nothing_from_plugins_in_it() {
    let security = &config()["app"]["security"];
    let capabilities = security["capabilities"].as_array().unwrap();
    assert_eq!(capabilities.len(), 1);
    assert_eq!(capabilities[0]["windows"], serde_json::json!(["main"]));
    assert!(capabilities[0]["remote"].is_null());
    let permissions: Vec<_> =
        capabilities[0]["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(permissions, ["app-commands", "core:event:allow-listen", "core:event:allow-unlisten"]);
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => { vec![$(stringify!($name)),*] };
}

#[test]
fn the_permission_lists_every_command_and_no_other() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri/permissions/app.toml")).unwrap();
    let allowed: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\",")).collect();
    assert_eq!(allowed, flex_connect_core::commands!(names));
}

/// Everything below a folder that is TypeScript, as one text.
fn typescript_below(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all += &typescript_below(&path);
        } else if path.extension().is_some_and(|extension| extension == "tsx" || extension == "ts") {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

#[test]
fn the_testers_page_names_every_handle_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ui = typescript_below(&root.join("ui/src"));
    let page = fs::read_to_string(root.join("tests/README.md")).unwrap();
    let (_, table) = page.split_once("## Handles").unwrap();
    let (table, _) = table.split_once("`data-code` of a").unwrap();
    let cells = table.lines().filter_map(|line| line.split('|').nth(2));
    let named: Vec<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();

    let mut handles: Vec<_> = Vec::new();
    for mark in ["testid=\"", "testid: \""] {
        handles.extend(ui.split(mark).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    assert!(handles.len() > 30, "{handles:?}");
    for handle in handles {
        assert!(named.contains(&handle), "tests/README.md does not name {handle:?}");
    }
    for handle in named {
        assert!(ui.contains(&format!("\"{handle}\"")), "no screen has the handle {handle:?}");
    }

    // Names are written like “this”; they are the English ones.
    let english = fs::read_to_string(root.join("ui/src/messages/en.ts")).unwrap();
    let names = table.lines().filter_map(|line| line.split('|').nth(3));
    let names: Vec<_> =
        names.flat_map(|cell| cell.split('“').skip(1).filter_map(|rest| rest.split('”').next())).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(english.contains(&format!(": \"{name}\",")), "nothing is called {name:?} in English");
    }
}

/// Everything below some folders that has tests in it, as one text.
fn sources_of_tests() -> String {
    fn read(path: &Path, all: &mut String) {
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                fs::read_dir(path).unwrap().flatten().for_each(|entry| read(&entry.path(), all));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "ts") {
            *all += &fs::read_to_string(path).unwrap();
        }
    }
    let mut all = String::new();
    for folder in ["tests", "backend", "src-tauri", "ui/test"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    all
}

/// The rows of `flow.md`: a table's first cell, a rule's number, the first five words of a point.
fn rows_of_flow(flow: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for section in flow.split("\n## ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap();
        let lines = body.lines();
        match title {
            "Screens" | "The code" => {
                let cells = lines.filter_map(|line| Some(line.strip_prefix("| ")?.split('|').next()?.trim()));
                rows.extend(cells.filter(|cell| !["#", "rule"].contains(cell)).map(str::to_owned));
            }
            "Rules" => {
                let numbers = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
                rows.extend(numbers.map(|line| line.split(' ').next().unwrap().to_owned()));
            }
            "Nothing lost" => {
                let points = lines.filter_map(|line| line.strip_prefix("- "));
                rows.extend(points.map(|line| line.split(' ').take(5).collect::<Vec<_>>().join(" ")));
            }
            "Words" => {}
            _ => rows.push(title.to_owned()),
        }
    }
    rows
}

#[test]
fn every_rule_of_the_flow_has_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("tests/rules.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows: BTreeMap<_, _> = rows.filter(|(rule, _)| *rule != "flow.md").collect();
    assert!(rows.len() > 35, "{}", rows.len());
    let sources = sources_of_tests();
    for (rule, tests) in &rows {
        let tests: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{rule} has no test");
        for test in tests {
            let rust = ["()", ": "].iter().any(|after| sources.contains(&format!("fn {test}{after}")))
                || sources.contains(&format!("    {test}: "));
            assert!(rust || sources.contains(&format!("test(\"{test}\"")), "{rule}: there is no test {test}");
        }
    }
    // The product's own document lies beside the project where it is developed.
    let Ok(flow) = fs::read_to_string(root.join("../shared/product/flow.md")) else { return };
    let asked: Vec<_> = rows_of_flow(&flow);
    assert!(asked.len() > 35, "{asked:?}");
    for rule in &asked {
        assert!(rows.contains_key(rule.as_str()), "tests/rules.md has no row for {rule:?}");
    }
    for rule in rows.keys() {
        assert!(asked.iter().any(|asked| asked == rule), "flow.md has no {rule:?}");
    }
}
