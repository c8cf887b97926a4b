//! The programs in `xtask/tools/package.json`: the Tauri CLI, a Kotlin compiler, a linter for workflows.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::{steps::sh_with, ui};

const TAURI: &str = "xtask/tools/node_modules/@tauri-apps/cli/tauri.js";
const KOTLINC: &str = "xtask/tools/node_modules/kotlin-compiler/bin/kotlinc";

pub(crate) fn install() -> anyhow::Result<()> {
    // No lock file: one that is made where the registry lacks the Tauri CLI's programs for other systems is refused by
    // `npm ci`. The versions are exact.
    ui::packages_of("xtask/tools", "package.json", "install")
}

/// Passes on to the Tauri CLI of the version that this project names.
pub(crate) fn tauri(arguments: &[&str]) -> anyhow::Result<()> {
    // It would put its own spelling into Cargo.toml, and asks nobody.
    let before = fs::read("Cargo.toml")?;
    let done = sh_with("node", &[&[TAURI], arguments].concat(), &[]);
    if fs::read("Cargo.toml")? != before {
        fs::write("Cargo.toml", before)?;
    }
    done
}

/// Lets the real compiler read the Kotlin of the Android project. It knows no Android, so only its word on the syntax
/// counts.
pub(crate) fn kotlin_syntax() -> anyhow::Result<()> {
    let mut files = Vec::new();
    kotlin_below(Path::new("gen/android"), &mut files)?;
    let compiler = Command::new("bash")
        .args([KOTLINC, "-nowarn", "-d", "target/kotlin"])
        .args(&files)
        .env("JAVA_OPTS", "-Xmx512M -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .output()
        .context("the Kotlin compiler could not be started")?;
    let said = String::from_utf8_lossy(&compiler.stderr);
    let wrong: Vec<_> = said.lines().filter(|line| line.contains("syntax error")).collect();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    // It complains of Android's own classes, or it has not read the files at all.
    if !said.contains("unresolved reference 'android'") {
        bail!("The Kotlin compiler did not read the files. It said: {said}");
    }
    println!("{} files", files.len());
    Ok(())
}

fn kotlin_below(folder: &Path, found: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // The Tauri CLI writes its own files there.
        if path.is_dir() && !path.ends_with("generated") && !path.ends_with("build") {
            kotlin_below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "kt") {
            found.push(path.display().to_string());
        }
    }
    Ok(())
}

pub(crate) fn workflows() -> anyhow::Result<()> {
    sh_with("node", &["xtask/tools/lint-workflows.mjs"], &[])
}
