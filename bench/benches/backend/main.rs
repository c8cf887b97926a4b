//! The released backend against baselines, on SQLite and on PostgreSQL.
//!
//! `BENCH_QUICK=1` makes everything shorter; `BENCH_ONLY=state,cycles,sign_ins,streams,sizes,burst` chooses parts.

mod burst;
mod cycles;
mod databases;
mod environment;
mod http;
mod programs;
mod relay;
mod sign_ins;
mod sizes;
mod state;
mod streams;

use std::sync::Arc;
use std::time::Instant;

use databases::Databases;
use environment::Bench;
use hrm_fakes::json_file::JsonFile;
use hrm_fakes::login::Login;
use hrm_fakes::visma_connect::{self, DirectoryFault};
use relay::Relay;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Ok(database_url) = std::env::var(programs::BASELINE) {
        return state::serve_baseline(&database_url).await;
    }
    raise_file_limit()?;
    let visma = TcpListener::bind("127.0.0.1:0").await?;
    let bench = Bench { databases: Databases::start()?, relay: Relay::start(None).await?, visma: visma.local_addr()? };
    let users = Arc::new(JsonFile::default());
    let login = Arc::new(Login::new(format!("http://{}", bench.visma), Arc::clone(&users), || 0));
    tokio::spawn(visma_connect::serve(visma, users, login, || DirectoryFault::Ok));
    let only = std::env::var("BENCH_ONLY").ok();
    let mut rows = Vec::new();
    for name in ["state", "cycles", "sign_ins", "streams", "sizes", "burst"] {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|wanted| wanted == name)) {
            continue;
        }
        let load = std::fs::read_to_string("/proc/loadavg")?;
        println!("{name}: load average before: {}", load.split(' ').next().unwrap_or("?"));
        let began = Instant::now();
        let more = match name {
            "state" => state::measure(&bench).await?,
            "cycles" => cycles::measure(&bench).await?,
            "sign_ins" => sign_ins::measure(&bench).await?,
            "streams" => streams::measure(&bench).await?,
            "sizes" => sizes::measure(&bench).await?,
            _ => burst::measure(&bench).await?,
        };
        flex_connect_bench::print(&more);
        println!("{name}: {:.0?}", began.elapsed());
        rows.extend(more);
        // A part that fails must not take the others with it.
        flex_connect_bench::write("backend", &rows)?;
    }
    Ok(())
}

/// 10,000 streams are as many sockets, here and in the backend, which inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
