//! State and send with a million employees beside the same with a thousand.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use flex_connect_bench::{Row, Target, median, quantile};
use futures_util::future::try_join_all;
use hrm_backend::clock::Clock;

use crate::databases::{Crowd, Engine, forget_sends};
use crate::http::{self, Client, Employee, STATE};
use crate::programs::Program;
use crate::{Bench, MILLION, SMALL, milliseconds, quick};

const CONNECTIONS: usize = 4;

struct Side {
    url: String,
    backend: Program,
    people: Vec<Employee>,
    states: Vec<f64>,
    sends: Vec<f64>,
}

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let rounds = if quick() { 2 } else { 7 };
    for engine in Engine::BOTH {
        let mut sides = Vec::new();
        for (name, crowd) in [("small", SMALL), ("million", million(rounds))] {
            let url = bench.databases.make(engine, name).await?;
            let began = Instant::now();
            let sizes = crowd.fill(&url, engine).await?;
            println!("{} {name}: filled in {:.0?}", engine.name(), began.elapsed());
            if name == "million" {
                let challenges = f64::from(crowd.employees) * f64::from(crowd.challenged) / 10.0;
                let bytes = |what: &str, ours| absolute(format!("{what}, {}", engine.name()), "bytes", ours);
                rows.push(bytes(
                    "an employee with two addresses and a session",
                    sizes.people / f64::from(crowd.employees),
                ));
                rows.push(bytes("a challenge with a code", sizes.challenges / challenges));
            }
            let backend = bench.backend(&url)?;
            sides.push(Side { url, backend, people: crowd.known(), states: Vec::new(), sends: Vec::new() });
        }
        for round in 0..=rounds {
            for side in &mut sides {
                let all = side.people.len();
                let states = latencies(side.backend.address, &side.people, http_state, 200).await?;
                // So many as there are in the small one: there everybody sends again, in the large one others do.
                let thousand = SMALL.callers as usize;
                let from = if all > thousand { round * thousand } else { 0 };
                let began = Clock::machine();
                let sends =
                    latencies(side.backend.address, &side.people[from..from + thousand], http::send_code, 202).await?;
                while bench.relay.len() < thousand {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                bench.relay.drain();
                if all == thousand {
                    // The last mails' rows go a moment after the relay took them.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    forget_sends(&side.url, began).await?;
                }
                // The first one warms up.
                if round > 0 {
                    side.states.push(milliseconds(quantile(&states, 0.99)));
                    side.sends.push(milliseconds(quantile(&sends, 0.99)));
                }
            }
        }
        let [small, million] = &sides[..] else { anyhow::bail!("two sides") };
        for (what, ours, floor) in [("State", &million.states, &small.states), ("send", &million.sends, &small.sends)] {
            rows.push(Row {
                what: format!("{what}, p99 with 1,000,000 employees, {}", engine.name()),
                unit: "ms".to_owned(),
                ours: median(ours),
                floor: Some(median(floor)),
                beside: Some("with 1,000".to_owned()),
                target: Some(Target::RatioAtMost(1.3)),
                rounds,
            });
        }
    }
    Ok(rows)
}

/// Enough callers for every round to send with others.
fn million(rounds: usize) -> Crowd {
    Crowd { callers: SMALL.callers * (rounds as u32 + 1), ..MILLION }
}

pub(crate) fn absolute(what: String, unit: &str, ours: f64) -> Row {
    Row { what, unit: unit.to_owned(), ours, floor: None, beside: None, target: None, rounds: 1 }
}

fn http_state(of: &Employee) -> hyper::Request<http_body_util::Full<hyper::body::Bytes>> {
    http::get(STATE, of)
}

/// Seconds that each of these people's calls took, a few at a time.
async fn latencies(
    address: SocketAddr,
    people: &[Employee],
    request: fn(&Employee) -> hyper::Request<http_body_util::Full<hyper::body::Bytes>>,
    status: u16,
) -> anyhow::Result<Vec<f64>> {
    let all = try_join_all(people.chunks(people.len().div_ceil(CONNECTIONS)).map(|people| {
        let people = people.to_vec();
        async move {
            let client = async move {
                let (mut client, mut took) = (Client::connect(address).await?, Vec::new());
                for of in &people {
                    took.push(client.timed(request(of), status).await?.as_secs_f64());
                }
                anyhow::Ok(took)
            };
            tokio::spawn(client).await?
        }
    }))
    .await?;
    Ok(all.concat())
}
