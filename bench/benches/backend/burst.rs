//! Monday morning: 50,000 employees, a fifth of them in ten minutes, and a relay that takes 50 mails a second.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use flex_connect_bench::{Row, Target, quantile};
use futures_util::future::join_all;

use crate::databases::{Crowd, Engine, number};
use crate::http::{self, Client, Employee, STATE};
use crate::neighbours::Relay;
use crate::sizes::absolute;
use crate::{Bench, milliseconds, quick};

/// One of twenty has to sign in again; the others' sessions still stand.
const SIGN_INS: usize = 20;

struct Acted {
    answers: Vec<(&'static str, f64)>,
    number: u32,
    sent: Instant,
    linked: Instant,
}

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (employees, lasts) = if quick() { (5_000, 60.0) } else { (50_000, 600.0) };
    let crowd = Crowd { employees, challenged: 0, addresses: 2, callers: employees / 5 };
    let url = bench.databases.make(Engine::Postgres, "burst").await?;
    crowd.fill(&url, Engine::Postgres).await?;
    let relay = Relay::start(Some(Duration::from_millis(20))).await?;
    let backend = bench.backend_with(&url, &relay)?;
    let people = crowd.known();
    let all = people.len();
    let began = Instant::now();
    let acting = people.into_iter().enumerate().map(|(place, of)| {
        // The most at the beginning, and evenly fewer until the end.
        let at = lasts * (1.0 - (1.0 - place as f64 / all as f64).sqrt());
        let (relay, address) = (Arc::clone(&relay), backend.address);
        tokio::spawn(async move {
            tokio::time::sleep_until((began + Duration::from_secs_f64(at)).into()).await;
            let number = of.number;
            act(of, place % SIGN_INS == 0, address, &relay).await.with_context(|| format!("employee {number}"))
        })
    });
    let mut acted = Vec::new();
    let mut faults = 0;
    for done in join_all(acting).await {
        match done? {
            Ok(done) => acted.push(done),
            Err(fault) => {
                faults += 1;
                if faults < 10 {
                    eprintln!("{fault:#}");
                }
            }
        }
    }
    // A notice follows each link, and may still wait.
    let until = Instant::now() + Duration::from_secs(180);
    while number(&url, "SELECT COUNT(*) FROM mails").await? > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mails = relay.drain();
    let took = began.elapsed().as_secs_f64();

    let mut first: HashMap<&str, Instant> = HashMap::new();
    for mail in mails.iter().rev() {
        first.insert(&mail.recipient, mail.at);
    }
    let (mut codes, mut notices) = (Vec::new(), Vec::new());
    let mut lost = 0;
    for done in &acted {
        for (domain, asked, waits) in
            [("company.com", done.sent, &mut codes), ("home.example", done.linked, &mut notices)]
        {
            match first.get(format!("user{}@{domain}", done.number).as_str()) {
                Some(at) => waits.push(at.saturating_duration_since(asked).as_secs_f64()),
                None => lost += 1,
            }
        }
    }
    let ids: HashSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    let twice = mails.len() - ids.len();
    let answers: Vec<f64> = acted.iter().flat_map(|done| done.answers.iter().map(|(_, took)| *took)).collect();
    let links = number(&url, "SELECT COUNT(*) FROM links").await?;
    println!("{all} people acted in {took:.0} s: {} answers, {} mails, {links} links", answers.len(), mails.len());
    for what in ["sign in", "State", "send", "verify"] {
        let of: Vec<f64> =
            acted.iter().flat_map(|done| &done.answers).filter(|(w, _)| *w == what).map(|(_, t)| *t).collect();
        println!(
            "  {what}: {} answers, median {:.1} ms, p99 {:.1} ms",
            of.len(),
            milliseconds(quantile(&of, 0.5)),
            milliseconds(quantile(&of, 0.99))
        );
    }
    println!("  at most {} connections to the relay at once", relay.most_open());
    ensure!(faults > 0 || links == all as i64, "{links} links of {all}");
    let of = |what: &str| format!("Monday burst: {what}");
    let with = |what: &str, unit: &str, ours: f64, most: f64| Row {
        target: Some(Target::AtMost(most)),
        ..absolute(of(what), unit, ours)
    };
    Ok(vec![
        with("people who did not get through", "", f64::from(faults), 0.0),
        with("mails lost", "", f64::from(lost), 0.0),
        with("p99 of answers", "ms", milliseconds(quantile(&answers, 0.99)), 250.0),
        absolute(of("mails handed over twice"), "", twice as f64),
        absolute(of("longest wait of a code's mail"), "s", quantile(&codes, 1.0)),
        absolute(of("longest wait of a notice"), "s", quantile(&notices, 1.0)),
    ])
}

/// One person: perhaps signs in, looks, asks for a code with the app's event stream open, reads the mail, enters it.
async fn act(mut of: Employee, signs_in: bool, address: SocketAddr, relay: &Relay) -> anyhow::Result<Acted> {
    let mut answers = Vec::new();
    let mut client = Client::connect(address).await?;
    if signs_in {
        let began = Instant::now();
        let (status, body) = client.call(http::sign_in(&of)).await?;
        answers.push(("sign in", began.elapsed().as_secs_f64()));
        ensure!(status == 201, "{status}");
        let body: serde_json::Value = serde_json::from_slice(&body)?;
        body["token"].as_str().context("no token")?.clone_into(&mut of.token);
    }
    answers.push(("State", client.timed(http::get(STATE, &of), 200).await?.as_secs_f64()));
    let mut events = Client::connect(address).await?;
    let stream = events.open(http::get("/v1/me/visma-connect/events", &of)).await?;
    ensure!(stream.status() == 200, "{}", stream.status());
    let mut stream = stream.into_body();
    let listening = tokio::spawn(async move { while crate::streams::next(&mut stream).await.is_ok() {} });
    let code = relay.expect(&of.address());
    answers.push(("send", client.timed(http::send_code(&of), 202).await?.as_secs_f64()));
    let sent = Instant::now();
    let code = tokio::time::timeout(Duration::from_secs(600), code).await.context("no code came")??;
    // From the mail to the app.
    tokio::time::sleep(Duration::from_secs(5)).await;
    answers.push(("verify", client.timed(http::verify(&of, &code), 200).await?.as_secs_f64()));
    let linked = Instant::now();
    answers.push(("State", client.timed(http::get(STATE, &of), 200).await?.as_secs_f64()));
    listening.abort();
    Ok(Acted { answers, number: of.number, sent, linked })
}
