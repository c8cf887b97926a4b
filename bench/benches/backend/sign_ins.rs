//! Sign-ins with the full cost of a password: how many a machine checks, and what a crowd experiences that is larger.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use flex_connect_bench::{Row, Target};
use futures_util::future::try_join_all;
use hrm_backend::password::PasswordCost;

use crate::databases::{Engine, SMALL};
use crate::environment::{Bench, quick};
use crate::http::{self, Client};

const CONNECTIONS: usize = 16;

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let url = bench.databases.create(Engine::Postgres, "sign_ins").await?;
    SMALL.fill(&url, Engine::Postgres).await?;
    let backend = bench.backend(&url)?;
    let (rounds, time) = if quick() { (3, Duration::from_secs(2)) } else { (7, Duration::from_secs(5)) };
    let people: Vec<_> = SMALL.clients().into_iter().map(http::Employee::at_work).collect();
    let (mut ours, mut hashes) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let began = Instant::now();
        let counts = try_join_all(people.chunks(people.len().div_ceil(CONNECTIONS)).map(async |people| {
            let (mut client, mut count) = (Client::connect(backend.address).await?, 0_u32);
            for person in people.iter().cycle() {
                if began.elapsed() >= time {
                    break;
                }
                http::sign_in(&mut client, &mut person.clone()).await?;
                count += 1;
            }
            anyhow::Ok(count)
        }))
        .await?;
        let our = f64::from(counts.iter().sum::<u32>()) / began.elapsed().as_secs_f64();
        let alone = tokio::task::spawn_blocking(move || hashes_per_second(time)).await?;
        // The first round is a warm-up.
        if round > 0 {
            ours.push(our);
            hashes.push(alone);
        }
    }

    let crowd = if quick() { 200 } else { people.len() };
    let began = Instant::now();
    let done = try_join_all(people.into_iter().take(crowd).map(async |mut person| {
        let mut client = Client::connect(backend.address).await?;
        http::sign_in(&mut client, &mut person).await
    }))
    .await?;
    let took = began.elapsed().as_secs_f64();
    let longest = done.iter().map(|done| done.longest.as_secs_f64()).fold(0.0, f64::max);
    let refusals: u32 = done.iter().map(|done| done.refusals).sum();
    let row = |what: &str, unit: &str, ours: f64| {
        Row::new(format!("{crowd} sign-ins at the same moment: {what}"), unit, &[ours])
    };
    Ok(vec![
        Row::new("sign-ins, PostgreSQL", "/s", &ours)
            .vs("argon2id alone on all cores", &hashes)
            .target(Target::RatioAtLeast(0.7)),
        row("the last one is in after", "s", took),
        row("longest wait for an answer; the app waits 15 s", "s", longest).target(Target::AtMost(15.0)),
        row("answers that told a time to come back", "", f64::from(refusals)),
    ])
}

/// The floor: what all cores do that do nothing else.
fn hashes_per_second(time: Duration) -> f64 {
    let (began, count) = (Instant::now(), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while began.elapsed() < time {
                    let hash = PasswordCost::Full.hash(&"demo".into());
                    count.fetch_add(hash.is_ok().into(), Ordering::Relaxed);
                }
            });
        }
    });
    f64::from(count.into_inner()) / began.elapsed().as_secs_f64()
}
