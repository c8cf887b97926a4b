//! The released backend, and a floor, in processes of their own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// A program that listens. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot be started")?;
        let mut line = String::new();
        let out = child.stdout.take().context("no output")?;
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().and_then(|address| address.parse().ok());
        Ok(Self { child, address: address.with_context(|| format!("does not listen: {line}"))? })
    }

    /// The backend as it is released, on a database, beside a relay and Visma Connect.
    pub(crate) fn backend(database_url: &str, relay: SocketAddr, visma: SocketAddr) -> anyhow::Result<Self> {
        let program = released()?;
        let visma = format!("http://{visma}/");
        let mut command = Command::new(&program);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--mail-from", "Flex HRM <no-reply@company.com>", "--visma-client-id", "bench"])
            .args(["--visma-token-url", &format!("{visma}connect/token"), "--visma-api-url", &visma])
            .env("DATABASE_URL", database_url)
            .env("HRM_VISMA_CLIENT_SECRET", "bench")
            .env("HRM_CODE_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
            .env("HRM_SMTP_URL", format!("smtp://{relay}"))
            .env("HRM_TRUSTED_PROXIES", "127.0.0.1");
        let log = std::env::var_os("BENCH_LOG").map(std::fs::File::create).transpose()?;
        command.stderr(log.map_or_else(Stdio::null, Stdio::from));
        Self::start(&mut command).with_context(|| program.display().to_string())
    }

    /// This program again, as a floor.
    pub(crate) fn floor(name: &str, database_url: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.env("BENCH_FLOOR", name).env("DATABASE_URL", database_url)).context(name.to_owned())
    }

    /// Its proportional set size in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let kilobytes = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next());
        Ok(kilobytes.context("no Pss")?.parse::<f64>()? * 1_024.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Beside this program: `target/server/deps/backend-…` and `target/server/hrm-backend`.
fn released() -> anyhow::Result<PathBuf> {
    let me = std::env::current_exe()?;
    let folder = me.parent().and_then(|deps| deps.parent()).context("no folder")?;
    let program = folder.join("hrm-backend");
    anyhow::ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}
