//! Numbered steps with their duration. The first failure stops the run.

use std::{
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::{Context as _, ensure};

use crate::step_process::StepProcess;

pub(crate) struct Steps {
    began: Instant,
    count: usize,
    running: Vec<Running>,
}

struct Running {
    name: &'static str,
    /// Whether the step has passed.
    thread: JoinHandle<anyhow::Result<bool>>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), count: 0, running: Vec::new() }
    }

    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.count += 1;
        let number = self.count;
        println!("\n[{number}] {name}");
        let began = Instant::now();
        work().with_context(|| format!("[{number}] {name}: failed after {:.0?}", began.elapsed()))?;
        println!("[{number}] {name}: done in {:.1} s", began.elapsed().as_secs_f32());
        Ok(())
    }

    /// Runs steps of `cargo xtask test` at the same time, and prints the output of each at its end.
    pub(crate) fn at_once(&mut self, processes: Vec<(&'static str, StepProcess)>) -> anyhow::Result<()> {
        let running = self.start("at once", processes);
        wait(running)
    }

    /// Starts steps of `cargo xtask test` that run beside those that follow, until [`Self::wait_for_beside`].
    pub(crate) fn beside(&mut self, processes: Vec<(&'static str, StepProcess)>) {
        let running = self.start("beside what follows", processes);
        self.running.extend(running);
    }

    pub(crate) fn wait_for_beside(&mut self) -> anyhow::Result<()> {
        let unfinished: Vec<_> = self.running.iter().filter(|step| !step.thread.is_finished()).collect();
        if !unfinished.is_empty() {
            let names: Vec<_> = unfinished.iter().map(|step| step.name).collect();
            println!("\nStill running: {}", names.join(" · "));
        }
        wait(std::mem::take(&mut self.running))
    }

    fn start(&mut self, how: &str, processes: Vec<(&'static str, StepProcess)>) -> Vec<Running> {
        let first = self.count + 1;
        self.count += processes.len();
        let names: Vec<_> = processes.iter().map(|(name, _)| *name).collect();
        let numbers = if names.len() == 1 { first.to_string() } else { format!("{first}-{}", self.count) };
        println!("\n[{numbers}] {how}: {}", names.join(" · "));
        let start = |(number, (name, process)): (usize, (&'static str, StepProcess))| Running {
            name,
            thread: thread::spawn(move || run(number, name, process)),
        };
        (first..).zip(processes).map(start).collect()
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

fn run(number: usize, name: &str, process: StepProcess) -> anyhow::Result<bool> {
    let began = Instant::now();
    let (output, result) = process.collect()?;
    let took = began.elapsed().as_secs_f32();
    match &result {
        Ok(()) => println!("{output}[{number}] {name}: done in {took:.1} s"),
        Err(error) => println!("{output}[{number}] {name}: FAILED in {took:.1} s, {error}"),
    }
    Ok(result.is_ok())
}

fn wait(running: Vec<Running>) -> anyhow::Result<()> {
    let failed = running.into_iter().filter_map(|step| match step.thread.join() {
        Ok(Ok(true)) => None,
        _ => Some(step.name),
    });
    let failed: Vec<_> = failed.collect();
    ensure!(failed.is_empty(), "Failed: {}. To repeat: cargo xtask test --only \"{}\"", failed.join(", "), failed[0]);
    Ok(())
}
