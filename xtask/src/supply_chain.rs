//! What the programs are made of: licences, sources, what must not be in them, and the list of it all.

use std::{env, fs, process::Command};

use anyhow::Context as _;

use crate::{
    machine,
    steps::{sh, sh_with, target_folder},
    ui,
};

const CARGO_DENY: &str = "0.20.2";
const CARGO_CYCLONEDX: &str = "0.5.9";

/// The rules in `deny.toml`.
pub(crate) fn deny() -> anyhow::Result<()> {
    machine::tool("cargo-deny", CARGO_DENY)?;
    let deny = |arguments: &[&str]| {
        let first = ["--locked", "--log-level", "warn"];
        sh("target/tools/bin/cargo-deny", &[&first, arguments].concat())
    };
    deny(&["check", "--hide-inclusion-graph", "licenses", "sources"])?;
    // The bans are about the app: the demo's mail catcher brings a TLS of its own, and is in no app.
    deny(&["--exclude-dev", "--exclude", "hrm-backend", "--exclude", "xtask", "check", "bans"])
}

/// A CycloneDX list of what is in the app on this system, one for its Rust and one for its page. It names too much rather
/// than too little: cargo's own data has the features that the whole workspace wants.
pub(crate) fn bill_of_materials() -> anyhow::Result<()> {
    machine::tool("cargo-cyclonedx", CARGO_CYCLONEDX)?;
    let name = "sbom-of-this-run";
    let rust = ["cyclonedx", "--format", "json", "--override-filename", name, "--quiet"];
    // No dates and no random numbers: the same sources give the same list.
    let made = sh_with("target/tools/bin/cargo-cyclonedx", &rust, &[("SOURCE_DATE_EPOCH", "0")]);
    // It writes one beside each Cargo.toml of the workspace; the app's is the one that is shipped.
    let lists = target_folder().join("release/bundle/sbom");
    fs::create_dir_all(&lists)?;
    let app = made.and_then(|()| {
        fs::copy(format!("{name}.json"), lists.join(format!("flex-connect-{}.cdx.json", env::consts::OS)))
            .context("no list was made")
    });
    for folder in [".", "src-tauri/core", "backend", "backend/api", "xtask"] {
        fs::remove_file(format!("{folder}/{name}.json")).ok();
    }
    app?;
    let page = Command::new(ui::NPM)
        .args(["--prefix", "ui", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"])
        .output()
        .context("npm could not be started")?;
    anyhow::ensure!(page.status.success(), "npm made no list: {}", String::from_utf8_lossy(&page.stderr));
    fs::write(lists.join("ui.cdx.json"), page.stdout)?;
    Ok(())
}
