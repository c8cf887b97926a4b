//! What the released backend does beside floors, on SQLite and on PostgreSQL. `bench/README.md` says what each floor is.
//!
//! `BENCH_QUICK=1` shortens everything; `BENCH_ONLY=state,cycles,sizes,streams,burst` leaves some out.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person at a terminal")]
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "counts of people")]

mod burst;
mod cycles;
mod databases;
mod http;
mod neighbours;
mod programs;
mod sizes;
mod state;
mod streams;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use databases::{Crowd, Databases};
use neighbours::Relay;
use programs::Program;

/// A thousand people; everybody is somebody whose token is known here.
const SMALL: Crowd = Crowd { employees: 1_000, challenged: 3, addresses: 2, callers: 1_000 };
/// A thousand times as many: 300,000 live challenges.
const MILLION: Crowd = Crowd { employees: 1_000_000, ..SMALL };

/// What every measurement needs.
struct Bench {
    databases: Databases,
    relay: Arc<Relay>,
    visma: SocketAddr,
}

impl Bench {
    fn backend(&self, url: &str) -> anyhow::Result<Program> {
        self.backend_with(url, &self.relay)
    }

    fn backend_with(&self, url: &str, relay: &Relay) -> anyhow::Result<Program> {
        Program::backend(url, relay.address, self.visma)
    }
}

fn quick() -> bool {
    std::env::var_os("BENCH_QUICK").is_some_and(|value| value == "1")
}

fn milliseconds(seconds: f64) -> f64 {
    seconds * 1_000.0
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Ok(name) = std::env::var("BENCH_FLOOR") {
        anyhow::ensure!(name == state::FLOOR, "no floor {name}");
        return state::serve_floor(&std::env::var("DATABASE_URL")?).await;
    }
    more_files()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let folder = root.join("target/bench");
    let bench = Bench {
        databases: Databases::start(&folder)?,
        relay: Relay::start(None).await?,
        visma: neighbours::visma_connect().await?,
    };
    let only = std::env::var("BENCH_ONLY").ok();
    let mut rows = Vec::new();
    for name in ["state", "cycles", "streams", "sizes", "burst"] {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|wanted| wanted == name)) {
            continue;
        }
        let load = std::fs::read_to_string("/proc/loadavg")?;
        println!("{name}: the machine's load before it was {}", load.split(' ').next().unwrap_or("?"));
        let began = Instant::now();
        let more = match name {
            "state" => state::measure(&bench).await?,
            "cycles" => cycles::measure(&bench).await?,
            "streams" => streams::measure(&bench).await?,
            "sizes" => sizes::measure(&bench).await?,
            _ => burst::measure(&bench).await?,
        };
        flex_connect_bench::print(&more);
        println!("{name}: {:.0?}", began.elapsed());
        rows.extend(more);
    }
    flex_connect_bench::write(&folder, "backend", &rows)
}

/// Ten thousand streams are ten thousand sockets, here and in the backend, which inherits this.
fn more_files() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
