//! `cargo xtask bench`: the figures of the README, measured again.

use crate::{
    machine::{self, For},
    steps::{Steps, sh},
    ui,
};

pub(crate) fn bench(only: Option<&str>) -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.step("the machine has what it needs", || machine::prepare(For::Testing))?;
    steps.step("packages of the UI", ui::packages)?;
    steps.step("the UI", ui::build)?;
    // Apart: built together they would have other features of their libraries than the packages have.
    for programs in [&["flex-connect", "flex-connect-floor"][..], &["hrm-backend"]] {
        let packages: Vec<_> = programs.iter().flat_map(|program| ["--package", program]).collect();
        let what = format!("{}, as they are released", programs.join(" and "));
        steps.step(&what, || sh("cargo", &[&["build", "--release", "--bins"], &packages[..]].concat()))?;
    }
    for (name, what) in [("app", "the app beside a bare window"), ("backend", "the backend beside what it stands on")] {
        if only.is_none_or(|only| only == name) {
            let measure =
                ["bench", "--quiet", "--profile", "release", "--package", "flex-connect-bench", "--bench", name];
            steps.step(what, || sh("cargo", &measure))?;
        }
    }
    Ok(())
}
