//! `cargo xtask test`: what must be true before a commit.

use anyhow::bail;

use crate::{
    bench, breakages, bundle, fuzz,
    machine::{self, For},
    qa, report,
    steps::{Steps, sh, sh_with},
    supply, targets, tools, ui,
};

pub(crate) fn test(only: Option<&str>, times: u32, long: bool) -> anyhow::Result<()> {
    let mut steps = Steps::new();
    let mut ran = 0;
    let more: &[Step] = if long { LONG } else { &[] };
    for _ in 0..times {
        for (name, work) in STEPS.iter().chain(more) {
            if only.is_none_or(|only| name.contains(only)) {
                steps.step(name, work)?;
                ran += 1;
            }
        }
    }
    if ran == 0 {
        let names: Vec<_> = STEPS.iter().chain(LONG).map(|(name, _)| *name).collect();
        bail!("No step has that in its name: {}", names.join(" · "));
    }
    println!("\nAll {ran} steps green in {} s.", steps.seconds());
    Ok(())
}

/// Always the whole workspace, so that every step finds what the one before has built: a part of it would choose other
/// features of the libraries and build them again.
const WORKSPACE: [&str; 3] = ["test", "--workspace", "--quiet"];
/// The backend's tests that ask a database.
const BACKEND: &[&str] = &[
    "--test",
    "administrator",
    "--test",
    "contract",
    "--test",
    "interleavings",
    "--test",
    "many_backends",
    "--test",
    "nothing_lost",
];

type Step = (&'static str, fn() -> anyhow::Result<()>);

const STEPS: &[Step] = &[
    ("the machine has what it needs", || machine::prepare(For::Testing)),
    ("formatting", || sh("cargo", &["fmt", "--all", "--check"])),
    ("packages of the UI", ui::packages),
    ("the UI builds", ui::build),
    ("types, lint and words of the UI", || ui::npm(&["run", "--silent", "check"])),
    ("the UI built twice is the same", ui::same_bytes_twice),
    ("packages of the tools", tools::install),
    ("the Kotlin of the Android project", tools::kotlin_syntax),
    ("the workflows", tools::workflows),
    ("licences, sources and bans of what the programs are made of", supply::deny),
    ("tests of the UI", || ui::npm(&["test", "--silent"])),
    ("clippy", || sh("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
    ("tests of the crates, and of the bridge to the UI", || {
        sh("cargo", &[&WORKSPACE, &["--", "--skip", "in_a_window"][..]].concat())
    }),
    ("tests of the backend on PostgreSQL", || {
        sh_with("cargo", &[&WORKSPACE, BACKEND].concat(), &[("HRM_TEST_POSTGRES", "1")])
    }),
    ("the backend called by its own OpenAPI document", || sh("sh", &["backend/tests/schemathesis/run.sh", "--short"])),
    ("the flow in a window, through tauri-driver", in_a_window),
    ("the main flow by WebdriverIO", qa::example),
    ("the app as it is released, within its size", within_its_size),
];

/// Stripped, in bytes: what people download and what a start reads.
const LARGEST_APP: u64 = 6_000_000;

fn within_its_size() -> anyhow::Result<()> {
    sh("cargo", bench::THE_APP)?;
    let size = std::fs::metadata(bench::app())?.len();
    println!("{size} bytes");
    if size > LARGEST_APP { bail!("The app has {size} bytes, of {LARGEST_APP} that it may have.") } else { Ok(()) }
}

fn in_a_window() -> anyhow::Result<()> {
    let folder = report::begin()?.display().to_string();
    // Two at a time: that is what two cores carry without a test waiting in vain.
    let variables = [("RUST_TEST_THREADS", "2"), ("QA_REPORT", &folder)];
    let tests = ["--test", "flow", "--test", "abilities", "--test", "kills", "--", "in_a_window"];
    let done = sh_with("cargo", &[&WORKSPACE, &tests[..]].concat(), &variables);
    // Of a failure above all.
    report::end()?;
    done
}

const LONG: &[Step] = &[
    ("long: five minutes of made-up input for each reader of the core", fuzz::five_minutes_each),
    ("long: every screen state, language, theme and size, looked at by axe and compared", || {
        ui::npm(&["run", "--silent", "pictures", "--", "--all"])
    }),
    ("long: two thousand requests by the OpenAPI document", || {
        sh("sh", &["backend/tests/schemathesis/run.sh", "--long"])
    }),
    ("long: no small breakage of the pure rules goes unnoticed", breakages::mutants),
    ("long: no breakage of the list goes unnoticed", || breakages::breakages(None)),
    ("long: 20 rounds of kills at eight points", || {
        let tests = ["--test", "kills", "--", "eight_points"];
        sh_with("cargo", &[&WORKSPACE, &tests[..]].concat(), &[("KILL_ROUNDS", "20")])
    }),
    ("long: the whole app for Android, iOS, Windows and macOS, type-checked", targets::check),
    ("long: the tests built for Windows, in Wine", targets::wine),
    ("long: the package, installed, driven and removed", || bundle::bundle().and_then(|()| bundle::check())),
];
