//! `cargo xtask bench`: the figures of bench/RESULTS.md.

use xshell::{Shell, cmd};

use crate::{
    prerequisites::{self, Purpose},
    process::{built, target_folder},
    steps::Steps,
    ui,
};

pub(crate) fn bench(only: Option<&str>) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    // The bench is a workspace of its own, with its own target folder unless told otherwise.
    let target = shell.current_dir().join(target_folder());
    let mut steps = Steps::new()?;
    steps.step("prerequisites of the machine", || prerequisites::prepare(Purpose::Testing))?;
    steps.step("npm packages of the UI", ui::packages)?;
    steps.step("build of the UI", ui::build)?;
    steps.step("release builds of app and backend", || {
        cmd!(shell, "cargo build --release --bins --package flex-connect").run()?;
        Ok(cmd!(shell, "cargo build --profile server --package hrm-backend").run()?)
    })?;
    steps.step("release build of the baseline window", || {
        cmd!(shell, "cargo build --release --manifest-path bench/Cargo.toml --package flex-connect-baseline")
            .env("CARGO_TARGET_DIR", &target)
            .run()?;
        Ok(())
    })?;
    for (name, what) in [("app", "app against a bare Tauri window"), ("backend", "backend against a bare axum server")]
    {
        if only.is_none_or(|only| only == name) {
            let measure = cmd!(
                shell,
                "cargo bench --quiet --profile server --manifest-path bench/Cargo.toml --package flex-connect-bench --bench {name}"
            );
            let measure = measure.env("CARGO_TARGET_DIR", &target).env("FLEX_CONNECT_APP", built(true, "flex-connect"));
            steps.step(what, || Ok(measure.run()?))?;
        }
    }
    println!("\nThe tables are in target/bench.");
    Ok(())
}
