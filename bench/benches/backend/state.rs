//! `GET /v1/me/visma-connect` against a bare axum handler with one indexed read of the same database.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use flex_connect_bench::{Row, Target};
use futures_util::future::try_join_all;
use hrm_backend::clock::Clock;
use hrm_backend::keys::sha256;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection as _, Pool, Postgres, Sqlite};
use tokio::net::TcpListener;

use crate::databases::{Engine, SMALL};
use crate::environment::{Bench, quick};
use crate::http::{self, Client, Employee, STATE};
use crate::programs::Program;

const CONNECTIONS: usize = 16;

/// Devices of an employee, each of which asks once for the rows "not cached".
const DEVICES: u32 = 20;

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in Engine::BOTH {
        let url = bench.databases.create(engine, "state").await?;
        SMALL.fill(&url, engine).await?;
        let employees = SMALL.clients();
        let devices = add_devices(&url, &employees).await?;
        let baseline = Program::baseline(&url)?;
        let (rounds, time) = if quick() { (3, Duration::from_secs(1)) } else { (7, Duration::from_secs(3)) };
        let state = |_: &Employee| STATE.to_owned();
        let (mut ours, mut cold, mut floor, mut bare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 0..=rounds {
            let backend = bench.backend(&url)?;
            // Opens the connections to the database, as the baseline's are, and fills the cache.
            throughput(backend.address, &employees, state, None).await?;
            let our = throughput(backend.address, &employees, state, Some(time)).await?;
            let cold_one = throughput(backend.address, &devices, state, None).await?;
            let path = |employee: &Employee| format!("/e{}", employee.number);
            let bare_one = throughput(baseline.address, &employees, path, Some(time)).await?;
            let floor_one = throughput(baseline.address, &employees, |_| SESSION.to_owned(), Some(time)).await?;
            // The first round is a warm-up.
            if round > 0 {
                ours.push(our);
                cold.push(cold_one);
                floor.push(floor_one);
                bare.push(bare_one);
            }
        }
        let row = |what: &str, ours: &[f64]| {
            let row = Row::new(format!("{what}, {}", engine.name()), "/s", ours);
            row.vs("bare axum handler with one indexed read", &bare)
        };
        rows.push(row("State requests", &ours).target(Target::RatioAtLeast(0.7)));
        rows.push(row("State requests, not cached", &cold));
        rows.push(row("floor: bare axum handler that checks the session", &floor));
    }
    Ok(rows)
}

/// More sessions of the employees.
async fn add_devices(url: &str, employees: &[Employee]) -> anyhow::Result<Vec<Employee>> {
    let employees = employees.iter().map(|employee| employee.number);
    let devices: Vec<_> =
        (0..DEVICES).flat_map(|device| employees.clone().map(move |n| Employee::on(n, device))).collect();
    let mut db = AnyConnection::connect(url).await?;
    let mut tx = db.begin().await?;
    for device in &devices {
        let session = sqlx::query("INSERT INTO sessions (token_hash, employee_id, expires_at) VALUES ($1, $2, $3)");
        let session = session.bind(sha256(&device.token)).bind(format!("e{}", device.number)).bind(i64::MAX);
        session.execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(devices)
}

/// Responses per second: for a time, or until each employee has asked once.
async fn throughput(
    address: SocketAddr,
    employees: &[Employee],
    path: impl Fn(&Employee) -> String,
    time: Option<Duration>,
) -> anyhow::Result<f64> {
    let began = Instant::now();
    let counts = try_join_all(employees.chunks(employees.len().div_ceil(CONNECTIONS)).map(|employees| {
        let requests: Vec<_> = employees.iter().map(|employee| http::get(&path(employee), employee)).collect();
        async move {
            let client = async move {
                let (mut client, mut count) = (Client::connect(address).await?, 0_u32);
                let most = if time.is_some() { usize::MAX } else { requests.len() };
                for request in requests.iter().cycle().take(most) {
                    if time.is_some_and(|time| began.elapsed() >= time) {
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

/// The floor of every call: whose session it is, and that it has not expired.
const SESSION: &str = "/session";

const READ_SESSION: &str = "SELECT first_name, last_name, language, country FROM sessions
    JOIN employees ON employees.id = sessions.employee_id WHERE token_hash = $1 AND expires_at > $2";

fn token_hash(headers: &HeaderMap) -> Option<String> {
    Some(sha256(headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?))
}

/// The baseline: with as many connections to the database as the backend, and no check of them before each use.
pub(crate) async fn serve_baseline(url: &str) -> anyhow::Result<()> {
    let router = if url.starts_with("sqlite:") {
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(8).test_before_acquire(false);
        let read = async |State(pool): State<Pool<Sqlite>>, Path(id): Path<String>| {
            response(sqlx::query_as(READ).bind(id).fetch_optional(&pool).await)
        };
        let session = async |State(pool): State<Pool<Sqlite>>, headers: HeaderMap| {
            let read = sqlx::query_as(READ_SESSION).bind(token_hash(&headers)).bind(Clock::system_now());
            response(read.fetch_optional(&pool).await)
        };
        Router::new().route("/{id}", get(read)).route(SESSION, get(session)).with_state(pool.connect(url).await?)
    } else {
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(16).test_before_acquire(false);
        let read = async |State(pool): State<Pool<Postgres>>, Path(id): Path<String>| {
            response(sqlx::query_as(READ).bind(id).fetch_optional(&pool).await)
        };
        let session = async |State(pool): State<Pool<Postgres>>, headers: HeaderMap| {
            let read = sqlx::query_as(READ_SESSION).bind(token_hash(&headers)).bind(Clock::system_now());
            response(read.fetch_optional(&pool).await)
        };
        Router::new().route("/{id}", get(read)).route(SESSION, get(session)).with_state(pool.connect(url).await?)
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
