//! Rules about the source tree that no compiler checks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The text of every file below a folder with one of these extensions, without `node_modules`.
fn sources(folder: &Path, extensions: &[&str]) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            all += &sources(&path, extensions);
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one)) {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

mod crates {
    use super::*;

    /// Each workspace crate's dependencies, without those for tests and builds.
    fn dependencies() -> BTreeMap<String, Vec<String>> {
        let cargo = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
            .current_dir(root())
            .output()
            .unwrap();
        let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
        let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
        let packages = metadata["packages"].as_array().unwrap();
        packages
            .iter()
            .map(|package| {
                let normal = package["dependencies"].as_array().unwrap().iter().filter(|one| one["kind"].is_null());
                (name(package), normal.map(name).collect())
            })
            .collect()
    }

    #[test]
    fn neither_core_nor_backend_depends_on_what_is_above_it() {
        let dependencies = dependencies();
        let is_tauri = |name: &str| name.starts_with("tauri");
        let is_client = |name: &str| name.starts_with("flex-connect");
        assert!(!dependencies["flex-connect-core"].iter().any(|name| is_tauri(name) || name == "hrm-backend"));
        assert!(!dependencies["hrm-backend"].iter().any(|name| is_tauri(name) || is_client(name)));
        let api = &dependencies["hrm-api"];
        assert!(!api.iter().any(|name| is_tauri(name) || is_client(name) || name == "hrm-backend"));
    }

    #[test]
    fn nothing_depends_on_the_app() {
        for (name, dependencies) in dependencies() {
            assert!(!dependencies.contains(&"flex-connect".to_owned()), "{name} depends on the app");
        }
    }
}

#[test]
fn only_the_ipc_folder_of_the_ui_imports_tauri() {
    fn check(folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !path.ends_with("src/ipc") {
                    check(&path);
                }
            } else {
                let text = fs::read_to_string(&path).unwrap_or_default();
                assert!(!text.contains("@tauri-apps"), "{} imports Tauri", path.display());
            }
        }
    }
    check(&root().join("ui/src"));
}

mod security {
    use super::*;

    fn config() -> Value {
        serde_json::from_str::<Value>(&text("tauri.conf.json")).unwrap()["app"]["security"].take()
    }

    /// The sources of each directive.
    fn policy(name: &str) -> BTreeMap<String, BTreeSet<String>> {
        let policy = config()[name].as_str().unwrap().to_owned();
        let directives = policy.split(';').map(|directive| {
            let mut words = directive.split_whitespace().map(str::to_owned);
            (words.next().unwrap(), words.collect())
        });
        directives.collect()
    }

    #[test]
    fn the_page_can_load_and_reach_nothing_outside_the_app() {
        let policy = policy("csp");
        let is = |directive: &str, source: &str| policy[directive].iter().eq([source]);
        // The last three do not fall back to default-src.
        for directive in ["default-src", "trusted-types", "base-uri", "form-action", "frame-ancestors"] {
            assert!(is(directive, "'none'"), "{directive}: {:?}", policy[directive]);
        }
        assert!(is("script-src", "'self'") && is("require-trusted-types-for", "'script'"), "{policy:?}");
        for (directive, sources) in &policy {
            for source in sources {
                let is_local = match directive.as_str() {
                    "connect-src" => ["ipc:", "http://ipc.localhost"].contains(&source.as_str()),
                    "img-src" => ["'self'", "data:"].contains(&source.as_str()),
                    "require-trusted-types-for" => source == "'script'",
                    _ => ["'none'", "'self'"].contains(&source.as_str()),
                };
                assert!(is_local, "{directive} {source}");
            }
        }
    }

    #[test]
    fn the_development_policy_adds_only_what_hot_reload_needs() {
        let (release, mut development) = (policy("csp"), policy("devCsp"));
        assert!(development.get_mut("connect-src").unwrap().remove("ws://localhost:1420"));
        let style = development.get_mut("style-src").unwrap();
        style.retain(|source| !source.starts_with("'nonce-"));
        assert_eq!(development, release);
    }

    #[test]
    fn no_capability_has_a_plugin_permission() {
        let config = config();
        let capabilities = config["capabilities"].as_array().unwrap();
        assert_eq!(capabilities.len(), 2);
        for capability in capabilities {
            assert_eq!(capability["windows"], serde_json::json!(["main"]));
            assert!(capability["remote"].is_null());
        }
        let permissions = ["app-commands", "core:event:allow-listen", "core:event:allow-unlisten"];
        assert_eq!(capabilities[0]["permissions"], serde_json::json!(permissions));
        let back = ["core:app:allow-register-listener", "core:app:allow-remove-listener"];
        assert_eq!(capabilities[1]["permissions"], serde_json::json!(back));
        assert_eq!(capabilities[1]["platforms"], serde_json::json!(["android"]));
    }

    macro_rules! names {
        ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => { vec![$(stringify!($name)),*] };
    }

    #[test]
    fn the_app_permission_lists_every_command() {
        let permission = text("src-tauri/permissions/app.toml");
        let allowed = permission.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
        assert_eq!(allowed.collect::<Vec<_>>(), flex_connect_core::commands!(names));
    }
}

#[test]
fn every_file_of_tests_is_in_a_program() {
    for (folder, manifest) in [("tests", "."), ("backend/tests", "backend"), ("src-tauri/core/tests", "src-tauri/core")]
    {
        let programs = text(&format!("{folder}/main.rs")) + &text(&format!("{manifest}/Cargo.toml"));
        for file in fs::read_dir(root().join(folder)).unwrap().flatten() {
            let name = file.file_name().into_string().unwrap();
            let Some(module) = name.strip_suffix(".rs") else { continue };
            let is_in_one = [format!("mod {module};"), format!("/{name}\"")].iter().any(|one| programs.contains(one));
            assert!(is_in_one, "{folder}/main.rs lacks mod {module};");
        }
    }
}

#[test]
fn the_testers_page_lists_every_test_id() {
    let ui = sources(&root().join("ui/src"), &["ts", "tsx"]);
    let page = text("tests/README.md");
    let (_, table) = page.split_once("## Test ids").unwrap();
    let (table, _) = table.split_once("`data-code` of a").unwrap();
    let cells = table.lines().filter_map(|line| line.split('|').nth(2));
    let listed: Vec<_> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();

    let used = ["testid=\"", "testid: \""].map(|attribute| ui.split(attribute).skip(1));
    let used: Vec<_> = used.into_iter().flatten().filter_map(|rest| rest.split('"').next()).collect();
    assert!(used.len() > 30, "{used:?}");
    for test_id in used {
        assert!(listed.contains(&test_id), "tests/README.md does not list {test_id:?}");
    }
    for test_id in listed {
        assert!(ui.contains(&format!("\"{test_id}\"")), "no screen has the test id {test_id:?}");
    }

    // Accessible names are written like “this”, in English.
    let english =
        text("ui/src/messages/en.ts").replace("${SNOOZE_HOURS}", &hrm_api::SNOOZE_HOURS.to_string()).replace('`', "\"");
    let names = table.lines().filter_map(|line| line.split('|').nth(3));
    let names: Vec<_> =
        names.flat_map(|cell| cell.split('“').skip(1).filter_map(|rest| rest.split('”').next())).collect();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(english.contains(&format!(": \"{name}\",")), "no English message is {name:?}");
    }
}

mod product_rules {
    use super::*;

    /// The product's rules: a screen with its edition, a table's first cell, the first five words of a list item.
    fn rules_of(flow: &str) -> Vec<String> {
        let mut rules = Vec::new();
        for section in flow.split("\n## ").skip(1) {
            let (title, body) = section.split_once('\n').unwrap();
            let lines = body.lines();
            match title {
                "Screens" => rules.extend(lines.filter_map(|line| {
                    let cells: Vec<_> = line.strip_prefix("| ")?.split('|').map(str::trim).collect();
                    (cells[0] != "#").then(|| format!("{}: {}", cells[1], cells[2]))
                })),
                "The code" => {
                    let cells = lines.filter_map(|line| Some(line.strip_prefix("| ")?.split('|').next()?.trim()));
                    rules.extend(cells.filter(|cell| *cell != "rule").map(str::to_owned));
                }
                "Rules" | "Nothing lost" => {
                    let items =
                        lines.filter(|line| line.starts_with(|first: char| first == '-' || first.is_ascii_digit()));
                    rules.extend(items.map(|line| line.split(' ').skip(1).take(5).collect::<Vec<_>>().join(" ")));
                }
                "Words" => {}
                _ => rules.push(title.to_owned()),
            }
        }
        rules
    }

    #[test]
    fn every_rule_names_a_test_that_exists() {
        let page = text("tests/rules.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        let rows: BTreeMap<_, _> = rows.filter(|(rule, _)| *rule != "rule").collect();
        assert!(rows.len() > 35, "{}", rows.len());
        let folders = ["tests", "backend", "src-tauri", "ui/test"];
        let sources: String = folders.map(|folder| sources(&root().join(folder), &["rs", "ts"])).concat();
        for (rule, tests) in &rows {
            let tests: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
            assert!(!tests.is_empty(), "{rule} has no test");
            for test in tests {
                let exists = [
                    format!("fn {test}()"),
                    format!("fn {test}: "),
                    format!("    {test}: "),
                    format!("test(\"{test}\""),
                ];
                assert!(exists.iter().any(|one| sources.contains(one)), "{rule}: there is no test {test}");
            }
        }
        // The product's own document is not part of this repository.
        let Ok(flow) = fs::read_to_string(root().join("../shared/product/flow.md")) else { return };
        let rules: BTreeSet<_> = rules_of(&flow).into_iter().collect();
        assert!(rules.len() > 35, "{rules:?}");
        assert_eq!(rows.into_keys().map(str::to_owned).collect::<BTreeSet<_>>(), rules);
    }
}
