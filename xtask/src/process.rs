//! Processes that the commands start.

use std::{env, path::PathBuf, process::Child, sync::mpsc, time::Duration};

use anyhow::bail;
use xshell::Cmd;

/// Whether a command exits successfully. Its output is discarded.
pub(crate) fn succeeds(command: Cmd<'_>) -> bool {
    command.quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

/// Cargo's target folder.
pub(crate) fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

/// Where cargo puts a program of ours.
pub(crate) fn built(release: bool, program: &str) -> PathBuf {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    target_folder().join(if release { "release" } else { "debug" }).join(file)
}

/// Cargo's environment for compiling the workspace with Clippy: `cargo clippy` does the same, but only checks, so that everything
/// would be compiled a second time. Warnings are errors.
pub(crate) const CLIPPY: [(&str, &str); 2] =
    [(CLIPPY_WRAPPER, "clippy-driver"), ("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__")];
const CLIPPY_WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

/// For what is released, and for other people's programs.
pub(crate) fn without_clippy(command: Cmd<'_>) -> Cmd<'_> {
    command.env_remove(CLIPPY_WRAPPER)
}

/// From now on, this process and those that it starts get only the time that others leave.
pub(crate) fn give_way() -> anyhow::Result<()> {
    #[cfg(unix)]
    rustix::process::nice(19)?;
    Ok(())
}

/// Stops the process when dropped.
pub(crate) struct ChildGuard(pub(crate) Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        match self.0.stdin.take() {
            // A child with a piped stdin stops its own children and exits when the pipe closes.
            Some(stdin) => drop(stdin),
            None => _ = self.0.kill(),
        }
        self.0.wait().ok();
    }
}

/// Returns on Ctrl-C, on SIGTERM, or when the app exits. Fails if the service exits.
pub(crate) fn wait_for_ctrl_c(service: &mut ChildGuard, mut app: Option<&mut ChildGuard>) -> anyhow::Result<()> {
    let (sender, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Fails only if nobody waits any more.
        sender.send(()).ok();
    })?;
    while interrupted.recv_timeout(Duration::from_millis(200)).is_err() {
        if let Some(app) = &mut app
            && app.0.try_wait()?.is_some()
        {
            println!("\nThe app was closed.");
            return Ok(());
        }
        if let Some(status) = service.0.try_wait()? {
            bail!("The demo exited ({status}).");
        }
    }
    println!("\nStopped.");
    Ok(())
}
