//! The npm programs in `xtask/tools/package.json`: the Tauri CLI, a Kotlin compiler, a linter for workflows.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::{android, targets, ui};

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

/// Checks the Kotlin of the Android project with the real compiler.
pub(crate) fn kotlin() -> anyhow::Result<()> {
    kotlin_syntax()?;
    match android_jar() {
        Ok(android_jar) => kotlin_types(&android_jar),
        Err(error) => {
            println!("No classes of Android, so only the syntax was checked: {error:#}");
            Ok(())
        }
    }
}

/// Of all files. Without Android's and Gradle's libraries other errors are expected.
fn kotlin_syntax() -> anyhow::Result<()> {
    let files = kotlin_files("gen/android/*.kt")?;
    let errors = kotlinc(&files)?;
    let syntax: Vec<_> = errors.lines().filter(|line| line.contains("syntax error")).collect();
    ensure!(syntax.is_empty(), "{}", syntax.join("\n"));
    // Without this error it has not read the files.
    ensure!(errors.contains("unresolved reference 'android'"), "The Kotlin compiler did not read the files: {errors}");
    println!("syntax: {} files", files.len());
    Ok(())
}

/// Of the app's files, with Android's own classes, Tauri's sources, and `xtask/kotlin` for what comes from Google's Maven
/// repository or is made in a build.
fn kotlin_types(android_jar: &Path) -> anyhow::Result<()> {
    let tauri = android::crates()?.remove("tauri").context("the app does not use Tauri")?;
    let tauri = tauri.join("mobile/android/src/main/java/app/tauri");
    let sources =
        ["Logger.kt", "plugin/Invoke.kt", "plugin/JSArray.kt", "plugin/JSObject.kt", "plugin/PluginResult.kt"];
    let annotations = fs::read_dir(tauri.join("annotation"))?.map(|entry| Ok(entry?.path().display().to_string()));
    let app = kotlin_files("gen/android/app/*.kt")?;
    let mut arguments = ["-no-jdk", "-classpath"].map(str::to_owned).to_vec();
    arguments.push(android_jar.display().to_string());
    arguments.extend(annotations.collect::<anyhow::Result<Vec<_>>>()?);
    arguments.extend(sources.map(|source| tauri.join(source).display().to_string()));
    arguments.extend(kotlin_files("xtask/kotlin/*.kt")?);
    arguments.extend(app.iter().cloned());
    let errors = kotlinc(&arguments)?;
    ensure!(!errors.contains("error:"), "{errors}");
    println!("types: {} files, with {}", app.len(), android_jar.display());
    Ok(())
}

/// Of the SDK, else of Debian.
fn android_jar() -> anyhow::Result<PathBuf> {
    if let Some(sdk) = env::var_os("ANDROID_HOME") {
        let platforms = fs::read_dir(Path::new(&sdk).join("platforms")).into_iter().flatten().flatten();
        let jars = platforms.map(|platform| platform.path().join("android.jar")).filter(|jar| jar.exists());
        if let Some(jar) = jars.max() {
            return Ok(jar);
        }
    }
    let jar = targets::cache()?.join("android-23.jar");
    if !jar.exists() {
        let shell = Shell::new()?;
        cmd!(shell, "bash xtask/cross/android-jar.sh {jar}").run()?;
    }
    Ok(jar)
}

fn kotlin_files(pattern: &str) -> anyhow::Result<Vec<String>> {
    let shell = Shell::new()?;
    Ok(cmd!(shell, "git ls-files {pattern}").quiet().read()?.lines().map(str::to_owned).collect())
}

/// Returns what the compiler says.
fn kotlinc(arguments: &[String]) -> anyhow::Result<String> {
    let shell = Shell::new()?;
    let kotlinc = cmd!(shell, "bash {KOTLINC} -nowarn -d target/kotlin {arguments...}")
        .env("JAVA_OPTS", "-Xmx512M -XX:TieredStopAtLevel=1 -XX:+UseSerialGC");
    let output = kotlinc.quiet().ignore_status().output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
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
