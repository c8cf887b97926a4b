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
    time::{Duration, Instant},
};

use eye::Eye;
use family::Family;
use flex_connect_bench::{Row, Target, median, print, write};
use support::{backend::Backend, desk::Desk, stage::ANNA};

/// What a window still does once it is painted: caches, first collections of garbage.
const SETTLES: Duration = Duration::from_secs(10);
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
        let eye = Eye::on(&desk.system.camera().0);
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
        self.starts.push(start);
        self.memory.push(family.settled_memory());
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
        assert!(desk.system.token_in_keyring().is_some(), "the session is in the credential store");
    });

    let mut rows = Rows::default();
    rows.add([row("the program, stripped", "MB", &[fs::metadata(&app).unwrap().len() as f64 / 1e6])
        .asked(Target::AtMost(6.0))]);
    let mut ours = Side::of(desk, app.clone(), &[]);
    let mut floor = Side::of(Desk::new(), app.with_file_name("flex-connect-floor"), &[]);
    if asked_for("start") {
        rows.add(starts(&mut ours, &mut floor, rounds(25)));
    }
    if asked_for("idle") {
        rows.add(idle(&ours, &floor, rounds(3).min(3)));
    }
    drop(floor);
    if asked_for("page") {
        rows.add(runtime.block_on(page::rows(&ours.desk, &ours.eye, &backend, rounds(40))));
    }
    write(&project().join("target/bench"), "app", &rows.0).unwrap();
    runtime.block_on(backend.stop());
}

/// The rows so far: each part is printed when it is there.
#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        let rows = Vec::from_iter(rows);
        print(&rows);
        self.0.extend(rows);
    }
}

/// Whether a part is to be measured: all of them, unless some are named after `--`.
fn asked_for(part: &str) -> bool {
    let mut named = env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

fn starts(ours: &mut Side, floor: &mut Side, rounds: usize) -> Vec<Row> {
    let page = format!("--app=file://{}", project().join("bench/floor/page/index.html").display());
    // Root may not use its sandbox; the rest keeps its first-run pages and its keyring out of the way.
    let mut chromium = Side::of(
        Desk::new(),
        "chromium".into(),
        &[&page, "--no-sandbox", "--no-first-run", "--password-store=basic", "--window-size=1120,780"],
    );
    for round in 0..=rounds {
        for side in [&mut *ours, &mut *floor, &mut chromium] {
            side.round();
            // The first brings everything into the page cache.
            if round == 0 {
                (side.starts, side.memory) = (Vec::new(), Vec::new());
            }
        }
    }
    let bare = "a bare Tauri window with a static page";
    let browser = "the static page in chromium --app";
    let start =
        row("start to the banner on the display (a new process, its files in the page cache)", "ms", &ours.starts);
    let memory = row("memory of all processes (PSS), signed in", "MB", &ours.memory);
    vec![
        start.clone().beside(bare, &floor.starts, Some(Target::RatioAtMost(1.15))),
        start.beside(browser, &chromium.starts, None),
        memory.clone().beside(bare, &floor.memory, Some(Target::RatioAtMost(1.10))),
        memory.beside(browser, &chromium.memory, None),
    ]
}

/// Both at the same time, each on its display.
fn idle(ours: &Side, floor: &Side, rounds: usize) -> [Row; 1] {
    let (mut app, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let ((ours, _), (floor, _)) = (ours.start(), floor.start());
        std::thread::sleep(SETTLES);
        let [worked, worked_floor] = family::work_over(IDLE, [&ours, &floor]);
        app.push(worked);
        bare.push(worked_floor);
    }
    let ours = row("processor time in 60 idle seconds, in front, following the backend", "ms", &app);
    [ours.beside("a bare Tauri window with a static page", &bare, Some(Target::RatioAtMost(1.0)))]
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
