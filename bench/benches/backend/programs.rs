//! The released backend and the baseline, each in a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use hrm_fakes::program::first_line;
use hrm_fakes::visma_connect::{CLIENT_ID, CLIENT_SECRET};

/// The environment variable that makes this program serve the baseline. Its value is the database URL.
pub(crate) const BASELINE: &str = "BENCH_BASELINE";

/// Killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot be started")?;
        let line = first_line(child.stdout.take().context("no output")?)?;
        let address = line.rsplit('/').next().and_then(|address| address.parse().ok());
        Ok(Self { child, address: address.with_context(|| format!("does not listen: {line}"))? })
    }

    pub(crate) fn backend(database_url: &str, relay: SocketAddr, visma: SocketAddr) -> anyhow::Result<Self> {
        let program = backend_program()?;
        let visma = format!("http://{visma}/");
        let mut command = Command::new(&program);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--mail-from", "Flex HRM <no-reply@company.com>", "--visma-client-id", CLIENT_ID])
            .args(["--visma-token-url", &format!("{visma}connect/token"), "--visma-api-url", &visma])
            .env("DATABASE_URL", database_url)
            .env("HRM_VISMA_CLIENT_SECRET", CLIENT_SECRET)
            .env("HRM_CODE_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
            .env("HRM_SMTP_URL", format!("smtp://{relay}"))
            .env("HRM_TRUSTED_PROXIES", "127.0.0.1");
        let log = std::env::var_os("BENCH_LOG").map(std::fs::File::create).transpose()?;
        command.stderr(log.map_or_else(Stdio::null, Stdio::from));
        Self::start(&mut command).with_context(|| program.display().to_string())
    }

    /// Starts this program again, as the baseline.
    pub(crate) fn baseline(database_url: &str) -> anyhow::Result<Self> {
        Self::start(Command::new(std::env::current_exe()?).env(BASELINE, database_url)).context("the baseline")
    }

    /// Proportional set size in bytes.
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

fn backend_program() -> anyhow::Result<PathBuf> {
    // This program is in `TARGET/PROFILE/deps`.
    let me = std::env::current_exe()?;
    let program = me.ancestors().nth(2).context("not in a target folder")?.join("hrm-backend");
    anyhow::ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}
