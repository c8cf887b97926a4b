//! Numbered steps with their duration. The first failure stops the run.

use std::{
    io,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use anyhow::{Context as _, ensure};

pub(crate) struct Steps {
    began: Instant,
    count: usize,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), count: 0 }
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
    pub(crate) fn at_once(&mut self, names: &[&str], command: impl Fn(&str) -> Command + Sync) -> anyhow::Result<()> {
        let first = self.count + 1;
        self.count += names.len();
        println!("\n[{first}-{}] at once: {}", self.count, names.join(" · "));
        let run = |number: usize, name: &str| -> anyhow::Result<bool> {
            let began = Instant::now();
            let (output, writer) = io::pipe()?;
            let mut command = command(name);
            let mut child = command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
            // It holds the writing end of the pipe.
            drop(command);
            let output = io::read_to_string(output)?;
            let passed = child.wait()?.success();
            let result = if passed { "done" } else { "FAILED" };
            println!("{output}[{number}] {name}: {result} in {:.1} s", began.elapsed().as_secs_f32());
            Ok(passed)
        };
        let failed = thread::scope(|scope| {
            let run = &run;
            let start = |(number, name)| (name, scope.spawn(move || run(number, name)));
            let threads: Vec<_> = (first..).zip(names.iter().copied()).map(start).collect();
            let failed = threads.into_iter().filter_map(|(name, thread)| match thread.join() {
                Ok(Ok(true)) => None,
                _ => Some(name),
            });
            failed.collect::<Vec<_>>()
        });
        ensure!(
            failed.is_empty(),
            "Failed: {}. To repeat: cargo xtask test --only \"{}\"",
            failed.join(", "),
            failed[0]
        );
        Ok(())
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}
