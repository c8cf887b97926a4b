//! Whole cycles (send, mail, verify, link) against the same durable transactions and the same mail without a backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use flex_connect_bench::{Row, Target};
use futures_util::future::try_join_all;
use lettre::message::MultiPart;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::sync::Mutex;

use crate::databases::{Engine, Population};
use crate::environment::{Bench, quick};
use crate::http::{self, Client, Employee};
use crate::programs::Program;
use crate::relay::Relay;

const CONCURRENT_CYCLES: usize = 16;

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let (rounds, each) = if quick() { (3, 200) } else { (7, 600) };
    for engine in Engine::BOTH {
        let employees = u32::try_from((rounds + 1) * each)?;
        // One address each, so no notice follows the link and a cycle sends one mail.
        let population = Population { employees, challenged: 0, addresses: 1, clients: employees };
        let our_url = bench.databases.create(engine, "cycles").await?;
        let bare_url = bench.databases.create(engine, "baseline").await?;
        population.fill(&our_url, engine).await?;
        population.fill(&bare_url, engine).await?;
        let (backend, baseline) = (bench.backend(&our_url)?, Baseline::start(engine, &bare_url, &bench.relay).await?);
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for (round, employees) in population.clients().chunks(each).enumerate() {
            let our = per_second(employees, Clients::connect(&backend, &bench.relay).await?).await?;
            let bare_one = per_second(employees, Arc::clone(&baseline)).await?;
            bench.relay.take_deliveries();
            // The first round is a warm-up.
            if round > 0 {
                ours.push(our);
                bare.push(bare_one);
            }
        }
        let links = crate::databases::number(&our_url, "SELECT COUNT(*) FROM links").await?;
        ensure!(links == i64::from(employees), "{links} links of {employees}");
        let row = Row::new(format!("complete cycles (send to linked), {}", engine.name()), "/s", &ours)
            .vs("the same durable transactions and mails alone", &bare);
        rows.push(if engine == Engine::Sqlite { row.target(Target::RatioAtLeast(0.6)) } else { row });
    }
    Ok(rows)
}

/// Takes an employee through a cycle. Each concurrent cycle has a lane.
trait Cycle: Send + Sync + 'static {
    fn run(&self, lane: usize, employee: &Employee) -> impl Future<Output = anyhow::Result<()>> + Send;
}

async fn per_second<C: Cycle>(employees: &[Employee], cycle: Arc<C>) -> anyhow::Result<f64> {
    let employees: Arc<Vec<Employee>> = Arc::new(employees.to_vec());
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    try_join_all((0..CONCURRENT_CYCLES).map(|lane| {
        let (employees, next, cycle) = (Arc::clone(&employees), Arc::clone(&next), Arc::clone(&cycle));
        async move {
            let lane = tokio::spawn(async move {
                while let Some(employee) = employees.get(next.fetch_add(1, Ordering::Relaxed)) {
                    cycle.run(lane, employee).await?;
                }
                anyhow::Ok(())
            });
            lane.await?
        }
    }))
    .await?;
    Ok(employees.len() as f64 / began.elapsed().as_secs_f64())
}

struct Clients {
    clients: Vec<Mutex<Client>>,
    relay: Arc<Relay>,
}

impl Clients {
    async fn connect(backend: &Program, relay: &Arc<Relay>) -> anyhow::Result<Arc<Self>> {
        let clients = try_join_all((0..CONCURRENT_CYCLES).map(|_| Client::connect(backend.address))).await?;
        Ok(Arc::new(Self { clients: clients.into_iter().map(Mutex::new).collect(), relay: Arc::clone(relay) }))
    }
}

impl Cycle for Clients {
    async fn run(&self, lane: usize, employee: &Employee) -> anyhow::Result<()> {
        let mut client = self.clients[lane].lock().await;
        let code = self.relay.expect_code(&employee.address());
        client.timed(http::send_code(employee), 202).await?;
        let code = code.await.context("no code came")?;
        let (status, body) = client.call(http::verify(employee, &code)).await?;
        let body = String::from_utf8_lossy(&body);
        ensure!(status == 200 && body.contains(r#""status":"linked""#), "{status} {body}");
        Ok(())
    }
}

/// A statement and its parameters.
struct Write(&'static str, Vec<Bound>);

enum Bound {
    Text(String),
    Number(i64),
}

macro_rules! engine {
    ($name:ident, $connection:ty, $begin:literal) => {
        async fn $name(connection: &mut $connection, writes: &[Write]) -> sqlx::Result<()> {
            let mut tx = connection.begin_with($begin).await?;
            for Write(sql, bound) in writes {
                let mut query = sqlx::query(*sql);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(text.as_str()),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                query.execute(&mut *tx).await?;
            }
            tx.commit().await
        }
    };
}
engine!(sqlite, SqliteConnection, "BEGIN IMMEDIATE");
engine!(postgres, PgConnection, "BEGIN");

enum Connections {
    /// One writer at a time, so one connection.
    Sqlite(Box<Mutex<SqliteConnection>>),
    /// One each.
    Postgres(Vec<Mutex<PgConnection>>),
}

struct Baseline {
    connections: Connections,
    smtp: AsyncSmtpTransport<Tokio1Executor>,
}

impl Baseline {
    async fn start(engine: Engine, url: &str, relay: &Relay) -> anyhow::Result<Arc<Self>> {
        let connections = match engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(url).await?;
                // The backend's settings.
                let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                               PRAGMA secure_delete = ON;";
                sqlx::raw_sql(pragmas).execute(&mut connection).await?;
                Connections::Sqlite(Box::new(Mutex::new(connection)))
            }
            Engine::Postgres => {
                let all = try_join_all((0..CONCURRENT_CYCLES).map(|_| PgConnection::connect(url))).await?;
                Connections::Postgres(all.into_iter().map(Mutex::new).collect())
            }
        };
        let smtp = AsyncSmtpTransport::<Tokio1Executor>::from_url(&format!("smtp://{}", relay.address))?.build();
        Ok(Arc::new(Self { connections, smtp }))
    }

    async fn commit(&self, lane: usize, writes: &[Write]) -> anyhow::Result<()> {
        match &self.connections {
            Connections::Sqlite(connection) => sqlite(&mut *connection.lock().await, writes).await?,
            Connections::Postgres(all) => postgres(&mut *all[lane].lock().await, writes).await?,
        }
        Ok(())
    }
}

impl Cycle for Baseline {
    /// The backend's transactions of a cycle. They write the same rows and read none.
    async fn run(&self, lane: usize, employee: &Employee) -> anyhow::Result<()> {
        use Bound::Number;
        let text = |text: &str| Bound::Text(text.to_owned());
        let id = || uuid::Uuid::new_v4().to_string();
        let (employee_id, address, now) = (format!("e{}", employee.number), employee.address(), 1_800_000_000_000);
        let (challenge, code, mail) = (id(), id(), id());
        let (hash, body) = ("0123456789abcdef".repeat(4), "x".repeat(600));
        // The claim of the Idempotency-Key.
        self.commit(
            lane,
            &[Write(
                "INSERT INTO idempotency (employee_id, key_hash, fingerprint, status, body, created_at, running_until)
             VALUES ($1, $2, $2, 0, '', $3, $3)",
                vec![text(&employee_id), text(&hash), Number(now)],
            )],
        )
        .await?;
        // The send.
        self.commit(lane, &[
            Write(
                "INSERT INTO challenges (id, employee_id, address, created_at) VALUES ($1, $2, $3, $4)",
                vec![text(&challenge), text(&employee_id), text(&address), Number(now)],
            ),
            Write("UPDATE employees SET challenge_id = $1 WHERE id = $2", vec![text(&challenge), text(&employee_id)]),
            Write(
                "INSERT INTO codes (id, employee_id, challenge_id, address, key_id, mac, sent_at, expires_at, status, delivery)
                 VALUES ($1, $2, $3, $4, '0123456789ab', $5, $6, $6, 'active', 'queued')",
                vec![text(&code), text(&employee_id), text(&challenge), text(&address), text(&hash), Number(now)],
            ),
            Write(
                "INSERT INTO outbox (id, employee_id, code_id, recipient, sealed, created_at, next_at, lease_until)
                 VALUES ($1, $2, $3, $4, $5, $6, $6, 0)",
                vec![text(&mail), text(&employee_id), text(&code), text(&address), text(&hash.repeat(2)), Number(now)],
            ),
            Write(
                "UPDATE idempotency SET status = 202, body = $1, running_until = 0 WHERE employee_id = $2 AND key_hash = $3",
                vec![text(&body), text(&employee_id), text(&hash)],
            ),
        ]).await?;
        // The mail and its delivery status.
        self.smtp.send(message(&address, &mail)?).await?;
        self.commit(
            lane,
            &[
                Write("DELETE FROM outbox WHERE id = $1", vec![text(&mail)]),
                Write("UPDATE codes SET delivery = 'accepted' WHERE id = $1", vec![text(&code)]),
            ],
        )
        .await?;
        // The verification and the link job.
        self.commit(
            lane,
            &[
                Write("UPDATE codes SET status = 'used' WHERE id = $1", vec![text(&code)]),
                Write("UPDATE challenges SET end_reason = 'verified' WHERE id = $1", vec![text(&challenge)]),
                Write("UPDATE employees SET failed_attempts = 0 WHERE id = $1", vec![text(&employee_id)]),
                Write(
                    "INSERT INTO link_jobs (employee_id, challenge_id, address, created_at, next_at, lease_until)
                 VALUES ($1, $2, $3, $4, $4, $4)",
                    vec![text(&employee_id), text(&challenge), text(&address), Number(now)],
                ),
            ],
        )
        .await?;
        // Before and after the account is created.
        self.commit(
            lane,
            &[Write("UPDATE link_jobs SET create_attempted = 1 WHERE employee_id = $1", vec![text(&employee_id)])],
        )
        .await?;
        self.commit(
            lane,
            &[
                Write("DELETE FROM link_jobs WHERE employee_id = $1", vec![text(&employee_id)]),
                Write(
                    "INSERT INTO links (employee_id, company_id, visma_user_id, address, origin, linked_at)
                 VALUES ($1, 'acme', $2, $3, 'created', $4)",
                    vec![text(&employee_id), Bound::Text(id()), text(&address), Number(now)],
                ),
            ],
        )
        .await
    }
}

/// As long as the mail of a code, with the same two parts.
fn message(address: &str, id: &str) -> anyhow::Result<Message> {
    Ok(Message::builder()
        .from("Flex HRM <no-reply@company.com>".parse()?)
        .to(address.parse()?)
        .subject("Your code for Visma Connect")
        .message_id(Some(format!("<{id}@company.com>")))
        .multipart(MultiPart::alternative_plain_html(
            "Some words for a mail.\n".repeat(40),
            "<p>Some words for a mail.</p>\n".repeat(80),
        ))?)
}
