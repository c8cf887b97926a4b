//! Writes the TypeScript of the bridge, and fails when the committed files are stale.
//!
//! `UPDATE_BRIDGE=1 cargo test -p flex-connect-core bridge` writes them anew.

use std::{fmt::Write as _, fs, path::PathBuf};

use ts_rs::{Config, TS};

fn generated(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/ipc/generated").join(name)
}

fn assert_committed(name: &str, text: &str) {
    let path = generated(name);
    if std::env::var_os("UPDATE_BRIDGE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, text, "{name} is stale: UPDATE_BRIDGE=1 cargo test -p flex-connect-core bridge");
}

macro_rules! declarations {
    ($($ty:ty),* $(,)?) => {{
        let cfg = Config::new().with_large_int("number");
        let mut out = String::from("// Written from Rust by flex-connect-core's test `bridge`. Do not edit.\n");
        $(
            out.push('\n');
            if let Some(docs) = <$ty as TS>::docs() { out.push_str(&docs); }
            writeln!(out, "export {}", <$ty as TS>::decl(&cfg)).unwrap();
        )*
        out
    }};
}

#[test]
fn the_types_of_the_bridge_are_committed() {
    use crate::{Edition, Linking, Notice, Phase, Place, Problem, View};
    use hrm_api::{Account, Challenge, Delivery, Employee, Language, Origin, Status};
    assert_committed(
        "types.ts",
        &declarations![
            View, Edition, Place, Phase, Notice, Linking, Problem, Language, Status, Challenge, Delivery, Account,
            Origin, Employee,
        ],
    );
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |out, word| out + &word[..1].to_uppercase() + &word[1..])
}

fn type_script(rust: &str) -> String {
    match rust.replace(' ', "").as_str() {
        "String" | "SecretString" => "string".into(),
        "Option<Language>" => "types.Language | null".into(),
        name => format!("types.{name}"),
    }
}

macro_rules! functions {
    ($($(#[doc = $doc:literal])* $name:ident($($arg:ident: $ty:ty),*);)*) => {{
        let mut out = String::from(
            "// Written from Rust by flex-connect-core's test `bridge`. Do not edit.\n\n\
             import { invoke } from \"@tauri-apps/api/core\";\n\
             import type * as types from \"./types\";\n",
        );
        $({
            let arguments: &[(&str, &str)] = &[$((stringify!($arg), stringify!($ty))),*];
            let typed: Vec<_> = arguments.iter().map(|(name, ty)| format!("{}: {}", camel(name), type_script(ty))).collect();
            let passed: Vec<_> = arguments.iter().map(|(name, _)| camel(name)).collect();
            let passed = if passed.is_empty() { String::new() } else { format!(", {{ {} }}", passed.join(", ")) };
            $(writeln!(out, "\n/**{} */", $doc).unwrap();)*
            writeln!(
                out,
                "export const {} = ({}): Promise<types.View> => invoke(\"{}\"{});",
                camel(stringify!($name)), typed.join(", "), stringify!($name), passed,
            ).unwrap();
        })*
        out
    }};
}

#[test]
fn the_functions_of_the_bridge_are_committed() {
    assert_committed("commands.ts", &crate::commands!(functions));
}
