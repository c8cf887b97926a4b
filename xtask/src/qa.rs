//! `cargo xtask qa`: the app in a known state for any WebDriver client, and the doors of a demo that runs.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use lexopt::{
    Arg::{Long, Value},
    ValueExt as _,
};
use serde_json::{Map, json};

use crate::{
    machine::{self, For},
    steps::{Steps, sh, target_folder},
    ui,
};

/// Where a kit that runs says how it is reached.
const KIT: &str = "target/qa.json";
const USUAL: &str = "http://127.0.0.1:8787";

pub(crate) fn qa(mut arguments: lexopt::Parser) -> anyhow::Result<()> {
    let (mut words, mut then, mut demo) = (Vec::new(), Vec::new(), None);
    let mut kit = Kit { scenario: None, edition: "mobile".to_owned(), release: false };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("list") => return list(),
            Long("example") => return example(),
            Long("scenario") => kit.scenario = Some(arguments.value()?.string()?),
            Long("edition") => kit.edition = arguments.value()?.string()?,
            Long("release") => kit.release = true,
            Long("demo") => demo = Some(arguments.value()?.string()?),
            // Only what stands behind `--` comes here while a scenario waits for its command.
            Value(word) if kit.scenario.is_some() => {
                then.push(word.string()?);
                then.extend(arguments.raw_args()?.map(|word| word.string()).collect::<Result<Vec<_>, _>>()?);
            }
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if kit.scenario.is_some() {
        return kit.start(&then);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (door, body) = match words.as_slice() {
        ["scenario", name] => ("scenario", json!({ "name": name })),
        ["clock", by] => ("clock", json!({ "advanceSeconds": seconds(by)? })),
        ["fault", faults @ ..] if !faults.is_empty() => {
            let fault = |text: &&str| text.split_once('=').map(|(what, how)| (what.to_owned(), json!(how)));
            let faults: Option<Map<_, _>> = faults.iter().map(fault).collect();
            ("faults", faults.context("A fault is written as mail=refuse, directory=timeout, network=offline")?.into())
        }
        ["reset"] => ("reset", json!(null)),
        _ => bail!("{}", crate::USAGE),
    };
    let demo = demo.or_else(running_demo).unwrap_or_else(|| USUAL.to_owned());
    println!("{}", post(&demo, &format!("/demo/{door}"), &body.to_string())?);
    Ok(())
}

fn list() -> anyhow::Result<()> {
    sh("cargo", &["run", "--quiet", "--package", "hrm-backend", "--", "demo", "--list"])
}

/// Anna's main flow by WebdriverIO, in `tests/webdriver`.
pub(crate) fn example() -> anyhow::Result<()> {
    ui::packages_of("tests/webdriver", "package-lock.json", "ci")?;
    let kit = Kit { scenario: Some("not-linked".to_owned()), edition: "mobile".to_owned(), release: false };
    kit.start(&["npm", "--prefix", "tests/webdriver", "start"].map(str::to_owned))
}

/// `+24h`, `+90s`, `+15m`, `+2d`; without a letter, seconds.
fn seconds(text: &str) -> anyhow::Result<u32> {
    let parts = text.trim_start_matches('+');
    let (number, unit) = match parts.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &parts[number.len()..]),
        None => (parts, "s"),
    };
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => 86_400,
    };
    let number: u32 = number.parse().with_context(|| format!("{text} is no time: +24h, +15m, +90s, +2d"))?;
    number.checked_mul(unit).with_context(|| format!("{text} is too long"))
}

fn running_demo() -> Option<String> {
    let kit: serde_json::Value = serde_json::from_slice(&fs::read(KIT).ok()?).ok()?;
    kit["demo"].as_str().map(str::to_owned)
}

/// One call to one door: not worth a library.
fn post(demo: &str, path: &str, body: &str) -> anyhow::Result<String> {
    let address =
        demo.trim_end_matches('/').strip_prefix("http://").context("The demo's address begins with http://")?;
    let mut line = TcpStream::connect(address)
        .with_context(|| format!("No demo answers at {demo}. To start one: cargo xtask qa --scenario not-linked"))?;
    line.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = body.len();
    write!(
        line,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    line.read_to_string(&mut answer)?;
    let (head, text) = answer.split_once("\r\n\r\n").context("The demo gave no answer")?;
    if !head.starts_with("HTTP/1.1 2") {
        bail!("{}\n{text}", head.lines().next().unwrap_or_default());
    }
    Ok(if text.is_empty() { "Done.".to_owned() } else { text.to_owned() })
}

struct Kit {
    scenario: Option<String>,
    edition: String,
    release: bool,
}

/// The kit's program. It ends by itself when its input does, and takes everything with it: also when this is killed.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

impl Kit {
    fn start(&self, then: &[String]) -> anyhow::Result<()> {
        if !["mobile", "desktop"].contains(&self.edition.as_str()) {
            bail!("--edition is mobile or desktop");
        }
        let mut steps = Steps::new();
        steps.step("the machine has what it needs", || machine::prepare(For::Driving))?;
        steps.step("packages of the UI", ui::packages)?;
        steps.step("the UI", ui::build)?;
        let profile: &[&str] = if self.release { &["--release"] } else { &[] };
        // The whole workspace, as `cargo xtask test` does: a part of it would be built with other features.
        let build = ["build", "--quiet", "--workspace", "--bins", "--example", "qa"];
        steps.step("the app and the kit", || sh("cargo", &[&build, profile].concat()))?;

        let (end, ended) = mpsc::channel();
        ctrlc::set_handler(move || {
            // Nobody listens once the kit has ended.
            end.send(()).ok();
        })?;
        let mut kit =
            Command::new(target_folder().join(if self.release { "release" } else { "debug" }).join("examples/qa"))
                .env("QA_SCENARIO", self.scenario.as_deref().unwrap_or_default())
                .env("QA_EDITION", &self.edition)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .context("the kit could not be started")?;
        let said = BufReader::new(kit.stdout.take().context("the kit has no output")?);
        let mut kit = Started(kit);
        let mut is_ready = false;
        for line in said.lines() {
            let line = line?;
            println!("{line}");
            is_ready = line == "Ready.";
            if is_ready {
                break;
            }
        }
        if !is_ready {
            bail!("The kit did not start. It says why above; cargo xtask qa --list names the scenarios.");
        }
        if let Some((program, arguments)) = then.split_first() {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            return sh(program, &arguments);
        }
        while ended.recv_timeout(Duration::from_millis(200)).is_err() {
            if let Some(status) = kit.0.try_wait()? {
                bail!("The kit ended by itself ({status}).");
            }
        }
        println!("\nEnded.");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::seconds;

    #[test]
    fn a_time_is_written_with_its_unit() {
        assert_eq!(seconds("+24h").unwrap(), 86_400);
        assert_eq!(seconds("15m").unwrap(), 900);
        assert_eq!(seconds("+2d").unwrap(), 172_800);
        assert_eq!(seconds("90").unwrap(), 90);
        for wrong in ["", "h", "-5", "1w", "99999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
