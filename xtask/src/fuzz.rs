//! Fuzzing of the core's parsers of external input.

use std::fs;

use xshell::{Shell, cmd};

use crate::prerequisites;

const CARGO_FUZZ: &str = "0.13.2";
const TARGETS: [&str; 4] = ["code", "record", "response", "server_url"];

/// Inputs found by earlier runs are in `target/fuzz/corpus` and tried first.
pub(crate) fn five_minutes_each() -> anyhow::Result<()> {
    prerequisites::cargo_tool("cargo-fuzz", CARGO_FUZZ)?;
    let shell = Shell::new()?;
    for target in TARGETS {
        let corpus = format!("target/fuzz/corpus/{target}");
        fs::create_dir_all(&corpus)?;
        // Safe Rust needs coverage but no sanitizers, and so no nightly compiler.
        let options = ["--sanitizer", "none", "--fuzz-dir", "fuzz", target, &corpus, &format!("fuzz/seeds/{target}")];
        let limits = ["-max_total_time=300", "-max_len=4096", &format!("-artifact_prefix=target/fuzz/{target}-")];
        cmd!(shell, "target/tools/bin/cargo-fuzz fuzz run {options...} -- {limits...}")
            // These builds use their own flags.
            .env("CARGO_TARGET_DIR", "target/fuzz")
            .run()?;
    }
    Ok(())
}
