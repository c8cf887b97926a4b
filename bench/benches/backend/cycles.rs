//! Whole cycles (send, mail out, verify, link) beside the same durable transactions and the same mail with nothing around.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use flex_connect_bench::{Row, Target, median};
use futures_util::future::try_join_all;
use lettre::message::MultiPart;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::sync::Mutex;

use crate::databases::{Crowd, Engine};
use crate::http::{self, Client, Employee};
use crate::neighbours::Relay;
use crate::programs::Program;
use crate::{Bench, quick};

/// So many go through the flow at once.
const AT_ONCE: usize = 16;

pub(crate) async fn measure(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let (rounds, each) = if quick() { (3, 200) } else { (7, 600) };
    for engine in Engine::BOTH {
        let employees = u32::try_from((rounds + 1) * each)?;
        // One address: no notice after the link, so that a cycle is one mail.
        let crowd = Crowd { employees, challenged: 0, addresses: 1, callers: employees };
        let (ours_url, floor_url) =
            (bench.databases.make(engine, "cycles").await?, bench.databases.make(engine, "floor").await?);
        crowd.fill(&ours_url, engine).await?;
        crowd.fill(&floor_url, engine).await?;
        let (backend, floor) = (bench.backend(&ours_url)?, Floor::start(engine, &floor_url, &bench.relay).await?);
        let (mut figures, mut floors) = (Vec::new(), Vec::new());
        for (round, people) in crowd.known().chunks(each).enumerate() {
            let our = per_second(people, Clients::connect(&backend, &bench.relay).await?).await?;
            let bare = per_second(people, Arc::clone(&floor)).await?;
            bench.relay.drain();
            // The first one warms up.
            if round > 0 {
                figures.push(our);
                floors.push(bare);
            }
        }
        let links = crate::databases::number(&ours_url, "SELECT COUNT(*) FROM links").await?;
        ensure!(links == i64::from(employees), "{links} links of {employees}");
        rows.push(Row {
            what: format!("whole cycles, {}", engine.name()),
            unit: "/s".to_owned(),
            ours: median(&figures),
            floor: Some(median(&floors)),
            beside: Some("the same durable transactions and mails with nothing around".to_owned()),
            target: (engine == Engine::Sqlite).then_some(Target::RatioAtLeast(0.6)),
            rounds,
        });
    }
    Ok(rows)
}

/// What takes one person through a cycle. Each of those who do it at once has a number.
trait Cycle: Send + Sync + 'static {
    fn run(&self, lane: usize, of: &Employee) -> impl Future<Output = anyhow::Result<()>> + Send;
}

async fn per_second<C: Cycle>(people: &[Employee], cycle: Arc<C>) -> anyhow::Result<f64> {
    let people: Arc<Vec<Employee>> = Arc::new(people.to_vec());
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    try_join_all((0..AT_ONCE).map(|lane| {
        let (people, next, cycle) = (Arc::clone(&people), Arc::clone(&next), Arc::clone(&cycle));
        async move {
            let lane = tokio::spawn(async move {
                while let Some(of) = people.get(next.fetch_add(1, Ordering::Relaxed)) {
                    cycle.run(lane, of).await?;
                }
                anyhow::Ok(())
            });
            lane.await?
        }
    }))
    .await?;
    Ok(people.len() as f64 / began.elapsed().as_secs_f64())
}

struct Clients {
    clients: Vec<Mutex<Client>>,
    relay: Arc<Relay>,
}

impl Clients {
    async fn connect(backend: &Program, relay: &Arc<Relay>) -> anyhow::Result<Arc<Self>> {
        let clients = try_join_all((0..AT_ONCE).map(|_| Client::connect(backend.address))).await?;
        Ok(Arc::new(Self { clients: clients.into_iter().map(Mutex::new).collect(), relay: Arc::clone(relay) }))
    }
}

impl Cycle for Clients {
    async fn run(&self, lane: usize, of: &Employee) -> anyhow::Result<()> {
        let mut client = self.clients[lane].lock().await;
        let code = self.relay.expect(&of.address());
        client.timed(http::send_code(of), 202).await?;
        let code = code.await.context("no code came")?;
        let (status, body) = client.call(http::verify(of, &code)).await?;
        let body = String::from_utf8_lossy(&body);
        ensure!(status == 200 && body.contains(r#""status":"linked""#), "{status} {body}");
        Ok(())
    }
}

/// A statement of the floor, and what is bound to it.
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

struct Floor {
    connections: Connections,
    smtp: AsyncSmtpTransport<Tokio1Executor>,
}

impl Floor {
    async fn start(engine: Engine, url: &str, relay: &Relay) -> anyhow::Result<Arc<Self>> {
        let connections = match engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(url).await?;
                // The backend's own.
                let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                               PRAGMA secure_delete = ON;";
                sqlx::raw_sql(pragmas).execute(&mut connection).await?;
                Connections::Sqlite(Box::new(Mutex::new(connection)))
            }
            Engine::Postgres => {
                let all = try_join_all((0..AT_ONCE).map(|_| PgConnection::connect(url))).await?;
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

impl Cycle for Floor {
    /// The backend's transactions of a cycle: the same rows are written, and nothing is read.
    async fn run(&self, lane: usize, of: &Employee) -> anyhow::Result<()> {
        use Bound::Number;
        let text = |text: &str| Bound::Text(text.to_owned());
        let id = || uuid::Uuid::new_v4().to_string();
        let (employee, address, now) = (format!("e{}", of.number), of.address(), 1_800_000_000_000);
        let (challenge, code, mail) = (id(), id(), id());
        let (hash, body) = ("0123456789abcdef".repeat(4), "x".repeat(600));
        // The client's limit; the claim of the Idempotency-Key.
        self.commit(
            lane,
            &[Write(
                "INSERT INTO client_limits (bucket, period, calls) VALUES ($1, $2, 1)
             ON CONFLICT (bucket, period) DO UPDATE SET calls = client_limits.calls + 1",
                vec![Bound::Text(format!("send {employee}")), Number(now)],
            )],
        )
        .await?;
        self.commit(
            lane,
            &[Write(
                "INSERT INTO idempotency (employee_id, key_hash, fingerprint, status, body, created_at, running_until)
             VALUES ($1, $2, $2, 0, '', $3, $3)",
                vec![text(&employee), text(&hash), Number(now)],
            )],
        )
        .await?;
        // The send.
        self.commit(lane, &[
            Write(
                "INSERT INTO challenges (id, employee_id, address, created_at) VALUES ($1, $2, $3, $4)",
                vec![text(&challenge), text(&employee), text(&address), Number(now)],
            ),
            Write("UPDATE employees SET challenge_id = $1 WHERE id = $2", vec![text(&challenge), text(&employee)]),
            Write(
                "INSERT INTO codes (id, employee_id, challenge_id, address, key_id, mac, sent_at, expires_at, fate, delivery)
                 VALUES ($1, $2, $3, $4, '0123456789ab', $5, $6, $6, 'live', 'queued')",
                vec![text(&code), text(&employee), text(&challenge), text(&address), text(&hash), Number(now)],
            ),
            Write(
                "INSERT INTO mails (id, employee_id, code_id, recipient, sealed, created_at, next_at, lease_until)
                 VALUES ($1, $2, $3, $4, $5, $6, $6, 0)",
                vec![text(&mail), text(&employee), text(&code), text(&address), text(&hash.repeat(2)), Number(now)],
            ),
            Write(
                "UPDATE idempotency SET status = 202, body = $1, running_until = 0 WHERE employee_id = $2 AND key_hash = $3",
                vec![text(&body), text(&employee), text(&hash)],
            ),
        ]).await?;
        // The mail, and that it is out.
        self.smtp.send(message(&address, &mail)?).await?;
        self.commit(
            lane,
            &[
                Write("DELETE FROM mails WHERE id = $1", vec![text(&mail)]),
                Write("UPDATE codes SET delivery = 'accepted' WHERE id = $1", vec![text(&code)]),
            ],
        )
        .await?;
        // The right code, and the job of the link.
        self.commit(
            lane,
            &[
                Write("UPDATE codes SET fate = 'used' WHERE id = $1", vec![text(&code)]),
                Write("UPDATE challenges SET ended = 'proved' WHERE id = $1", vec![text(&challenge)]),
                Write("UPDATE employees SET failures = 0 WHERE id = $1", vec![text(&employee)]),
                Write(
                    "INSERT INTO linkings (employee_id, challenge_id, address, created_at, next_at, lease_until)
                 VALUES ($1, $2, $3, $4, $4, $4)",
                    vec![text(&employee), text(&challenge), text(&address), Number(now)],
                ),
            ],
        )
        .await?;
        // Before the account is created, and after.
        self.commit(
            lane,
            &[Write("UPDATE linkings SET create_tried = 1 WHERE employee_id = $1", vec![text(&employee)])],
        )
        .await?;
        self.commit(
            lane,
            &[
                Write("DELETE FROM linkings WHERE employee_id = $1", vec![text(&employee)]),
                Write(
                    "INSERT INTO links (employee_id, company_id, visma_user_id, address, origin, linked_at)
                 VALUES ($1, 'acme', $2, $3, 'created', $4)",
                    vec![text(&employee), Bound::Text(id()), text(&address), Number(now)],
                ),
            ],
        )
        .await
    }
}

/// As long as a code's mail, and in two parts like it.
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
