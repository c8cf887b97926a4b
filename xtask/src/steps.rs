//! Steps with progress and time; the first failure ends them with the command to repeat it.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, bail};

/// A run of steps.
pub(crate) struct Steps {
    began: Instant,
    number: u32,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), number: 0 }
    }

    /// Does one step, and says what and how long.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        self.number += 1;
        println!("\n[{}] {name}", self.number);
        let began = Instant::now();
        work().with_context(|| format!("[{}] {name}: failed after {:.0?}", self.number, began.elapsed()))?;
        println!("[{}] {name}: done in {:.1} s", self.number, began.elapsed().as_secs_f32());
        Ok(())
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

/// Runs a command with its output to be seen.
pub(crate) fn sh(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    sh_with(program, arguments, &[])
}

/// The same with environment variables.
pub(crate) fn sh_with(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{program} could not be started"))?;
    if status.success() {
        return Ok(());
    }
    let variables: String = variables.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    bail!("To repeat it: {variables}{program} {}", arguments.join(" "))
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// Whether a command runs and says yes.
pub(crate) fn says_yes(program: &str, arguments: &[&str]) -> bool {
    let silent =
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    silent.is_ok_and(|status| status.success())
}
