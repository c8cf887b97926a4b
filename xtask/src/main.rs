//! `cargo xtask run` and `cargo xtask test`: everything from a fresh machine on.

#![allow(clippy::print_stdout, reason = "these commands talk to the person who typed them")]

mod bench;
mod breakages;
mod bundle;
mod fuzz;
mod machine;
mod qa;
mod report;
mod run;
mod steps;
mod supply;
mod targets;
mod test;
mod tools;
mod ui;

use std::{path::Path, process::ExitCode};

use lexopt::{
    Arg::{Long, Value},
    ValueExt as _,
};

const USAGE: &str = "\
cargo xtask run  [--edition mobile|desktop] [--release] [--tour]
    Starts the demo backend and the app against it, signed out, with Anna's user name filled in.
    --tour, or no display: the whole flow on a display of its own, with pictures in target/tour/.
cargo xtask test [--only STEP] [--times N] [--long]
    Everything that must be true before a commit. STEP is a part of a step's name; --times repeats it until it fails.
    --long: the long forms too (every screen state in every language, 2,000 requests, 20 rounds of kills, fuzzing, the
    other systems' compilers, the installed package).
cargo xtask report
    Makes target/qa-report/index.html of what the tests in a window have written there.
cargo xtask qa --list | --example
    The states that a tester can begin in · the main flow by WebdriverIO.
cargo xtask qa --scenario NAME [--edition mobile|desktop] [--release] [-- COMMAND…]
    Starts the demo backend in that state and tauri-driver beside it, says how to reach them, and stays until Ctrl-C; with
    a command, until that ends. Then, from another terminal, on what runs:
cargo xtask qa scenario NAME | clock +24h | fault mail=refuse network=offline … | reset  [--demo URL]
cargo xtask bench [--only app|backend]
    The figures of the README, measured again: each beside its floor, in one run. Into target/bench/ too.
cargo xtask breakages [--only WORDS]
    Breaks the product in small ways (tests/breakages.toml), one by one in a copy: a test must notice each.
cargo xtask check-targets [--wine]
    Type-checks the whole app for Android, iOS, Windows and macOS. --wine: builds the tests for Windows instead, and runs
    them in Wine.
cargo xtask bundle [--check]
    Makes the packages of this system, and the list of what is in them. --check: installs the .deb, runs the main flow in
    it, removes it.
cargo xtask tauri ARGUMENTS…
    The Tauri CLI, of the version in xtask/tools: android build, ios init and so on.";

fn main() -> ExitCode {
    // Every path below is from the root, wherever the command was typed.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let done = std::env::set_current_dir(root).map_err(anyhow::Error::from).and_then(|()| command());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> anyhow::Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let mut command = None;
    let mut wish = run::Wish { edition: None, release: false, tour: false };
    let mut only = None;
    let mut long = false;
    let mut times = 1;
    let mut check = false;
    let mut wine = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(name) if command.is_none() && name == "tauri" => {
                let rest: Vec<_> = arguments.raw_args()?.map(|one| one.string()).collect::<Result<_, _>>()?;
                tools::install()?;
                return tools::tauri(&rest.iter().map(String::as_str).collect::<Vec<_>>());
            }
            Value(name) if command.is_none() && name == "qa" => return qa::qa(arguments),
            Value(name) if command.is_none() => command = Some(name.string()?),
            Long("edition") => {
                wish.edition = Some(arguments.value()?.parse_with(|edition| match edition {
                    "mobile" | "desktop" => Ok(edition.to_owned()),
                    _ => Err("mobile or desktop"),
                })?);
            }
            Long("release") => wish.release = true,
            Long("tour") => wish.tour = true,
            Long("long") => long = true,
            Long("check") => check = true,
            Long("wine") => wine = true,
            Long("times") => times = arguments.value()?.parse()?,
            Long("only") => only = Some(arguments.value()?.string()?),
            Long("help") => {
                println!("{USAGE}");
                return Ok(());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    match command.as_deref() {
        Some("run") => run::run(&wish),
        Some("test") => test::test(only.as_deref(), times, long),
        Some("report") => report::end(),
        Some("bench") => bench::bench(only.as_deref()),
        Some("breakages") => breakages::breakages(only.as_deref()),
        Some("check-targets") if wine => targets::wine(),
        Some("check-targets") => targets::check(),
        Some("bundle") if check => bundle::check(),
        Some("bundle") => bundle::bundle(),
        _ => anyhow::bail!("{USAGE}"),
    }
}
