//! `cargo xtask test`: what must pass before a commit.

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use tempfile::TempDir;
use xshell::{Shell, cmd};

use crate::{
    android, bench, bundle, fuzz, mutants, phone,
    prerequisites::{self, Purpose},
    process::{self, built, give_way},
    qa, report,
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
    let processes = StepProcesses::new()?;
    let mut passed = 0;
    for _ in 0..args.times {
        for group in STEPS.iter().chain(if args.long { LONG_STEPS } else { &[] }) {
            let is_selected = |name: &str| args.only.as_ref().is_none_or(|only| name.contains(only));
            let selected: Vec<_> = group.iter().filter(|(name, _)| is_selected(name)).collect();
            match selected[..] {
                [] => {}
                [(name, _)] => steps.step(name, || processes.run(name))?,
                _ => {
                    let names: Vec<_> = selected.iter().map(|(name, _)| *name).collect();
                    steps.at_once(&names, |name| processes.command(name))?;
                }
            }
            processes.check_folder()?;
            passed += selected.len();
        }
    }
    let names = STEPS.iter().chain(LONG_STEPS).copied().flatten().map(|(name, _)| *name);
    ensure!(passed > 0, "No step's name contains that. The steps: {}", names.collect::<Vec<_>>().join(" · "));
    println!("\n{passed} steps passed in {} s.", steps.seconds());
    Ok(())
}

/// Runs each step in a process whose temporary folder is one of this run's own, so that what the tests leave is seen.
struct StepProcesses {
    /// Looked up at the start, because a step may replace the file.
    program: PathBuf,
    folder: TempDir,
}

impl StepProcesses {
    fn new() -> anyhow::Result<Self> {
        // A short name, because paths of sockets are limited to 107 bytes.
        let folder = tempfile::Builder::new().prefix("fc").rand_bytes(4).tempdir()?;
        // As the system's own temporary folder, it is for every user: PostgreSQL does not run as root.
        #[cfg(unix)]
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o1777))?;
        Ok(Self { program: env::current_exe()?, folder })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["step", name]).envs(["TMPDIR", "TEMP", "TMP"].map(|variable| (variable, self.folder.path())));
        if find(STEPS, name).is_some() {
            command.envs(process::CLIPPY);
        }
        command
    }

    fn run(&self, name: &str) -> anyhow::Result<()> {
        ensure!(self.command(name).status()?.success(), "its last lines say why");
        Ok(())
    }

    /// # Errors
    /// When something is left in the temporary folder. What a test has just ended gets ten seconds to remove its files.
    fn check_folder(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let names = fs::read_dir(&self.folder)?.map(|entry| entry.map(|entry| entry.file_name()));
            let left = names.collect::<Result<Vec<_>, _>>()?;
            if left.is_empty() {
                return Ok(());
            }
            ensure!(began.elapsed() < Duration::from_secs(10), "The step left files in the temporary folder: {left:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// One step by its whole name, without a heading.
pub(crate) fn step(name: &str) -> anyhow::Result<()> {
    let step = find(STEPS, name).or_else(|| find(LONG_STEPS, name));
    step.with_context(|| format!("There is no step \"{name}\""))?()
}

fn find(groups: &[Group], name: &str) -> Option<Step> {
    groups.iter().copied().flatten().find(|(one, _)| *one == name).map(|(_, step)| *step)
}

type Step = fn() -> anyhow::Result<()>;

/// Steps that run at once.
type Group = &'static [(&'static str, Step)];

const STEPS: &[Group] = &[
    &[("prerequisites of the machine", || prerequisites::prepare(Purpose::Testing))],
    &[
        ("formatting", || {
            cargo(&["fmt", "--all", "--check"])?;
            cargo(&["fmt", "--all", "--check", "--manifest-path", "bench/Cargo.toml"])
        }),
        ("npm packages of the UI", ui::packages),
        ("npm packages of the tools", tools::install),
        ("npm packages of the WebDriver example", qa::example_packages),
        ("npm packages of the OpenID provider", oidc_packages),
        ("old engines for the phone edition", phone::engines),
    ],
    &[("build of the UI", ui::build)],
    &[
        ("types, lint and messages of the UI", || ui::npm(&["run", "--silent", "check"])),
        ("reproducible build of the UI", ui::reproducible_build),
        ("tests of the UI", || ui::npm(&["test", "--silent"])),
        ("Kotlin of the Android project", tools::kotlin),
        ("workflows", tools::lint_workflows),
    ],
    &[("clippy, and build of the tests", || cargo_test(&["--no-run"], &[]))],
    &[
        ("tests of the crates", || cargo_test(&["--", "--skip", "e2e::"], &[])),
        ("tests of the backend on PostgreSQL", || cargo_test(&["--test", "backend"], &[("HRM_TEST_POSTGRES", "1")])),
        ("backend against its OpenAPI document", || schemathesis("--short")),
        ("licences, sources and bans of the dependencies", || give_way().and_then(|()| supply_chain::deny())),
        ("size of the released app", || give_way().and_then(|()| size_budget())),
    ],
    &[("new login against a certified OpenID provider", || {
        oidc_packages()?;
        cargo_test(&["--test", "backend", "--", "oidc_provider::", "--ignored"], &[])
    })],
    &[("tests in a window", tests_in_a_window)],
    &[("phone edition by touch in Chromium 88", phone::oldest)],
    &[("WebdriverIO example", qa::example)],
];

const LONG_STEPS: &[Group] = &[
    &[("long: fuzzing of the core's parsers, five minutes each", fuzz::five_minutes_each)],
    &[("long: screenshots and axe-core on every screen state, language, theme and size", || {
        ui::npm(&["run", "--silent", "screenshots", "--", "--all"])
    })],
    &[("long: phone edition by touch in every engine", phone::all)],
    &[("long: 2,000 requests by the OpenAPI document", || schemathesis("--long"))],
    &[("long: 500 people behind three addresses, SQLite", || bench::company(&[]))],
    &[("long: 500 people behind three addresses, PostgreSQL", || bench::company(&[("HRM_TEST_POSTGRES", "1")]))],
    &[("long: people at work during an import of 30,000, PostgreSQL", || {
        cargo_test(
            &["--test", "backend", "--", "large_import"],
            &[("HRM_TEST_POSTGRES", "1"), ("IMPORT_ROWS", "30000")],
        )
    })],
    &[("long: mutants of the pure rules", mutants::mutants)],
    &[("long: clippy of the benchmarks", bench::clippy)],
    &[("long: 20 rounds of crash tests", || {
        cargo_test(&["--test", "window", "--", "eight_points"], &[("CRASH_ROUNDS", "20")])
    })],
    &[("long: type-check for Android, iOS, Windows and macOS", targets::check)],
    &[("long: library linked for Android", android::link)],
    &[("long: tests for Windows in Wine", targets::wine)],
    &[("long: the installed package", || bundle::bundle().and_then(|()| bundle::check()))],
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
