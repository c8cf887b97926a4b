//! A company of 50,000 is invited: a fifth signs in and links within ten minutes, from three networks, through a relay that accepts
//! 50 mails a second.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use flex_connect_bench::{Row, Target, quantile};
use futures_util::future::join_all;

use crate::databases::{Engine, Population, number};
use crate::environment::{Bench, milliseconds, quick};
use crate::http::{self, Client, EVENTS, Employee, STATE, SignIn};
use crate::relay::Relay;

struct Finished {
    sign_in: SignIn,
    calls: Vec<(&'static str, f64)>,
    number: u32,
    sent: Instant,
    linked: Instant,
}

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (employees, seconds) = if quick() { (5_000, 60.0) } else { (50_000, 600.0) };
    let population = Population { employees, challenged: 0, addresses: 2, clients: employees / 5 };
    let url = bench.databases.create(Engine::Postgres, "burst").await?;
    population.fill(&url, Engine::Postgres).await?;
    let relay = Relay::start(Some(Duration::from_millis(20))).await?;
    let backend = bench.backend_with(&url, &relay)?;
    let people = population.clients();
    let all = people.len();
    let began = Instant::now();
    let tasks = people.into_iter().enumerate().map(|(index, employee)| {
        // The rate falls linearly to zero.
        let at = seconds * (1.0 - (1.0 - index as f64 / all as f64).sqrt());
        let (relay, address) = (Arc::clone(&relay), backend.address);
        tokio::spawn(async move {
            tokio::time::sleep_until((began + Duration::from_secs_f64(at)).into()).await;
            let number = employee.number;
            link(employee.at_work(), address, &relay).await.with_context(|| format!("employee {number}"))
        })
    });
    let mut finished = Vec::new();
    let mut failures = 0;
    for result in join_all(tasks).await {
        match result? {
            Ok(done) => finished.push(done),
            Err(error) => {
                failures += 1;
                if failures < 10 {
                    eprintln!("{error:#}");
                }
            }
        }
    }
    // The notices of the last links may still be in the outbox.
    let until = Instant::now() + Duration::from_secs(180);
    while number(&url, "SELECT COUNT(*) FROM outbox").await? > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mails = relay.take_deliveries();
    let took = began.elapsed().as_secs_f64();

    let mut first: HashMap<&str, Instant> = HashMap::new();
    for mail in mails.iter().rev() {
        first.insert(&mail.recipient, mail.at);
    }
    let (mut codes, mut notices) = (Vec::new(), Vec::new());
    let mut lost = 0;
    for done in &finished {
        for (domain, since, waits) in
            [("company.com", done.sent, &mut codes), ("home.example", done.linked, &mut notices)]
        {
            match first.get(format!("user{}@{domain}", done.number).as_str()) {
                Some(at) => waits.push(at.saturating_duration_since(since).as_secs_f64()),
                None => lost += 1,
            }
        }
    }
    let ids: HashSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    let duplicates = mails.len() - ids.len();
    let calls: Vec<f64> = finished.iter().flat_map(|done| done.calls.iter().map(|(_, took)| *took)).collect();
    let links = number(&url, "SELECT COUNT(*) FROM links").await?;
    println!("{all} people in {took:.0} s: {} calls, {} mails, {links} links", calls.len(), mails.len());
    for what in ["State", "send", "verify"] {
        let times: Vec<f64> =
            finished.iter().flat_map(|done| &done.calls).filter(|(w, _)| *w == what).map(|(_, t)| *t).collect();
        println!(
            "  {what}: {} calls, median {:.1} ms, p99 {:.1} ms",
            times.len(),
            milliseconds(quantile(&times, 0.5)),
            milliseconds(quantile(&times, 0.99))
        );
    }
    println!("  at most {} mails sent at the same time", relay.most_open());
    ensure!(failures > 0 || links == all as i64, "{links} links of {all}");
    let sign_ins: Vec<f64> = finished.iter().map(|done| done.sign_in.longest.as_secs_f64()).collect();
    let refusals: u32 = finished.iter().map(|done| done.sign_in.refusals).sum();
    let row = |what: &str, unit: &str, ours: f64| Row::new(format!("Monday burst: {what}"), unit, &[ours]);
    Ok(vec![
        row("people whose flow failed", "", f64::from(failures)).target(Target::AtMost(0.0)),
        row("sign-ins refused for being many", "", f64::from(refusals)).target(Target::AtMost(0.0)),
        row("p99 of sign-ins", "ms", milliseconds(quantile(&sign_ins, 0.99))),
        row("longest sign-in", "s", quantile(&sign_ins, 1.0)),
        row("lost mails", "", f64::from(lost)).target(Target::AtMost(0.0)),
        row("p99 of all other responses", "ms", milliseconds(quantile(&calls, 0.99))).target(Target::AtMost(250.0)),
        row("mails sent twice", "", duplicates as f64),
        row("longest wait for a code's mail", "s", quantile(&codes, 1.0)),
        row("longest wait for a notice", "s", quantile(&notices, 1.0)),
    ])
}

/// What one employee does with the app, from the sign-in to the link.
async fn link(mut employee: Employee, address: SocketAddr, relay: &Relay) -> anyhow::Result<Finished> {
    let mut calls = Vec::new();
    let mut client = Client::connect(address).await?;
    let sign_in = http::sign_in(&mut client, &mut employee).await?;
    calls.push(("State", client.timed(http::get(STATE, &employee), 200).await?.as_secs_f64()));
    let mut events = Client::connect(address).await?;
    let stream = events.open(http::get(EVENTS, &employee)).await?;
    ensure!(stream.status() == 200, "{}", stream.status());
    let mut stream = stream.into_body();
    let listening = tokio::spawn(async move { while crate::streams::next(&mut stream).await.is_ok() {} });
    let code = relay.expect_code(&employee.address());
    calls.push(("send", client.timed(http::send_code(&employee), 202).await?.as_secs_f64()));
    let sent = Instant::now();
    let code = tokio::time::timeout(Duration::from_secs(600), code).await.context("no code came")??;
    // The time that a person needs to copy the code.
    tokio::time::sleep(Duration::from_secs(5)).await;
    calls.push(("verify", client.timed(http::verify(&employee, &code), 200).await?.as_secs_f64()));
    let linked = Instant::now();
    calls.push(("State", client.timed(http::get(STATE, &employee), 200).await?.as_secs_f64()));
    listening.abort();
    Ok(Finished { sign_in, calls, number: employee.number, sent, linked })
}
