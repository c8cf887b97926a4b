//! The npm programs in `xtask/tools/package.json`: the Tauri CLI, a Kotlin compiler, a linter for workflows.

use std::{env, ffi::OsString, fs};

use anyhow::ensure;
use xshell::{Shell, cmd};

use crate::ui;

pub(crate) const TAURI: &str = "xtask/tools/node_modules/@tauri-apps/cli/tauri.js";
const KOTLINC: &str = "xtask/tools/node_modules/kotlin-compiler/bin/kotlinc";

pub(crate) fn install() -> anyhow::Result<()> {
    // No lock file: one from a registry that lacks the Tauri CLI's programs for other systems is rejected by `npm ci`. The
    // versions are exact.
    ui::packages_of("xtask/tools", "package.json", "install")
}

/// Runs the Tauri CLI.
pub(crate) fn tauri<T: AsRef<str>>(arguments: &[T]) -> anyhow::Result<()> {
    let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
    // The CLI reformats Cargo.toml.
    let manifest = fs::read("Cargo.toml")?;
    let shell = Shell::new()?;
    let mut command = cmd!(shell, "node {TAURI} {arguments...}");
    for name in empty_signing_variables(env::vars_os()) {
        command = command.env_remove(name);
    }
    let result = command.run();
    if fs::read("Cargo.toml")? != manifest {
        fs::write("Cargo.toml", manifest)?;
    }
    Ok(result?)
}

/// A workflow's secret that does not exist is an empty variable, and Tauri would sign with the empty certificate.
fn empty_signing_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<OsString> {
    let empty = variables.filter(|(name, value)| name.to_string_lossy().starts_with("APPLE_") && value.is_empty());
    empty.map(|(name, _)| name).collect()
}

/// Checks the syntax with the real compiler. It has no Android libraries, so other errors are expected.
pub(crate) fn kotlin_syntax() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let files = cmd!(shell, "git ls-files gen/android/*.kt").quiet().read()?;
    let files = &files.lines().collect::<Vec<_>>();
    let kotlinc = cmd!(shell, "bash {KOTLINC} -nowarn -d target/kotlin {files...}")
        .env("JAVA_OPTS", "-Xmx512M -XX:TieredStopAtLevel=1 -XX:+UseSerialGC");
    let output = kotlinc.quiet().ignore_status().output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let syntax: Vec<_> = errors.lines().filter(|line| line.contains("syntax error")).collect();
    ensure!(syntax.is_empty(), "{}", syntax.join("\n"));
    // Without this error it has not read the files.
    ensure!(errors.contains("unresolved reference 'android'"), "The Kotlin compiler did not read the files: {errors}");
    println!("{} files", files.len());
    Ok(())
}

pub(crate) fn lint_workflows() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    Ok(cmd!(shell, "node xtask/tools/lint-workflows.mjs").run()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_do_not_exist_sign_nothing() {
        let variables = [("APPLE_CERTIFICATE", ""), ("APPLE_ID", "a@b.se"), ("APPLE_PASSWORD", ""), ("LC_ALL", "")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(empty_signing_variables(variables.into_iter()), ["APPLE_CERTIFICATE", "APPLE_PASSWORD"]);
    }
}
