//! `cargo xtask bench`: the figures of the README, measured again.

use std::path::PathBuf;

use crate::{
    machine::{self, For},
    steps::{Steps, sh, sh_with, target_folder},
    ui,
};

/// Builds the app as it is released.
pub(crate) const THE_APP: &[&str] = &["build", "--release", "--bins", "--package", "flex-connect"];

/// What [`THE_APP`] makes.
pub(crate) fn app() -> PathBuf {
    target_folder().join(format!("release/flex-connect{}", std::env::consts::EXE_SUFFIX))
}

pub(crate) fn bench(only: Option<&str>) -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.step("the machine has what it needs", || machine::prepare(For::Testing))?;
    steps.step("packages of the UI", ui::packages)?;
    steps.step("the UI", ui::build)?;
    // Apart: built together they would have other features of their libraries than the packages have.
    let with_floor = [THE_APP, &["--package", "flex-connect-floor"]].concat();
    steps.step("the app and a bare window, as they are released", || sh("cargo", &with_floor))?;
    let backend = ["build", "--profile", "server", "--package", "hrm-backend"];
    steps.step("the backend, as it is released", || sh("cargo", &backend))?;
    let app = app().display().to_string();
    for (name, what) in [("app", "the app beside a bare window"), ("backend", "the backend beside what it stands on")] {
        if only.is_none_or(|only| only == name) {
            let measure =
                ["bench", "--quiet", "--profile", "server", "--package", "flex-connect-bench", "--bench", name];
            steps.step(what, || sh_with("cargo", &measure, &[("FLEX_CONNECT_APP", &app)]))?;
        }
    }
    println!("\nThe tables for the README are in target/bench.");
    Ok(())
}
