//! The project's commands: `cargo xtask help`.

#![allow(clippy::print_stdout, reason = "command line program")]

mod android;
mod bench;
mod bundle;
mod dev;
mod fuzz;
mod mutants;
mod phone;
mod prerequisites;
mod process;
mod qa;
mod report;
mod run;
mod step_process;
mod steps;
mod supply_chain;
mod targets;
mod test;
mod tools;
mod ui;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Command {
    /// Start the demo backend and the app, signed out, with Anna's user name filled in.
    Run(run::RunArgs),
    /// Develop: the demo backend, and the app with hot reload of the UI and rebuilds of the Rust code.
    Dev(dev::DevArgs),
    /// Run everything that must pass before a commit.
    Test(test::TestArgs),
    #[command(hide = true)]
    Step { name: String },
    /// Make target/qa-report/index.html from what the tests in a window have written there.
    Report,
    /// Test environment for any WebDriver client: scenarios, clock, faults.
    Qa(qa::QaArgs),
    /// Measure the figures of bench/RESULTS.md.
    Bench {
        #[arg(long, value_parser = ["app", "backend", "company"])]
        only: Option<String>,
    },
    /// Mutation tests of the pure rules: cargo-mutants for Rust, Stryker for TypeScript.
    Mutants,
    /// Type-check the whole app for Android, iOS, Windows and macOS.
    CheckTargets {
        /// Build the tests for Windows instead and run them in Wine.
        #[arg(long, group = "instead")]
        wine: bool,
        /// Link the library for Android instead, without an NDK, and check what the linker made.
        #[arg(long, group = "instead")]
        link_android: bool,
        /// Check a library for Android that the NDK has linked instead.
        #[arg(long, group = "instead", value_name = "FILE")]
        android_library: Option<PathBuf>,
    },
    /// Build this system's packages and their bill of materials.
    Bundle {
        /// Instead, install the newest .deb, run the tests in a window against it and remove it.
        #[arg(long)]
        check: bool,
    },
    /// The Tauri CLI in the version of xtask/tools, e.g. `android build`.
    #[command(disable_help_flag = true)]
    Tauri {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let command = Command::parse();
    // All paths are relative to the root, whatever the caller's folder.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match std::env::set_current_dir(root).map_err(anyhow::Error::from).and_then(|()| run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Dev(args) => dev::dev(&args),
        Command::Test(args) => test::test(&args),
        Command::Step { name } => test::step(&name),
        Command::Report => report::write(),
        Command::Qa(args) => qa::qa(args),
        Command::Bench { only } => bench::bench(only.as_deref()),
        Command::Mutants => mutants::mutants(),
        Command::CheckTargets { wine: true, .. } => targets::wine(),
        Command::CheckTargets { link_android: true, .. } => android::link(),
        Command::CheckTargets { android_library: Some(file), .. } => android::check_library(&file),
        Command::CheckTargets { .. } => targets::check(),
        Command::Bundle { check: true } => bundle::check(),
        Command::Bundle { check: false } => bundle::bundle(),
        Command::Tauri { arguments } => {
            tools::install()?;
            tools::tauri(&arguments)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Command;

    #[test]
    fn combinations_without_meaning_are_rejected() {
        Command::command().debug_assert();
        let parses = |line: &str| Command::try_parse_from(line.split(' ')).is_ok();
        for valid in [
            "x run --edition mobile --release",
            "x test --only window --times 3 --long",
            "x qa --list",
            "x qa --scenario code-sent --edition desktop -- npx wdio run --x",
            "x qa fault mail=refuse network=offline --demo http://127.0.0.1:1",
            "x qa clock +24h",
            "x tauri android build --debug",
            "x check-targets --link-android",
            "x check-targets --android-library x.so",
        ] {
            assert!(parses(valid), "{valid}");
        }
        for invalid in [
            "x run --wine",
            "x run --edition phone",
            "x report --release",
            "x qa",
            "x qa --list --scenario code-sent",
            "x qa --list --release",
            "x qa --release",
            "x qa --scenario code-sent reset",
            "x qa clock",
            "x bench --only phone",
            "x check-targets --wine --link-android",
        ] {
            assert!(!parses(invalid), "{invalid}");
        }
    }
}
