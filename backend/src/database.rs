//! The only module that distinguishes SQLite and PostgreSQL. All other queries have the same text for both.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex as StdMutex, Once, OnceLock};
use std::time::{Duration, Instant};

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgListener;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::events::Events;
use crate::upgrade;

const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// The channel on which backends that share a PostgreSQL notify each other.
const CHANNEL: &str = "hrm_state";

/// The longest text that PostgreSQL notifies, in bytes. A longer id is notified as [`ANYBODY`].
const LONGEST_NOTIFICATION: usize = 7_999;
const ANYBODY: &str = "";

/// Employees of a company who are notified one by one; of more, every open stream reads its State again.
const MANY: usize = 100;

/// How long a notification may take at start.
const NOTIFICATION_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
    /// SQLite: the one connection that writes. A connection forgets its page cache when another one has written.
    /// PostgreSQL: the pool.
    writers: AnyPool,
    engine: Engine,
    /// SQLite allows one writer at a time. Waiting for this lock is fair; waiting in SQLite is a sleep loop.
    writer: Arc<Mutex<()>>,
    events: Events,
    /// When a connection was last found broken. Others that have not been used since then may be, too.
    broken_at: Arc<StdMutex<Option<Instant>>>,
    /// SQLite: held while this process serves the file.
    lock: Arc<OnceLock<File>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// A transaction. It notifies listeners when it is committed, and rolls back when it is dropped.
pub struct Tx {
    inner: Transaction<'static, Any>,
    engine: Engine,
    events: Events,
    /// Whose State changes, and whether the revision has been raised for it. Sorted, so that transactions lock rows in one
    /// order.
    changed_employees: BTreeMap<String, bool>,
    /// More employees than are named one by one.
    changed_many: bool,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Database {
    /// Connects to a `sqlite:` or `postgres:` URL and migrates the schema.
    pub async fn connect(url: &str, events: Events) -> sqlx::Result<Self> {
        Self::connect_with(url, events, None).await
    }

    /// [`Self::connect`] with this many connections at most.
    pub async fn connect_with(url: &str, events: Events, connections: Option<u32>) -> sqlx::Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let engine = if url.starts_with("sqlite:") { Engine::Sqlite } else { Engine::Postgres };
        let broken_at: Arc<StdMutex<Option<Instant>>> = Arc::default();
        let options = AnyPoolOptions::new()
            .max_connections(connections.unwrap_or(if engine == Engine::Sqlite { 8 } else { 16 }))
            .acquire_timeout(Duration::from_secs(10))
            // A recently used connection is not pinged: that would be one more round trip per call. If it is broken,
            // its next statement fails, the pool drops it, and `retry` repeats the statement.
            .test_before_acquire(false)
            .before_acquire({
                let broken_at = Arc::clone(&broken_at);
                move |connection, meta| {
                    let broken_for = broken_at.lock().ok().and_then(|at| *at).map(|at| at.elapsed());
                    let may_be_broken = broken_for.is_some_and(|since| meta.idle_for >= since);
                    Box::pin(async move {
                        if may_be_broken || meta.idle_for > Duration::from_secs(1) {
                            connection.ping().await?;
                        }
                        // SQLite ends a transaction itself when the disk is full; sqlx then counts it as open for ever.
                        Ok(!connection.is_in_transaction())
                    })
                }
            })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if engine == Engine::Sqlite {
                        // FULL: accepted calls survive a power cut, not only a killed process.
                        // 32 MiB of cache hold the upper index pages for a million employees; the default 2 MiB don't.
                        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                                       PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;
                                       PRAGMA secure_delete = ON; PRAGMA cache_size = -32768;";
                        connection.execute(sqlx::raw_sql(pragmas)).await?;
                    } else {
                        // Every statement finds rows by key, so one plan fits all values, and planning per call takes
                        // longer than reading. ANALYZE (autovacuum runs it) replans.
                        connection.execute("SET plan_cache_mode = force_generic_plan").await?;
                    }
                    Ok(())
                })
            });
        let pool = options.clone().connect(url).await?;
        let writers = match engine {
            Engine::Sqlite => options.max_connections(1).connect_lazy(url)?,
            Engine::Postgres => pool.clone(),
        };
        // A newer program may have migrated already: see "Migrations" in CONTRIBUTING.md.
        sqlx::migrate!().set_ignore_missing(true).run(&pool).await?;
        upgrade::run(&pool).await?;
        Ok(Self { pool, writers, engine, writer: Arc::default(), events, broken_at, lock: Arc::default() })
    }

    /// Start-up of `serve`: SQLite clears stale leases, PostgreSQL subscribes to changes.
    ///
    /// # Errors
    /// Also when another process serves this SQLite file.
    pub async fn start_serving(&self, url: &str) -> sqlx::Result<()> {
        match self.engine {
            // One backend owns the file, so a lease found at start-up belongs to a dead process.
            Engine::Sqlite => {
                self.lock_file(url)?;
                let mut tx = self.begin_write().await?;
                sqlx::query("UPDATE outbox SET lease_until = 0").execute(&mut *tx).await?;
                sqlx::query("UPDATE link_jobs SET lease_until = 0").execute(&mut *tx).await?;
                sqlx::query("UPDATE idempotency SET running_until = 0").execute(&mut *tx).await?;
                tx.commit().await
            }
            Engine::Postgres => self.listen(url).await,
        }
    }

    /// Runs a reading statement, and once more on another connection if its own was broken.
    pub async fn retry<T, F: Future<Output = sqlx::Result<T>>>(&self, read: impl Fn() -> F) -> sqlx::Result<T> {
        match read().await {
            Err(error) if is_broken(&error) => {
                tracing::warn!(%error, "database connection lost");
                if let Ok(mut at) = self.broken_at.lock() {
                    *at = Some(Instant::now());
                }
                read().await
            }
            result => result,
        }
    }

    /// Keeps a second process from serving this SQLite file. The system frees the lock when the process ends.
    fn lock_file(&self, url: &str) -> sqlx::Result<()> {
        let file = url.parse::<SqliteConnectOptions>()?.get_filename().with_added_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&file)?;
        lock.try_lock().map_err(|_| {
            let text = format!("another hrm-backend serves this database: {} is locked. Stop it first", file.display());
            sqlx::Error::Configuration(text.into())
        })?;
        let _ = self.lock.set(lock);
        Ok(())
    }

    /// Connections in use, idle ones, and how many there may be. Without SQLite's writing one.
    pub fn connections(&self) -> (u32, u32, u32) {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        (self.pool.size().saturating_sub(idle), idle, self.pool.options().get_max_connections())
    }

    /// A connection for a single reading statement, which is consistent without a transaction.
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Any>> {
        self.pool.acquire().await
    }

    /// A transaction that reads from one snapshot of the database.
    pub async fn begin_read(&self) -> sqlx::Result<Tx> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.tx(self.retry(|| self.pool.begin_with(begin)).await?, None))
    }

    pub async fn begin_write(&self) -> sqlx::Result<Tx> {
        match self.engine {
            Engine::Sqlite => {
                let writer = Arc::clone(&self.writer).lock_owned().await;
                Ok(self.tx(self.retry(|| self.writers.begin_with("BEGIN IMMEDIATE")).await?, Some(writer)))
            }
            Engine::Postgres => Ok(self.tx(self.retry(|| self.pool.begin()).await?, None)),
        }
    }

    /// A write transaction that holds the employee's lock: changes to one employee run one after the other.
    pub async fn begin_locked(&self, employee: &str) -> sqlx::Result<Tx> {
        let mut tx = self.begin_write().await?;
        tx.lock(employee).await?;
        Ok(tx)
    }

    /// Suffix for queries that claim jobs, so that backends on one database do not wait for each other.
    pub fn skip_locked(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// The schema: table and column names, by table.
    pub async fn columns(&self, tx: &mut Tx) -> sqlx::Result<Vec<(String, String)>> {
        let sql = match self.engine {
            Engine::Sqlite => {
                "SELECT CAST(tables.name AS TEXT), CAST(columns.name AS TEXT)
                 FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' ORDER BY tables.name, columns.cid"
            }
            Engine::Postgres => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns
                 WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
            }
        };
        sqlx::query_as(sql).fetch_all(&mut **tx).await
    }

    /// Closes the connections, and leaves a SQLite file to the next process that serves it. A connection that is stuck in a
    /// statement is left to the end of the process.
    pub async fn close(&self) {
        let close = async { tokio::join!(self.writers.close(), self.pool.close()) };
        let _ = tokio::time::timeout(CLOSE_LIMIT, close).await;
        // Not by the end of the handle: a child process that was just forked still has it.
        if let Some(lock) = self.lock.get() {
            let _ = lock.unlock();
        }
    }

    fn tx(&self, inner: Transaction<'static, Any>, writer: Option<OwnedMutexGuard<()>>) -> Tx {
        Tx {
            inner,
            engine: self.engine,
            events: self.events.clone(),
            changed_employees: BTreeMap::new(),
            changed_many: false,
            _writer: writer,
        }
    }

    /// Forwards the notifications of all backends on this PostgreSQL to [`Events`].
    async fn listen(&self, url: &str) -> sqlx::Result<()> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen(CHANNEL).await?;
        self.check_notifications(&mut listener).await?;
        let (events, pool) = (self.events.clone(), self.pool.clone());
        tokio::spawn(async move {
            while !pool.is_closed() {
                match listener.try_recv().await {
                    Ok(Some(notification)) if notification.payload() != ANYBODY => {
                        events.notify(notification.payload());
                    }
                    // None: the connection was lost and restored; notifications may be missing.
                    Ok(Some(_) | None) => events.notify_all(),
                    Err(error) => {
                        tracing::warn!(%error, "LISTEN failed");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        Ok(())
    }

    /// # Errors
    /// When notifications do not arrive, so that event streams would be silent.
    async fn check_notifications(&self, listener: &mut PgListener) -> sqlx::Result<()> {
        let notify = sqlx::query("SELECT pg_notify($1, $2)::text").bind(CHANNEL).bind(ANYBODY);
        let arrived = match notify.execute(&mut *self.acquire().await?).await {
            Ok(_) => tokio::time::timeout(NOTIFICATION_LIMIT, listener.recv()).await.is_ok_and(|result| result.is_ok()),
            // The pooler gave it to a connection that does not listen.
            Err(sqlx::Error::Protocol(_)) => false,
            Err(error) => return Err(error),
        };
        if arrived {
            return Ok(());
        }
        let text = "DATABASE_URL: notifications do not arrive, as with pgbouncer in transaction mode. Connect to \
                    PostgreSQL itself, or set pool_mode = session";
        Err(sqlx::Error::Configuration(text.into()))
    }
}

/// The id of a new row. It begins with the time (UUIDv7), so that rows which are written together share pages of an index.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Whether the connection is lost, not the statement wrong.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // PostgreSQL: "connection exception", and ended by an administrator.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
        }
        _ => false,
    }
}

impl Tx {
    /// Takes the employee's lock, see [`Database::begin_locked`]. SQLite has one lock for all, which a write transaction holds.
    pub async fn lock(&mut self, employee: &str) -> sqlx::Result<()> {
        if self.engine == Engine::Postgres {
            let lock = sqlx::query("SELECT id FROM employees WHERE id = $1 FOR UPDATE").bind(employee);
            lock.execute(&mut *self.inner).await?;
        }
        Ok(())
    }

    /// Takes the locks of everybody in a company, in one order.
    pub async fn lock_company(&mut self, company: &str) -> sqlx::Result<()> {
        if self.engine == Engine::Postgres {
            let lock =
                sqlx::query("SELECT id FROM employees WHERE company_id = $1 ORDER BY id FOR UPDATE").bind(company);
            lock.execute(&mut *self.inner).await?;
        }
        Ok(())
    }

    /// Marks the State of `employee` as changed by this transaction.
    pub fn notify(&mut self, employee: &str) {
        self.changed_employees.entry(employee.to_owned()).or_default();
    }

    /// Marks the State of everybody in a company as changed by this transaction, and raises the revisions in one statement.
    pub async fn notify_company(&mut self, company: &str) -> sqlx::Result<()> {
        let raise = "UPDATE employees SET revision = revision + 1 WHERE company_id = $1 RETURNING id";
        let people: Vec<String> = sqlx::query_scalar(raise).bind(company).fetch_all(&mut *self.inner).await?;
        if people.len() > MANY {
            self.changed_many = true;
        } else {
            self.changed_employees.extend(people.into_iter().map(|employee| (employee, true)));
        }
        Ok(())
    }

    /// Raises the revisions of the marked employees, once in a transaction. For a State that is read before the commit.
    pub async fn raise_revisions(&mut self) -> sqlx::Result<()> {
        for (employee, raised) in self.changed_employees.iter_mut().filter(|(_, raised)| !**raised) {
            let raise =
                sqlx::query("UPDATE employees SET revision = revision + 1 WHERE id = $1").bind(employee.as_str());
            raise.execute(&mut *self.inner).await?;
            *raised = true;
        }
        Ok(())
    }

    /// Commits, then notifies listeners.
    ///
    /// # Errors
    /// Nothing was committed.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.raise_revisions().await?;
        if self.engine == Engine::Postgres {
            let many = self.changed_many.then_some(ANYBODY);
            for employee in self.changed_employees.keys().map(String::as_str).chain(many) {
                let payload = if employee.len() <= LONGEST_NOTIFICATION { employee } else { ANYBODY };
                let notify = sqlx::query("SELECT pg_notify($1, $2)::text").bind(CHANNEL).bind(payload);
                notify.execute(&mut *self.inner).await?;
            }
        }
        self.inner.commit().await?;
        if self.engine == Engine::Sqlite {
            for employee in self.changed_employees.keys() {
                self.events.notify(employee);
            }
            if self.changed_many {
                self.events.notify_all();
            }
        }
        Ok(())
    }
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }
}
