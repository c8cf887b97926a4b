//! Made-up input for everything in the core that reads what comes from outside.

use std::fs;

use crate::{machine, steps::sh_with};

const CARGO_FUZZ: &str = "0.13.2";
/// Away from the other builds: these have other flags.
const TARGET: [(&str, &str); 1] = [("CARGO_TARGET_DIR", "target/fuzz")];
const READERS: [&str; 4] = ["answer", "code", "record", "server"];

/// Fuzzes each reader for five minutes. What was found in an earlier run is in `target/fuzz/corpus` and tried again first.
pub(crate) fn five_minutes_each() -> anyhow::Result<()> {
    machine::tool("cargo-fuzz", CARGO_FUZZ)?;
    for reader in READERS {
        let corpus = format!("target/fuzz/corpus/{reader}");
        let seeds = format!("fuzz/seeds/{reader}");
        let artifacts = format!("-artifact_prefix=target/fuzz/{reader}-");
        fs::create_dir_all(&corpus)?;
        // The code is safe Rust: coverage is wanted, the sanitizers (and a nightly compiler) are not.
        let to_run = ["run", "--sanitizer", "none", "--fuzz-dir", "fuzz", reader, &corpus, &seeds, "--"];
        let limits = ["-max_total_time=300", "-max_len=4096", &artifacts];
        sh_with("target/tools/bin/cargo-fuzz", &[&["fuzz"][..], &to_run, &limits].concat(), &TARGET)?;
    }
    Ok(())
}
