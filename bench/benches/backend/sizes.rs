//! State and send with a million employees against the same with a thousand.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use flex_connect_bench::{Row, Target, quantile};
use futures_util::future::try_join_all;
use hrm_backend::clock::Clock;

use crate::databases::{Engine, MILLION, Population, SMALL, delete_sends};
use crate::environment::{Bench, milliseconds, quick};
use crate::http::{self, Client, Employee, STATE};
use crate::programs::Program;

const CONNECTIONS: usize = 4;

struct Contestant {
    url: String,
    backend: Program,
    employees: Vec<Employee>,
    states: Vec<f64>,
    sends: Vec<f64>,
}

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let rounds = if quick() { 2 } else { 7 };
    for engine in Engine::BOTH {
        let mut contestants = Vec::new();
        for (name, population) in [("small", SMALL), ("million", million(rounds))] {
            let url = bench.databases.create(engine, name).await?;
            let began = Instant::now();
            let sizes = population.fill(&url, engine).await?;
            println!("{} {name}: filled in {:.0?}", engine.name(), began.elapsed());
            if name == "million" {
                let challenges = f64::from(population.employees) * f64::from(population.challenged) / 10.0;
                let bytes = |what: &str, ours| Row::new(format!("{what}, {}", engine.name()), "bytes", &[ours]);
                rows.push(bytes(
                    "size of an employee with two addresses and a session",
                    sizes.people / f64::from(population.employees),
                ));
                rows.push(bytes("size of a challenge with a code", sizes.challenges / challenges));
            }
            let backend = bench.backend(&url)?;
            let employees = population.clients();
            contestants.push(Contestant { url, backend, employees, states: Vec::new(), sends: Vec::new() });
        }
        for round in 0..=rounds {
            for contestant in &mut contestants {
                let Contestant { url, backend, employees, .. } = &*contestant;
                let states = latencies(backend.address, employees, http_state, 200).await?;
                // In the small population the same thousand send in each round, in the large one another thousand.
                let thousand = SMALL.clients as usize;
                let is_small = employees.len() == thousand;
                let from = if is_small { 0 } else { round * thousand };
                let began = Clock::system_now();
                let senders = &employees[from..from + thousand];
                let sends = latencies(backend.address, senders, http::send_code, 202).await?;
                while bench.relay.delivery_count() < thousand {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                bench.relay.take_deliveries();
                if is_small {
                    // The backend deletes a mail from its outbox shortly after the relay has accepted it.
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    delete_sends(url, engine, began).await?;
                }
                // The first round is a warm-up.
                if round > 0 {
                    contestant.states.push(milliseconds(quantile(&states, 0.99)));
                    contestant.sends.push(milliseconds(quantile(&sends, 0.99)));
                }
            }
        }
        let [small, million] = &contestants[..] else { anyhow::bail!("two contestants") };
        for (what, ours, baseline) in
            [("State", &million.states, &small.states), ("send", &million.sends, &small.sends)]
        {
            let what = format!("{what} p99 with 1,000,000 employees, {}", engine.name());
            rows.push(Row::new(what, "ms", ours).vs("with 1,000", baseline).target(Target::RatioAtMost(1.3)));
        }
    }
    Ok(rows)
}

/// With enough clients to send with another thousand in each round.
fn million(rounds: usize) -> Population {
    Population { clients: SMALL.clients * (rounds as u32 + 1), ..MILLION }
}

fn http_state(employee: &Employee) -> hyper::Request<http_body_util::Full<hyper::body::Bytes>> {
    http::get(STATE, employee)
}

/// The seconds of each employee's call, with a few calls at a time.
async fn latencies(
    address: SocketAddr,
    employees: &[Employee],
    request: fn(&Employee) -> hyper::Request<http_body_util::Full<hyper::body::Bytes>>,
    status: u16,
) -> anyhow::Result<Vec<f64>> {
    let all = try_join_all(employees.chunks(employees.len().div_ceil(CONNECTIONS)).map(|employees| {
        let employees = employees.to_vec();
        async move {
            let client = async move {
                let (mut client, mut took) = (Client::connect(address).await?, Vec::new());
                for employee in &employees {
                    took.push(client.timed(request(employee), status).await?.as_secs_f64());
                }
                anyhow::Ok(took)
            };
            tokio::spawn(client).await?
        }
    }))
    .await?;
    Ok(all.concat())
}
