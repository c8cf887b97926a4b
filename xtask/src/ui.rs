//! The UI's npm packages and its build.

use std::fs;

use xshell::{Shell, cmd};

pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

pub(crate) fn packages() -> anyhow::Result<()> {
    packages_of("ui", "package-lock.json", "ci")
}

/// Installs a folder's npm packages unless the same `versions` file was installed before.
pub(crate) fn packages_of(folder: &str, versions: &str, install: &str) -> anyhow::Result<()> {
    let installed = format!("{folder}/node_modules/.installed-versions");
    let wanted = fs::read_to_string(format!("{folder}/{versions}"))?;
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        println!("npm packages of {folder}: up to date");
        return Ok(());
    }
    // An interrupted installation leaves a part of the packages behind.
    let shell = Shell::new()?;
    shell.remove_path(&installed)?;
    cmd!(shell, "{NPM} --prefix {folder} {install} --no-fund --no-audit").run()?;
    Ok(fs::write(installed, wanted)?)
}

pub(crate) fn build() -> anyhow::Result<()> {
    npm(&["run", "--silent", "build"])
}

/// Builds the UI again and compares it with `ui/dist`: the same sources must give the same bytes.
pub(crate) fn reproducible_build() -> anyhow::Result<()> {
    npm(&[
        "run",
        "--silent",
        "build",
        "--",
        "--logLevel",
        "error",
        "--emptyOutDir",
        "--outDir",
        "../target/ui-rebuilt",
    ])?;
    let shell = Shell::new()?;
    Ok(cmd!(shell, "diff --recursive ui/dist target/ui-rebuilt").run()?)
}

pub(crate) fn npm(arguments: &[&str]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    Ok(cmd!(shell, "{NPM} --prefix ui {arguments...}").run()?)
}
