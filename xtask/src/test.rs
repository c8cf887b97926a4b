//! `cargo xtask test`: what must pass before a commit.

use std::{env, fs, path::Path};

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::{Shell, cmd};

use crate::{
    android, bench, bundle, fuzz, mutants, phone,
    prerequisites::{self, Purpose},
    process::{self, built, give_way},
    qa, report,
    step_process::StepProcess,
    steps::Steps,
    supply_chain, targets, tools, ui,
};

#[derive(Args)]
pub(crate) struct TestArgs {
    /// Only the steps whose name contains this.
    #[arg(long, value_name = "STEP")]
    only: Option<String>,
    /// Repeat this often, until a step fails.
    #[arg(long, value_name = "N", default_value_t = 1)]
    times: u32,
    /// Also fuzzing, mutants, all screen states, the phone edition in every engine, 2,000 API requests, a company's Monday, 20
    /// rounds of crash tests, other systems, the package.
    #[arg(long)]
    long: bool,
}

pub(crate) fn test(args: &TestArgs) -> anyhow::Result<()> {
    let mut steps = Steps::new();
    let program = env::current_exe()?;
    let mut passed = 0;
    for _ in 0..args.times {
        let result = run_once(args, &program, &mut steps);
        // Not left behind when another step fails. Ctrl-C stops them too.
        let beside = steps.wait_for_beside();
        passed += result?;
        beside?;
    }
    let names: Vec<_> = all_steps().map(|(name, _)| *name).collect();
    ensure!(passed > 0, "No step's name contains that. The steps: {}", names.join(" · "));
    println!("\n{passed} steps passed in {} s.", steps.seconds());
    Ok(())
}

/// Returns how many steps were selected.
fn run_once(args: &TestArgs, program: &Path, steps: &mut Steps) -> anyhow::Result<usize> {
    let mut count = 0;
    let long: &[Group] = if args.long { LONG_STEPS } else { &[] };
    let groups =
        STEPS.iter().map(|group| (group, &process::CLIPPY[..])).chain(long.iter().map(|group| (group, &[][..])));
    for (group, variables) in groups {
        let is_selected = |name: &str| args.only.as_ref().is_none_or(|only| name.contains(only));
        let selected = group.steps().iter().map(|(name, _)| *name).filter(|name| is_selected(name));
        let process = |name| Ok((name, StepProcess::new(program, name, variables)?));
        let mut processes = selected.map(process).collect::<anyhow::Result<Vec<_>>>()?;
        count += processes.len();
        if matches!(group, Alone(_)) && !processes.is_empty() {
            steps.wait_for_beside()?;
        }
        match (group, processes.len()) {
            (_, 0) => {}
            (AtOnce(_) | Alone(_), 1) => {
                let (name, process) = processes.remove(0);
                steps.step(name, || process.run())?;
            }
            (AtOnce(_) | Alone(_), _) => steps.at_once(processes)?,
            (Beside(_), _) => steps.beside(processes),
        }
    }
    Ok(count)
}

/// One step by its whole name, without a heading.
pub(crate) fn step(name: &str) -> anyhow::Result<()> {
    let (_, step) =
        all_steps().find(|(one, _)| *one == name).with_context(|| format!("There is no step \"{name}\""))?;
    step()
}

fn all_steps() -> impl Iterator<Item = &'static Step> {
    STEPS.iter().chain(LONG_STEPS).flat_map(Group::steps)
}

type Step = (&'static str, fn() -> anyhow::Result<()>);

enum Group {
    /// Those that follow wait for their end.
    AtOnce(&'static [Step]),
    /// They run beside those that follow.
    Beside(&'static [Step]),
    /// Nothing runs beside them, because they measure times.
    Alone(&'static [Step]),
}
use Group::{Alone, AtOnce, Beside};

impl Group {
    fn steps(&self) -> &'static [Step] {
        let (Self::AtOnce(steps) | Self::Beside(steps) | Self::Alone(steps)) = self;
        steps
    }
}

const STEPS: &[Group] = &[
    AtOnce(&[("prerequisites of the machine", || prerequisites::prepare(Purpose::Testing))]),
    Beside(&[("licences, sources and bans of the dependencies", || give_way().and_then(|()| supply_chain::deny()))]),
    AtOnce(&[
        ("formatting", || {
            cargo(&["fmt", "--all", "--check"])?;
            cargo(&["fmt", "--all", "--check", "--manifest-path", "bench/Cargo.toml"])
        }),
        ("npm packages of the UI", ui::packages),
        ("npm packages of the tools", tools::install),
        ("npm packages of the WebDriver example", qa::example_packages),
        ("npm packages of the OpenID provider", oidc_packages),
        ("old engines for the phone edition", phone::engines),
    ]),
    AtOnce(&[("build of the UI", ui::build)]),
    Beside(&[("size of the released app", || give_way().and_then(|()| size_budget()))]),
    AtOnce(&[
        ("types, lint and messages of the UI", || ui::npm(&["run", "--silent", "check"])),
        ("reproducible build of the UI", ui::reproducible_build),
        ("tests of the UI", || ui::npm(&["test", "--silent"])),
        ("Kotlin of the Android project", tools::kotlin),
        ("workflows", tools::lint_workflows),
    ]),
    AtOnce(&[("clippy, and build of the tests", || cargo_test(&["--no-run"], &[]))]),
    AtOnce(&[
        ("tests of the crates", || cargo_test(&["--", "--skip", "e2e::"], &[])),
        ("tests of the backend on PostgreSQL", || cargo_test(&["--test", "backend"], &[("HRM_TEST_POSTGRES", "1")])),
        ("backend against its OpenAPI document", || schemathesis("--short")),
    ]),
    AtOnce(&[("new login against a certified OpenID provider", || {
        oidc_packages()?;
        cargo_test(&["--test", "backend", "--", "oidc_provider::", "--ignored"], &[])
    })]),
    Alone(&[("tests in a window", tests_in_a_window)]),
    Alone(&[("phone edition by touch in Chromium 88", phone::oldest)]),
    Alone(&[("WebdriverIO example", qa::example)]),
];

const LONG_STEPS: &[Group] = &[
    AtOnce(&[("long: fuzzing of the core's parsers, five minutes each", fuzz::five_minutes_each)]),
    AtOnce(&[("long: screenshots and axe-core on every screen state, language, theme and size", || {
        ui::npm(&["run", "--silent", "screenshots", "--", "--all"])
    })]),
    AtOnce(&[("long: phone edition by touch in every engine", phone::all)]),
    AtOnce(&[("long: 2,000 requests by the OpenAPI document", || schemathesis("--long"))]),
    AtOnce(&[("long: 500 people behind three addresses, SQLite", || bench::company(&[]))]),
    AtOnce(&[("long: 500 people behind three addresses, PostgreSQL", || {
        bench::company(&[("HRM_TEST_POSTGRES", "1")])
    })]),
    AtOnce(&[("long: people at work during an import of 30,000, PostgreSQL", || {
        cargo_test(
            &["--test", "backend", "--", "large_import"],
            &[("HRM_TEST_POSTGRES", "1"), ("IMPORT_ROWS", "30000")],
        )
    })]),
    AtOnce(&[("long: mutants of the pure rules", mutants::mutants)]),
    AtOnce(&[("long: clippy of the benchmarks", bench::clippy)]),
    AtOnce(&[("long: 20 rounds of crash tests", || {
        cargo_test(&["--test", "window", "--", "eight_points"], &[("CRASH_ROUNDS", "20")])
    })]),
    AtOnce(&[("long: type-check for Android, iOS, Windows and macOS", targets::check)]),
    AtOnce(&[("long: library linked for Android", android::link)]),
    AtOnce(&[("long: tests for Windows in Wine", targets::wine)]),
    AtOnce(&[("long: the installed package", || bundle::bundle().and_then(|()| bundle::check()))]),
];

fn oidc_packages() -> anyhow::Result<()> {
    ui::packages_of("backend/tests/oidc_provider", "package-lock.json", "ci")
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    Ok(cmd!(shell, "cargo {arguments...}").run()?)
}

/// Always with the whole workspace: a subset would select other features of the dependencies and rebuild them.
fn cargo_test(arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let test = cmd!(shell, "cargo test --workspace --quiet {arguments...}");
    Ok(test.envs(variables.iter().copied()).run()?)
}

fn schemathesis(length: &str) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    Ok(cmd!(shell, "sh backend/tests/schemathesis/run.sh {length}").run()?)
}

fn tests_in_a_window() -> anyhow::Result<()> {
    let folder = report::clear()?.display().to_string();
    // More than two at once time out on two cores.
    let variables = [("RUST_TEST_THREADS", "2"), ("QA_REPORT", &folder)];
    let tests = ["--test", "window", "--no-fail-fast", "--", "e2e::"];
    let result = cargo_test(&tests, &variables);
    // Write the report even when tests fail.
    report::write()?;
    result
}

/// Of the stripped program, in bytes.
const MAX_APP_SIZE: u64 = 6_000_000;

fn size_budget() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    process::without_clippy(cmd!(shell, "cargo build --release --quiet --bins --package flex-connect")).run()?;
    let size = fs::metadata(built(true, "flex-connect"))?.len();
    println!("{size} bytes");
    ensure!(size <= MAX_APP_SIZE, "The app has {size} bytes, of at most {MAX_APP_SIZE}.");
    Ok(())
}
