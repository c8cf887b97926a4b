//! Databases that are filled with employees.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use flex_connect_bench::target_folder;
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use hrm_backend::keys::sha256;
use hrm_fakes::program::first_line;
use sqlx::migrate::MigrateDatabase as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use tempfile::TempDir;

use crate::http::Employee;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A folder of SQLite files, and a PostgreSQL with the default settings, which sync to the disk.
pub(crate) struct Databases {
    folder: TempDir,
    socket: String,
    server: Child,
}

impl Databases {
    pub(crate) fn start() -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let folder = target_folder()?.join("bench");
        std::fs::create_dir_all(&folder)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../backend/tests/support/postgres.sh");
        let mut command = Command::new("sh");
        command.arg(script).arg("durable").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn()?;
        let socket = first_line(server.stdout.take().context("no output")?)?;
        anyhow::ensure!(!socket.is_empty(), "PostgreSQL did not start");
        let folder = tempfile::Builder::new().prefix("databases-").tempdir_in(folder)?;
        Ok(Self { folder, socket, server })
    }

    /// Creates an empty database with the schema.
    pub(crate) async fn create(&self, engine: Engine, name: &str) -> anyhow::Result<String> {
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}?mode=rwc", self.folder.path().join(name).display()),
            Engine::Postgres => format!("postgres:///{name}?host={}&user=hrm", self.socket),
        };
        if engine == Engine::Postgres {
            sqlx::Postgres::create_database(&url).await?;
        }
        let database = Database::connect(&url, Events::default()).await?;
        database.close().await;
        Ok(url)
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        // The script stops PostgreSQL when the pipe closes.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Population {
    pub employees: u32,
    /// How many in ten have a live challenge.
    pub challenged: u32,
    pub addresses: u32,
    /// How many have a session whose token is known, spread evenly. The others have a session too.
    pub clients: u32,
}

pub(crate) const SMALL: Population = Population { employees: 1_000, challenged: 3, addresses: 2, clients: 1_000 };
/// 300,000 of them have a live challenge.
pub(crate) const MILLION: Population = Population { employees: 1_000_000, ..SMALL };

/// Bytes on the disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub people: f64,
    pub challenges: f64,
}

impl Population {
    /// The employees whose token is known, in a mixed order.
    pub(crate) fn clients(self) -> Vec<Employee> {
        let stride = self.employees / self.clients;
        // 7,919 is coprime to every number of clients, so each employee comes once.
        (0..self.clients)
            .map(|n| (u64::from(n) * 7_919 % u64::from(self.clients)) as u32)
            .map(|n| Employee::new(n * stride + 1))
            .collect()
    }

    /// Inserts the employees into an empty database.
    pub(crate) async fn fill(self, url: &str, engine: Engine) -> anyhow::Result<Sizes> {
        let mut db = AnyConnection::connect(url).await?;
        let empty = size(&mut db, engine).await?;
        // Not durable: a database that was filled in part is not used.
        let (fast, hash, uuid) = match engine {
            Engine::Sqlite => (
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -1000000",
                "lower(hex(randomblob(32)))",
                "lower(hex(randomblob(18)))",
            ),
            Engine::Postgres => (
                "SET session_replication_role = replica; SET synchronous_commit = off",
                "md5(random()::text) || md5(random()::text)",
                "gen_random_uuid()::text",
            ),
        };
        db.execute(sqlx::raw_sql(fast)).await?;
        let password = hrm_backend::password::PasswordCost::Full.hash(&"demo".into());
        let password = password.map_err(|error| anyhow::anyhow!("{error}"))?;
        let now = hrm_backend::clock::Clock::system_now();
        let Self { employees, challenged, addresses, clients } = self;
        let (stride, year) = (employees / clients, now + 365 * 86_400_000);
        let people = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {employees})");
        let second = if addresses > 1 {
            "CROSS JOIN (SELECT 0 AS p UNION ALL SELECT 1) a"
        } else {
            "CROSS JOIN (SELECT 0 AS p) a"
        };
        let mut tx = db.begin().await?;
        for statement in [
            "INSERT INTO companies (id, name, code_policy) VALUES ('acme', 'Acme AB', 'always')".to_owned(),
            format!(
                "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country)
                 {people} SELECT 'e' || i, 'acme', 'user' || i, '{password}', 'Anna', 'Svensson', 'en', 'SE' FROM n"
            ),
            format!(
                "INSERT INTO employee_addresses (employee_id, position, address) {people} SELECT 'e' || i, p,
                 'user' || i || CASE p WHEN 0 THEN '@company.com' ELSE '@home.example' END FROM n {second}"
            ),
            format!("INSERT INTO sessions (token_hash, employee_id, expires_at) {people} SELECT {hash}, 'e' || i, {year} FROM n WHERE (i - 1) % {stride} <> 0"),
        ] {
            tx.execute(AssertSqlSafe(statement)).await?;
        }
        for employee in self.clients() {
            let session = sqlx::query("INSERT INTO sessions (token_hash, employee_id, expires_at) VALUES ($1, $2, $3)")
                .bind(sha256(&employee.token));
            session.bind(format!("e{}", employee.number)).bind(year).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        let with_people = size(&mut db, engine).await?;
        let mut tx = db.begin().await?;
        for statement in [
            format!(
                "INSERT INTO challenges (id, employee_id, address, created_at) {people}
                 SELECT {uuid}, 'e' || i, 'user' || i || '@company.com', {now} - 70000 - i % 200000 FROM n WHERE i % 10 < {challenged}"
            ),
            format!(
                "INSERT INTO codes (id, employee_id, challenge_id, address, key_id, mac, sent_at, expires_at, status, delivery)
                 SELECT {uuid}, employee_id, id, address, '0123456789ab', {hash}, created_at, created_at + 1800000, 'active', 'accepted' FROM challenges"
            ),
            RESTORE_CHALLENGES.to_owned(),
        ] {
            tx.execute(AssertSqlSafe(statement)).await?;
        }
        tx.commit().await?;
        if engine == Engine::Postgres {
            for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
                db.execute(statement).await?;
            }
        } else {
            db.execute("PRAGMA journal_mode = WAL").await?;
            // Or the system writes a gigabyte to the disk during the measurement.
            File::open(url.parse::<SqliteConnectOptions>()?.get_filename())?.sync_all()?;
        }
        let full = size(&mut db, engine).await?;
        db.close().await?;
        Ok(Sizes { people: with_people - empty, challenges: full - with_people })
    }
}

/// Each employee has at most one challenge when this runs.
const RESTORE_CHALLENGES: &str = "UPDATE employees SET challenge_id =
    (SELECT id FROM challenges WHERE challenges.employee_id = employees.id)
    WHERE EXISTS (SELECT 1 FROM challenges WHERE challenges.employee_id = employees.id)";

/// Deletes what was sent since `since`, so that the same employees can send again.
pub(crate) async fn delete_sends(url: &str, engine: Engine, since: i64) -> anyhow::Result<()> {
    let mut db = AnyConnection::connect(url).await?;
    let mut tx = db.begin().await?;
    for statement in [
        format!("DELETE FROM codes WHERE sent_at >= {since}"),
        format!(
            "UPDATE employees SET challenge_id = NULL WHERE challenge_id IN (SELECT id FROM challenges WHERE created_at >= {since})"
        ),
        format!("DELETE FROM challenges WHERE created_at >= {since}"),
        "UPDATE codes SET status = 'active'".to_owned(),
        RESTORE_CHALLENGES.to_owned(),
    ] {
        tx.execute(AssertSqlSafe(statement)).await?;
    }
    tx.commit().await?;
    if engine == Engine::Postgres {
        // All rows were written anew. Nothing but the bench leaves so many dead ones.
        db.execute("VACUUM ANALYZE").await?;
    }
    Ok(db.close().await?)
}

pub(crate) async fn number(url: &str, query: &'static str) -> anyhow::Result<i64> {
    let mut db = AnyConnection::connect(url).await?;
    Ok(sqlx::query_scalar(query).fetch_one(&mut db).await?)
}

async fn size(db: &mut AnyConnection, engine: Engine) -> anyhow::Result<f64> {
    let query = match engine {
        Engine::Sqlite => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        Engine::Postgres => "SELECT pg_database_size(current_database())",
    };
    Ok(sqlx::query_scalar::<_, i64>(query).fetch_one(db).await? as f64)
}
