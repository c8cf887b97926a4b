//! `cargo xtask run`: the demo backend and the app.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
};

use anyhow::Context as _;
use clap::Args;
use xshell::{Shell, cmd};

use crate::{
    prerequisites::{self, Purpose},
    process::{ChildGuard, built, wait_for_ctrl_c},
    steps::Steps,
    ui,
};

#[derive(Args)]
pub(crate) struct RunArgs {
    #[arg(long, value_parser = ["mobile", "desktop"])]
    edition: Option<String>,
    #[arg(long)]
    release: bool,
    /// Drive the whole flow on a virtual display and save a screenshot of each screen in target/screenshots. The default where
    /// there is no display.
    #[arg(long)]
    screenshots: bool,
}

pub(crate) const USERNAME: &str = "anna.svensson";
/// The demo's default address.
const DEMO: &str = "127.0.0.1:8787";

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let screenshots = args.screenshots || !has_display();
    let mut steps = Steps::new();
    let purpose = if screenshots { Purpose::WindowTests } else { Purpose::Running };
    steps.step("prerequisites of the machine", || prerequisites::prepare(purpose))?;
    steps.step("npm packages of the UI", ui::packages)?;
    steps.step("build of the UI", ui::build)?;
    let profile = args.release.then_some("--release");
    if screenshots {
        // The whole workspace: a subset would select other features of the dependencies and rebuild them.
        steps.step("build of the app", || {
            Ok(cmd!(shell, "cargo build --workspace --bins --example screenshots {profile...}").run()?)
        })?;
        let program = built(args.release, "examples/screenshots");
        let edition = args.edition.as_deref().unwrap_or("both");
        return steps.step("screenshots into target/screenshots", || {
            Ok(cmd!(shell, "{program}").env("SCREENSHOT_EDITION", edition).run()?)
        });
    }
    steps.step("build of the app and the backend", || {
        Ok(cmd!(shell, "cargo build --package flex-connect --package hrm-backend --bins {profile...}").run()?)
    })?;
    let (mut backend, url) = start_demo(args.release)?;
    let mut app = Command::new(built(args.release, "flex-connect"));
    app.args(["--server", &url, "--username", USERNAME]);
    app.args(args.edition.iter().flat_map(|edition| ["--edition", edition]));
    let mut app = ChildGuard(app.stdin(Stdio::null()).spawn().context("the app did not start")?);
    wait_for_ctrl_c(&mut backend, Some(&mut app))
}

pub(crate) fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Starts the demo backend and returns its address.
pub(crate) fn start_demo(release: bool) -> anyhow::Result<(ChildGuard, String)> {
    let listen = if TcpListener::bind(DEMO).is_ok() { DEMO } else { "127.0.0.1:0" };
    let mut backend = Command::new(built(release, "hrm-backend"))
        .args(["demo", "--listen", listen, "--data-dir", "target/demo"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("the demo backend did not start")?;
    let mut lines = BufReader::new(backend.stdout.take().context("the demo backend has no output")?).lines();
    let backend = ChildGuard(backend);
    let url = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("listening on ")?.1.trim().to_owned()));
    let url = url.context("The demo backend exited before it was ready.")?;
    println!("\nDemo backend: {url}");
    println!("Inbox with the code: {url}/demo/inbox");
    println!("User name: {USERNAME} (filled in)   Password: demo");
    println!("Press Ctrl-C to stop.");
    // Keep reading, or the backend blocks when the pipe is full.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| println!("{line}")));
    Ok((backend, url))
}
