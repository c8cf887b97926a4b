//! 10,000 open event streams on one backend: memory of each, and whether each gets its events.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use flex_connect_bench::{Row, Target, quantile};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::databases::{Engine, Population};
use crate::environment::{Bench, milliseconds, quick};
use crate::http::{self, Client, EVENTS, Employee};

/// The number of the stream's employee, and when the event came.
type Event = (u32, Instant);

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let streams: u32 = if quick() { 2_000 } else { 10_000 };
    let changed = streams / 10;
    for engine in Engine::BOTH {
        let population = Population { employees: streams, challenged: 0, addresses: 1, clients: streams };
        let url = bench.databases.create(engine, "streams").await?;
        population.fill(&url, engine).await?;
        let backend = bench.backend(&url)?;
        let employees = population.clients();
        // Warm-up: connections to the database and the allocator's first pages.
        let mut client = Client::connect(backend.address).await?;
        for employee in employees.iter().take(1_000) {
            client.timed(http::get(http::STATE, employee), 200).await?;
        }
        let before = backend.memory()?;
        let (sender, mut events) = mpsc::unbounded_channel();
        let (began, opening) = (Instant::now(), Arc::new(Semaphore::new(64)));
        let ended = Arc::new(AtomicUsize::new(0));
        for employee in employees.clone() {
            let permit = Arc::clone(&opening).acquire_owned().await?;
            let (sender, address, ended) = (sender.clone(), backend.address, Arc::clone(&ended));
            tokio::spawn(async move {
                let stream = open(address, &employee, &sender).await;
                drop(permit);
                // A stream that ends before the backend is counted.
                if let Ok(stream) = stream {
                    let _ = listen(stream, employee.number, &sender).await;
                }
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        for _ in 0..streams {
            tokio::time::timeout(Duration::from_secs(120), events.recv()).await.context("streams open slowly")?;
        }
        let opened = began.elapsed().as_secs_f64();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let each = (backend.memory()? - before) / f64::from(streams);

        // Sequential changes: the employee's own stream must get each.
        let mut waits = Vec::new();
        let (mut missed, mut misdirected) = (0, 0);
        let began = Instant::now();
        for employee in employees.iter().take(changed as usize) {
            let called = Instant::now();
            client.timed(http::snooze(employee), 200).await?;
            loop {
                match tokio::time::timeout(Duration::from_secs(10), events.recv()).await {
                    Ok(Some((number, at))) if number == employee.number => {
                        waits.push(at.saturating_duration_since(called).as_secs_f64());
                        break;
                    }
                    Ok(Some(_)) => misdirected += 1,
                    Ok(None) | Err(_) => {
                        missed += 1;
                        break;
                    }
                }
            }
        }
        let sequential = f64::from(changed) / began.elapsed().as_secs_f64();
        // As many concurrent changes: more than any buffer holds.
        let others: Vec<Employee> = employees.iter().skip(changed as usize).take(changed as usize).cloned().collect();
        for chunk in others.chunks(others.len().div_ceil(16)) {
            let (chunk, address) = (chunk.to_vec(), backend.address);
            tokio::spawn(async move {
                let mut client = Client::connect(address).await?;
                for employee in &chunk {
                    client.timed(http::snooze(employee), 200).await?;
                }
                anyhow::Ok(())
            });
        }
        let mut expected: HashSet<u32> = others.iter().map(|employee| employee.number).collect();
        while !expected.is_empty() {
            match tokio::time::timeout(Duration::from_secs(20), events.recv()).await {
                Ok(Some((number, _))) => {
                    if !expected.remove(&number) {
                        misdirected += 1;
                    }
                }
                Ok(None) | Err(_) => break,
            }
        }
        missed += expected.len();
        let ended = ended.load(Ordering::Relaxed);
        anyhow::ensure!(ended == 0, "{ended} streams ended");
        let row = |what: &str, unit: &str, figures: &[f64]| {
            Row::new(format!("{what}, {streams} streams, {}", engine.name()), unit, figures)
        };
        rows.extend([
            row("memory per stream", "KiB", &[each / 1_024.0]),
            row("missed events", "", &[missed as f64]).target(Target::AtMost(0.0)),
            row("events without a change", "", &[f64::from(misdirected)]),
            row("call to event, p99", "ms", &[milliseconds(quantile(&waits, 0.99))]),
            row("changes delivered one after the other", "/s", &[sequential]),
            row("opening", "s", &[opened]),
        ]);
    }
    Ok(rows)
}

async fn open(
    address: SocketAddr,
    employee: &Employee,
    events: &UnboundedSender<Event>,
) -> anyhow::Result<(Client, hyper::body::Incoming)> {
    let mut client = Client::connect(address).await?;
    let response = client.open(http::get(EVENTS, employee)).await?;
    anyhow::ensure!(response.status() == 200, "{}", response.status());
    let mut body = response.into_body();
    next(&mut body).await?;
    let _ = events.send((employee.number, Instant::now()));
    Ok((client, body))
}

async fn listen(
    (_client, mut body): (Client, hyper::body::Incoming),
    number: u32,
    events: &UnboundedSender<Event>,
) -> anyhow::Result<()> {
    loop {
        next(&mut body).await?;
        let _ = events.send((number, Instant::now()));
    }
}

/// Waits for the next event, ignoring keep-alives.
pub(crate) async fn next(body: &mut hyper::body::Incoming) -> anyhow::Result<()> {
    loop {
        let frame = body.frame().await.context("it ended")??;
        if frame.into_data().is_ok_and(|data| data.starts_with(b"event: state")) {
            return Ok(());
        }
    }
}
