//! `GET /v1/me/visma-connect` against a bare axum handler with one indexed read of the same database.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use flex_connect_bench::{Row, Target};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use sqlx::{Pool, Postgres, Sqlite};
use tokio::net::TcpListener;

use crate::databases::{Engine, SMALL};
use crate::environment::{Bench, quick};
use crate::http::{self, Client, Employee, STATE};
use crate::programs::Program;

const CONNECTIONS: usize = 16;

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in Engine::BOTH {
        let url = bench.databases.create(engine, "state").await?;
        SMALL.fill(&url, engine).await?;
        let employees = SMALL.clients();
        let (backend, baseline) = (bench.backend(&url)?, Program::baseline(&url)?);
        let (rounds, time) = if quick() { (3, Duration::from_secs(1)) } else { (7, Duration::from_secs(3)) };
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let our = throughput(backend.address, &employees, |_| STATE.to_owned(), time).await?;
            let path = |employee: &Employee| format!("/e{}", employee.number);
            let bare_one = throughput(baseline.address, &employees, path, time).await?;
            // The first round is a warm-up.
            if round > 0 {
                ours.push(our);
                bare.push(bare_one);
            }
        }
        rows.push(
            Row::new(format!("State requests, {}", engine.name()), "/s", &ours)
                .vs("bare axum handler with one indexed read", &bare)
                .target(Target::RatioAtLeast(0.7)),
        );
    }
    Ok(rows)
}

/// Responses per second.
async fn throughput(
    address: SocketAddr,
    employees: &[Employee],
    path: impl Fn(&Employee) -> String,
    time: Duration,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    let counts = try_join_all(employees.chunks(employees.len().div_ceil(CONNECTIONS)).map(|employees| {
        let requests: Vec<_> = employees.iter().map(|employee| http::get(&path(employee), employee)).collect();
        async move {
            let client = async move {
                let (mut client, mut count) = (Client::connect(address).await?, 0_u32);
                for request in requests.iter().cycle() {
                    if began.elapsed() >= time {
                        break;
                    }
                    client.timed(request.clone(), 200).await?;
                    count += 1;
                }
                anyhow::Ok(count)
            };
            tokio::spawn(client).await?
        }
    }))
    .await?;
    Ok(f64::from(counts.iter().sum::<u32>()) / began.elapsed().as_secs_f64())
}

const READ: &str = "SELECT first_name, last_name, language, country FROM employees WHERE id = $1";

type Read = Option<(String, String, String, String)>;

/// The baseline: with as many connections to the database as the backend, and no check of them before each use.
pub(crate) async fn serve_baseline(url: &str) -> anyhow::Result<()> {
    let router = if url.starts_with("sqlite:") {
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(8).test_before_acquire(false);
        let read = async |State(pool): State<Pool<Sqlite>>, Path(id): Path<String>| {
            response(sqlx::query_as(READ).bind(id).fetch_optional(&pool).await)
        };
        Router::new().route("/{id}", get(read)).with_state(pool.connect(url).await?)
    } else {
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(16).test_before_acquire(false);
        let read = async |State(pool): State<Pool<Postgres>>, Path(id): Path<String>| {
            response(sqlx::query_as(READ).bind(id).fetch_optional(&pool).await)
        };
        Router::new().route("/{id}", get(read)).with_state(pool.connect(url).await?)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

fn response(read: sqlx::Result<Read>) -> Result<Json<Value>, StatusCode> {
    let (first, last, language, country) =
        read.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({ "firstName": first, "lastName": last, "language": language, "country": country })))
}
