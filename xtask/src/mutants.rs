//! `cargo xtask mutants`: mutation tests of the pure rules. Which files, and which mutants do not matter: `.cargo/mutants.toml`
//! for Rust, `ui/stryker.config.json` for TypeScript.

use xshell::{Shell, cmd};

use crate::{prerequisites, ui};

const CARGO_MUTANTS: &str = "27.1.0";

pub(crate) fn mutants() -> anyhow::Result<()> {
    prerequisites::cargo_tool("cargo-mutants", CARGO_MUTANTS)?;
    let shell = Shell::new()?;
    let rust =
        cmd!(shell, "target/tools/bin/cargo-mutants mutants --workspace --output target --no-shuffle --colors never");
    // Survivors in Rust must not hide those in TypeScript.
    let rust = rust.env("CARGO_TARGET_DIR", shell.current_dir().join("target/mutants")).run();
    ui::packages()?;
    ui::npm(&["run", "--silent", "mutants"])?;
    Ok(rust?)
}
