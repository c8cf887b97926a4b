//! `cargo xtask qa`: the app in a scenario for any WebDriver client, and control of a running demo.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use crate::{
    prerequisites::{self, Purpose},
    process::{ChildGuard, built, wait_for_ctrl_c},
    steps::Steps,
    ui,
};

/// Written by a running session.
const SESSION: &str = "target/qa.json";
const DEFAULT_DEMO: &str = "http://127.0.0.1:8787";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
#[group(id = "start", required = true, multiple = false, args = ["list", "example", "scenario"])]
pub(crate) struct QaArgs {
    /// List the scenarios.
    #[arg(long)]
    list: bool,
    /// Run the WebdriverIO example, tests/webdriver.
    #[arg(long)]
    example: bool,
    #[command(flatten)]
    session: SessionArgs,
    #[command(subcommand)]
    demo: Option<DemoCommand>,
}

#[derive(Args)]
struct SessionArgs {
    /// Start the demo backend in this scenario and tauri-driver, and print how to connect.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    #[arg(long, default_value = "mobile", value_parser = ["mobile", "desktop"], requires = "scenario", conflicts_with_all = ["list", "example"])]
    edition: String,
    #[arg(long, requires = "scenario", conflicts_with_all = ["list", "example"])]
    release: bool,
    /// Stop when this command ends, instead of at Ctrl-C.
    #[arg(last = true, requires = "scenario", conflicts_with_all = ["list", "example"])]
    command: Vec<String>,
}

/// Control of the running demo.
#[derive(Subcommand)]
enum DemoCommand {
    /// Load another scenario.
    Scenario {
        name: String,
        #[command(flatten)]
        address: Address,
    },
    /// Advance the clock: +24h, +15m, +90s, +2d.
    Clock {
        #[arg(value_parser = seconds)]
        by: u32,
        #[command(flatten)]
        address: Address,
    },
    /// Set faults: mail=refuse, directory=timeout, network=offline.
    Fault {
        #[arg(required = true, value_parser = fault)]
        faults: Vec<(String, Value)>,
        #[command(flatten)]
        address: Address,
    },
    /// Go back to the initial state.
    Reset {
        #[command(flatten)]
        address: Address,
    },
}

#[derive(Args)]
struct Address {
    /// Address of the demo, if not that of the running session.
    #[arg(long, value_name = "URL")]
    demo: Option<String>,
}

pub(crate) fn qa(args: QaArgs) -> anyhow::Result<()> {
    match args.demo {
        Some(DemoCommand::Scenario { name, address }) => post(address, "scenario", json!({ "name": name })),
        Some(DemoCommand::Clock { by, address }) => post(address, "clock", json!({ "advanceSeconds": by })),
        Some(DemoCommand::Fault { faults, address }) => {
            post(address, "faults", Value::Object(faults.into_iter().collect()))
        }
        Some(DemoCommand::Reset { address }) => post(address, "reset", Value::Null),
        None if args.list => {
            let shell = Shell::new()?;
            Ok(cmd!(shell, "cargo run --quiet --package hrm-backend -- demo --list").quiet().run()?)
        }
        None if args.example => example(),
        None => args.session.start(),
    }
}

/// `+24h`, `+90s`, `+15m`, `+2d`; without a unit, seconds.
fn seconds(text: &str) -> anyhow::Result<u32> {
    let text = text.trim_start_matches('+');
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => 86_400,
    };
    number.parse::<u32>().context("write +24h, +15m, +90s or +2d")?.checked_mul(unit).context("too long")
}

fn fault(text: &str) -> anyhow::Result<(String, Value)> {
    let (name, value) = text.split_once('=').context("write mail=refuse, directory=timeout or network=offline")?;
    Ok((name.to_owned(), value.into()))
}

/// Calls an endpoint of the running demo and prints its response.
fn post(address: Address, endpoint: &str, body: Value) -> anyhow::Result<()> {
    let running =
        || serde_json::from_slice::<Value>(&fs::read(SESSION).ok()?).ok()?["demo"].as_str().map(str::to_owned);
    let demo = address.demo.or_else(running).unwrap_or_else(|| DEFAULT_DEMO.to_owned());
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    let agent = ureq::Agent::new_with_config(config.build());
    let url = format!("{}/demo/{endpoint}", demo.trim_end_matches('/'));
    let mut response = agent
        .post(url)
        .send_json(body)
        .with_context(|| format!("No demo at {demo}. To start one: cargo xtask qa --scenario not-linked"))?;
    let text = response.body_mut().read_to_string()?;
    ensure!(response.status().is_success(), "{}\n{text}", response.status());
    println!("{}", if text.is_empty() { "Done." } else { &text });
    Ok(())
}

pub(crate) fn example_packages() -> anyhow::Result<()> {
    ui::packages_of("tests/webdriver", "package-lock.json", "ci")
}

/// Anna's flow with WebdriverIO.
pub(crate) fn example() -> anyhow::Result<()> {
    example_packages()?;
    let command = [ui::NPM, "--prefix", "tests/webdriver", "start"].map(str::to_owned).to_vec();
    SessionArgs { scenario: Some("not-linked".into()), edition: "mobile".into(), release: false, command }.start()
}

impl SessionArgs {
    fn start(&self) -> anyhow::Result<()> {
        let shell = Shell::new()?;
        let mut steps = Steps::new();
        steps.step("prerequisites of the machine", || prerequisites::prepare(Purpose::WindowTests))?;
        steps.step("npm packages of the UI", ui::packages)?;
        steps.step("build of the UI", ui::build)?;
        let profile = self.release.then_some("--release");
        // The whole workspace: a subset would select other features of the dependencies and rebuild them.
        steps.step("build of the app", || {
            Ok(cmd!(shell, "cargo build --quiet --workspace --bins --example qa {profile...}").run()?)
        })?;
        let mut session = Command::new(built(self.release, "examples/qa"))
            .env("QA_SCENARIO", self.scenario.as_deref().unwrap_or_default())
            .env("QA_EDITION", &self.edition)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("target/debug/examples/qa did not start")?;
        let output = BufReader::new(session.stdout.take().context("no output")?);
        let mut session = ChildGuard(session);
        let mut lines = output.lines().map_while(Result::ok).inspect(|line| println!("{line}"));
        let is_ready = lines.any(|line| line == "Ready.");
        ensure!(is_ready, "The session did not start, see above. cargo xtask qa --list lists the scenarios.");
        match self.command.split_first() {
            Some((program, arguments)) => Ok(cmd!(shell, "{program} {arguments...}").run()?),
            None => wait_for_ctrl_c(&mut session, None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::seconds;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(seconds("+24h").unwrap(), 86_400);
        assert_eq!(seconds("15m").unwrap(), 900);
        assert_eq!(seconds("+2d").unwrap(), 172_800);
        assert_eq!(seconds("90").unwrap(), 90);
        for invalid in ["", "h", "-5", "1w", "99999999d"] {
            assert!(seconds(invalid).is_err(), "{invalid}");
        }
    }
}
