//! Ten thousand open event streams on one backend: what each takes, and whether each hears what it should.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use flex_connect_bench::{Row, Target, quantile};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::databases::{Crowd, Engine};
use crate::http::{self, Client, Employee};
use crate::sizes::absolute;
use crate::{Bench, milliseconds, quick};

/// What a stream said: of whom, and when.
type Heard = (u32, Instant);

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let streams: u32 = if quick() { 2_000 } else { 10_000 };
    let changed = streams / 10;
    for engine in Engine::BOTH {
        let crowd = Crowd { employees: streams, challenged: 0, addresses: 1, callers: streams };
        let url = bench.databases.make(engine, "streams").await?;
        crowd.fill(&url, engine).await?;
        let backend = bench.backend(&url)?;
        let people = crowd.known();
        // Warm: connections to the database, the allocator's first pages.
        let mut client = Client::connect(backend.address).await?;
        for of in people.iter().take(1_000) {
            client.timed(http::get(http::STATE, of), 200).await?;
        }
        let before = backend.memory()?;
        let (sender, mut heard) = mpsc::unbounded_channel();
        let (began, opening) = (Instant::now(), Arc::new(Semaphore::new(64)));
        let broken = Arc::new(AtomicUsize::new(0));
        for of in people.clone() {
            let turn = Arc::clone(&opening).acquire_owned().await?;
            let (sender, address, broken) = (sender.clone(), backend.address, Arc::clone(&broken));
            tokio::spawn(async move {
                let stream = open(address, &of, &sender).await;
                drop(turn);
                // It ends with the backend; one that ends before that is counted.
                if let Ok(stream) = stream {
                    let _ = listen(stream, of.number, &sender).await;
                }
                broken.fetch_add(1, Ordering::Relaxed);
            });
        }
        for _ in 0..streams {
            tokio::time::timeout(Duration::from_secs(120), heard.recv()).await.context("streams open slowly")?;
        }
        let opened = began.elapsed().as_secs_f64();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let each = (backend.memory()? - before) / f64::from(streams);

        // One change after the other, and each time the employee's own stream must hear it.
        let mut waits = Vec::new();
        let (mut missed, mut strangers) = (0, 0);
        let began = Instant::now();
        for of in people.iter().take(changed as usize) {
            let asked = Instant::now();
            client.timed(http::snooze(of), 200).await?;
            loop {
                match tokio::time::timeout(Duration::from_secs(10), heard.recv()).await {
                    Ok(Some((number, at))) if number == of.number => {
                        waits.push(at.saturating_duration_since(asked).as_secs_f64());
                        break;
                    }
                    Ok(Some(_)) => strangers += 1,
                    Ok(None) | Err(_) => {
                        missed += 1;
                        break;
                    }
                }
            }
        }
        let in_turn = f64::from(changed) / began.elapsed().as_secs_f64();
        // The same number at once: more than any buffer holds.
        let others: Vec<Employee> = people.iter().skip(changed as usize).take(changed as usize).cloned().collect();
        for chunk in others.chunks(others.len().div_ceil(16)) {
            let (chunk, address) = (chunk.to_vec(), backend.address);
            tokio::spawn(async move {
                let mut client = Client::connect(address).await?;
                for of in &chunk {
                    client.timed(http::snooze(of), 200).await?;
                }
                anyhow::Ok(())
            });
        }
        let mut wanted: std::collections::HashSet<u32> = others.iter().map(|of| of.number).collect();
        while !wanted.is_empty() {
            match tokio::time::timeout(Duration::from_secs(20), heard.recv()).await {
                Ok(Some((number, _))) => {
                    if !wanted.remove(&number) {
                        strangers += 1;
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        missed += wanted.len();
        let ended = broken.load(Ordering::Relaxed);
        anyhow::ensure!(ended == 0, "{ended} streams ended");
        let of = |what: &str| format!("{what}, {streams} streams, {}", engine.name());
        rows.push(absolute(of("memory of a stream"), "KiB", each / 1_024.0));
        let mut row = absolute(of("events missed"), "", missed as f64);
        row.target = Some(Target::AtMost(0.0));
        rows.push(row);
        rows.push(absolute(of("events for nobody's change"), "", f64::from(strangers)));
        rows.push(absolute(of("from a call to its event, p99"), "ms", milliseconds(quantile(&waits, 0.99))));
        rows.push(absolute(of("changes heard, one after the other"), "/s", in_turn));
        rows.push(absolute(of("opening"), "s", opened));
    }
    Ok(rows)
}

async fn open(
    address: SocketAddr,
    of: &Employee,
    heard: &UnboundedSender<Heard>,
) -> anyhow::Result<(Client, hyper::body::Incoming)> {
    let mut client = Client::connect(address).await?;
    let answer = client.open(http::get("/v1/me/visma-connect/events", of)).await?;
    anyhow::ensure!(answer.status() == 200, "{}", answer.status());
    let mut body = answer.into_body();
    next(&mut body).await?;
    let _ = heard.send((of.number, Instant::now()));
    Ok((client, body))
}

async fn listen(
    (_client, mut body): (Client, hyper::body::Incoming),
    number: u32,
    heard: &UnboundedSender<Heard>,
) -> anyhow::Result<()> {
    loop {
        next(&mut body).await?;
        let _ = heard.send((number, Instant::now()));
    }
}

/// Waits for the next event that is no keep-alive.
pub(crate) async fn next(body: &mut hyper::body::Incoming) -> anyhow::Result<()> {
    loop {
        let frame = body.frame().await.context("it ended")??;
        if frame.into_data().is_ok_and(|data| data.starts_with(b"event: state")) {
            return Ok(());
        }
    }
}
