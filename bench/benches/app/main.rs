//! The app beside a bare Tauri window, in a release build: start, memory, idle time, size, and a tap to its answer.
//!
//! `BENCH_ROUNDS=3` makes fewer rounds, for trying out. Each round takes ours and the floor's in turn, so that whatever
//! else the machine does hits both.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod eye;
mod family;
mod page;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use eye::Eye;
use family::Family;
use flex_connect_bench::{Row, Target, median, print, write};
use support::{backend::Backend, desk::Desk, stage::ANNA};

/// What a window still does once it is painted: caches, first collections of garbage.
const SETTLES: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(60);

/// A program that is measured, on a desk of its own.
struct Side {
    desk: Desk,
    eye: Eye,
    program: PathBuf,
    arguments: Vec<String>,
    /// Milliseconds from the start of the process to the mark on the display.
    starts: Vec<f64>,
    /// MB of all its processes a little later.
    memory: Vec<f64>,
}

impl Side {
    fn of(desk: Desk, program: PathBuf, arguments: &[&str]) -> Self {
        let eye = Eye::on(&display_of(&desk));
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { desk, eye, program, arguments, starts: Vec::new(), memory: Vec::new() }
    }

    /// A new process, until it is painted.
    fn start(&self) -> (Family, f64) {
        self.eye.wait_for_the_mark(false);
        let mut command = self.desk.command(&self.program);
        command.args(&self.arguments);
        let began = Instant::now();
        let family = Family::start(command);
        (family, ms(self.eye.wait_for_the_mark(true) - began))
    }

    fn round(&mut self) {
        let (family, start) = self.start();
        std::thread::sleep(SETTLES);
        self.starts.push(start);
        self.memory.push(family.memory());
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rounds = |usual| env::var("BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual);

    let app = support::desk::app();
    let desk = Desk::new();
    let backend = runtime.block_on(Backend::start(desk.folder("backend")));
    runtime.block_on(async {
        let running = desk.start(&[]).await;
        running.page.sign_in(&backend.url, ANNA).await;
        running.page.see("banner").await;
        running.close(&desk).await;
        assert!(desk.token_in_keyring().is_some(), "the session is in the credential store");
    });

    let mut ours = Side::of(desk, app.clone(), &[]);
    let mut floor = Side::of(Desk::new(), app.with_file_name("flex-connect-floor"), &[]);
    let page = format!("--app=file://{}", project().join("bench/floor/page/index.html").display());
    // Root may not use its sandbox; the rest keeps its first-run pages and its keyring out of the way.
    let mut chromium = Side::of(
        Desk::new(),
        "chromium".into(),
        &[&page, "--no-sandbox", "--no-first-run", "--password-store=basic", "--window-size=1120,780"],
    );
    for round in 0..=rounds(25) {
        for side in [&mut ours, &mut floor, &mut chromium] {
            side.round();
            // The first brings everything into the page cache.
            if round == 0 {
                (side.starts, side.memory) = (Vec::new(), Vec::new());
            }
        }
    }

    let mut rows = Vec::new();
    rows.push(row("cold start to the banner painted (new process, warm page cache)", "ms", &ours.starts).beside(
        "a bare Tauri window's first paint",
        &floor.starts,
        Some(Target::RatioAtMost(1.15)),
    ));
    rows.push(row("memory of all processes (PSS), painted and signed in", "MB", &ours.memory).beside(
        "a bare Tauri window",
        &floor.memory,
        Some(Target::RatioAtMost(1.10)),
    ));
    rows.push(row("cold start to the banner painted", "ms", &ours.starts).beside(
        "a static page in chromium --app",
        &chromium.starts,
        None,
    ));
    rows.push(row("memory of all processes (PSS)", "MB", &ours.memory).beside(
        "a static page in chromium --app",
        &chromium.memory,
        None,
    ));
    drop(chromium);

    let size = fs::metadata(&app).unwrap().len() as f64 / 1e6;
    rows.push(row("the program, stripped", "MB", &[size]).asked(Target::AtMost(6.0)));

    let (mut idle, mut idle_floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds(3).min(3) {
        let ((app, _), (bare, _)) = (ours.start(), floor.start());
        std::thread::sleep(5 * SETTLES);
        let [worked, worked_floor] = family::work_over(IDLE, [&app, &bare]);
        idle.push(worked);
        idle_floor.push(worked_floor);
    }
    rows.push(row("processor time in 60 idle seconds, in front, following the backend", "ms", &idle).beside(
        "a bare Tauri window",
        &idle_floor,
        Some(Target::RatioAtMost(1.0)),
    ));
    drop(floor);

    rows.extend(runtime.block_on(page::rows(&ours.desk, &ours.eye, &backend, rounds(40))));

    print(&rows);
    write(&project().join("target/bench"), "app", &rows).unwrap();
    runtime.block_on(backend.stop());
}

fn row(what: &str, unit: &str, figures: &[f64]) -> Row {
    let (what, unit) = (what.to_owned(), unit.to_owned());
    Row { what, unit, ours: median(figures), floor: None, beside: None, target: None, rounds: figures.len() }
}

trait Beside {
    fn beside(self, beside: &str, figures: &[f64], target: Option<Target>) -> Self;
    fn asked(self, target: Target) -> Self;
}

impl Beside for Row {
    fn beside(self, beside: &str, figures: &[f64], target: Option<Target>) -> Self {
        Self { floor: Some(median(figures)), beside: Some(beside.into()), target, ..self }
    }

    fn asked(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn display_of(desk: &Desk) -> String {
    let command: Command = desk.command("");
    let display = command.get_envs().find(|(name, _)| *name == "DISPLAY").and_then(|(_, value)| value);
    display.unwrap().to_str().unwrap().to_owned()
}
