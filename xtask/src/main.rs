//! `cargo xtask run` and `cargo xtask test`: everything from a fresh machine on.

#![allow(clippy::print_stdout, reason = "these commands talk to the person who typed them")]

mod fuzz;
mod machine;
mod run;
mod steps;
mod test;
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
cargo xtask test [--only STEP] [--long]
    Everything that must be true before a commit. STEP is a part of a step's name.
    --long: the long forms too (every screen state in every language, 2,000 requests, 20 rounds of kills, fuzzing).";

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
    while let Some(argument) = arguments.next()? {
        match argument {
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
        Some("test") => test::test(only.as_deref(), long),
        _ => anyhow::bail!("{USAGE}"),
    }
}
