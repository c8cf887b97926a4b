//! `cargo xtask dev`: the demo backend, and the app from Vite with hot reload. The Tauri CLI rebuilds the app when Rust changes.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::{
    prerequisites::{self, Purpose},
    process::{ChildGuard, wait_for_ctrl_c},
    run::{USERNAME, has_display, start_demo},
    steps::Steps,
    tools, ui,
};

#[derive(Args)]
pub(crate) struct DevArgs {
    #[arg(long, value_parser = ["mobile", "desktop"])]
    edition: Option<String>,
}

pub(crate) fn dev(args: &DevArgs) -> anyhow::Result<()> {
    ensure!(has_display(), "There is no display for the app's window.");
    let shell = Shell::new()?;
    let mut steps = Steps::new();
    steps.step("prerequisites of the machine", || prerequisites::prepare(Purpose::Running))?;
    steps.step("npm packages of the UI", ui::packages)?;
    steps.step("Tauri CLI", tools::install)?;
    steps.step("build of the backend", || Ok(cmd!(shell, "cargo build --package hrm-backend --bins").run()?))?;
    let (mut backend, url) = start_demo(false)?;
    let mut cli = Command::new("node");
    cli.args([tools::TAURI, "dev", "--", "--", "--server", &url, "--username", USERNAME]);
    cli.args(args.edition.iter().flat_map(|edition| ["--edition", edition])).stdin(Stdio::null());
    // A group of its own, so that all its processes can be stopped: the CLI, Vite, cargo and the app.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut cli, 0);
    let mut cli = ChildGuard(cli.spawn().context("the Tauri CLI did not start")?);
    let group = format!("-{}", cli.0.id());
    let result = wait_for_ctrl_c(&mut backend, Some(&mut cli));
    if cfg!(unix) {
        // Fails if all of them have exited.
        cmd!(shell, "kill -TERM -- {group}").quiet().ignore_status().ignore_stderr().run()?;
    }
    result
}
