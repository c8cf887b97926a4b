//! A step of `cargo xtask test` in a process of its own. Its temporary folder is its own too, so that what it leaves is seen.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::ensure;
use tempfile::TempDir;

pub(crate) struct StepProcess {
    command: Command,
    folder: TempDir,
}

impl StepProcess {
    /// `program` is this program, looked up at the start of the run, because a step may replace the file.
    pub(crate) fn new(program: &Path, name: &str, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        // A short name, because paths of sockets are limited to 107 bytes.
        let folder = tempfile::Builder::new().prefix("fc").rand_bytes(4).tempdir()?;
        // As the system's own temporary folder, it is for every user: PostgreSQL does not run as root.
        #[cfg(unix)]
        fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o1777))?;
        let mut command = Command::new(program);
        let temporary = ["TMPDIR", "TEMP", "TMP"].map(|variable| (variable, folder.path()));
        command.args(["step", name]).envs(temporary).envs(variables.iter().copied());
        Ok(Self { command, folder })
    }

    /// Shows its output as it comes.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let passed = self.command.status()?.success();
        self.end(passed)
    }

    /// Its output, and how it ended.
    pub(crate) fn collect(mut self) -> anyhow::Result<(String, anyhow::Result<()>)> {
        let (output, writer) = io::pipe()?;
        let mut child = self.command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
        // The command holds the writing end of the pipe.
        self.command = Command::new("");
        let output = io::read_to_string(output)?;
        let passed = child.wait()?.success();
        Ok((output, self.end(passed)))
    }

    /// # Errors
    /// When something is left in the temporary folder. What a test has just ended gets ten seconds to remove its files.
    fn end(self, passed: bool) -> anyhow::Result<()> {
        ensure!(passed, "its last lines say why");
        let began = Instant::now();
        loop {
            let names = fs::read_dir(&self.folder)?.map(|entry| entry.map(|entry| entry.file_name()));
            let left = names.collect::<Result<Vec<_>, _>>()?;
            if left.is_empty() {
                return Ok(());
            }
            ensure!(began.elapsed() < Duration::from_secs(10), "it left files in the temporary folder: {left:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}
