//! `cargo xtask bench`: the figures of bench/RESULTS.md.

use xshell::{Shell, cmd};

use crate::{
    prerequisites::{self, Purpose},
    process::target_folder,
    steps::Steps,
    ui,
};

/// Runs cargo in the benchmarks' workspace, with the root's target folder: a benchmark starts the programs that it finds there.
fn cargo(subcommand: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let target = shell.current_dir().join(target_folder());
    let cargo = cmd!(shell, "cargo {subcommand} --manifest-path bench/Cargo.toml {arguments...}");
    let app = target.join("release/flex-connect");
    Ok(cargo.env("CARGO_TARGET_DIR", target).env("FLEX_CONNECT_APP", app).run()?)
}

pub(crate) fn clippy() -> anyhow::Result<()> {
    cargo("clippy", &["--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
}

/// The load shape of a company, a test that is too long for every day. With the whole workspace, see `test::cargo_test`.
pub(crate) fn company(variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let test = cmd!(shell, "cargo test --workspace --quiet --test backend -- company:: --ignored --nocapture");
    Ok(test.envs(variables.iter().copied()).run()?)
}

pub(crate) fn bench(only: Option<&str>) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let mut steps = Steps::new();
    steps.step("prerequisites of the machine", || prerequisites::prepare(Purpose::Testing))?;
    steps.step("npm packages of the UI", ui::packages)?;
    steps.step("build of the UI", ui::build)?;
    steps.step("release builds", || {
        cmd!(shell, "cargo build --release --bins --package flex-connect").run()?;
        cmd!(shell, "cargo build --profile server --package hrm-backend").run()?;
        cargo("build", &["--release", "--package", "flex-connect-baseline"])
    })?;
    for (name, step) in [("app", "app against a bare Tauri window"), ("backend", "backend against a bare axum server")]
    {
        if only.is_none_or(|only| only == name) {
            let bench = ["--quiet", "--profile", "server", "--package", "flex-connect-bench", "--bench", name];
            steps.step(step, || cargo("bench", &bench))?;
        }
    }
    // A test without figures: `burst` measures as many people.
    if only == Some("company") {
        steps.step("company of 5,000 behind three addresses", || {
            company(&[("COMPANY_PEOPLE", "5000")])?;
            company(&[("COMPANY_PEOPLE", "5000"), ("HRM_TEST_POSTGRES", "1")])
        })?;
    }
    println!("\nThe tables are in target/bench.");
    Ok(())
}
