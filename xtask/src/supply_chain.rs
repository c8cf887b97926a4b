//! Licences, sources and bans of the dependencies, and the bill of materials.

use std::{env, fs};

use anyhow::Context as _;
use xshell::{Shell, cmd};

use crate::{prerequisites, process::target_folder, ui::NPM};

const CARGO_DENY: &str = "0.20.2";
const CARGO_CYCLONEDX: &str = "0.5.9";

/// Checks the rules in `deny.toml`.
pub(crate) fn deny() -> anyhow::Result<()> {
    prerequisites::cargo_tool("cargo-deny", CARGO_DENY)?;
    let shell = Shell::new()?;
    let check = ["check", "--hide-inclusion-graph", "licenses", "sources", "bans"];
    Ok(cmd!(shell, "target/tools/bin/cargo-deny --locked --log-level warn {check...}").run()?)
}

/// Writes two CycloneDX files on this system's app, one for its Rust and one for its UI. Cargo resolves the features of the
/// whole workspace, so the first may list too much.
pub(crate) fn bill_of_materials() -> anyhow::Result<()> {
    prerequisites::cargo_tool("cargo-cyclonedx", CARGO_CYCLONEDX)?;
    let shell = Shell::new()?;
    let name = "sbom-of-this-run";
    // A fixed date, so that the same sources give the same file.
    let result =
        cmd!(shell, "target/tools/bin/cargo-cyclonedx cyclonedx --format json --override-filename {name} --quiet")
            .env("SOURCE_DATE_EPOCH", "0")
            .run();
    let folder = target_folder().join("release/bundle/sbom");
    // A release has the files of all systems in one folder.
    let system = format!("{}-{}", env::consts::OS, env::consts::ARCH);
    fs::create_dir_all(&folder)?;
    let copied = result.map_err(anyhow::Error::from).and_then(|()| {
        fs::copy(format!("{name}.json"), folder.join(format!("flex-connect-{system}.cdx.json")))
            .context("cargo-cyclonedx wrote no file")
    });
    // It writes one file next to every Cargo.toml of the workspace.
    for made in cmd!(shell, "git ls-files --others --exclude-standard -- *{name}.json").read()?.lines() {
        fs::remove_file(made)?;
    }
    copied?;
    let ui = cmd!(shell, "{NPM} --prefix ui sbom --sbom-format cyclonedx --omit dev --package-lock-only").read()?;
    Ok(fs::write(folder.join(format!("ui-{system}.cdx.json")), ui)?)
}
