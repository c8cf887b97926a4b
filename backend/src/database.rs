//! The only module that distinguishes SQLite and PostgreSQL. All other queries have the same text for both.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgListener;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::events::Events;

/// The channel on which backends that share a PostgreSQL notify each other.
const CHANNEL: &str = "hrm_state";

/// The longest text that PostgreSQL notifies, in bytes. A longer id is notified as [`ANYBODY`].
const LONGEST_NOTIFICATION: usize = 7_999;
const ANYBODY: &str = "";

/// How long a notification may take at start.
const NOTIFICATION_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
    engine: Engine,
    /// SQLite allows one writer at a time. Waiting for this lock is fair; waiting in SQLite is a sleep loop.
    writer: Arc<Mutex<()>>,
    events: Events,
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
    changed_employees: Vec<String>,
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
        let pool = AnyPoolOptions::new()
            .max_connections(connections.unwrap_or(if engine == Engine::Sqlite { 8 } else { 16 }))
            .acquire_timeout(Duration::from_secs(10))
            // A recently used connection is not pinged: that would be one more round trip per call. If it is broken,
            // its next statement fails and the pool drops it.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > Duration::from_secs(1) {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
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
            })
            .connect(url)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool, engine, writer: Arc::default(), events })
    }

    /// Start-up of `serve`: SQLite clears stale leases, PostgreSQL subscribes to changes.
    pub async fn start_serving(&self, url: &str) -> sqlx::Result<()> {
        match self.engine {
            // One backend owns the file, so a lease found at start-up belongs to a dead process.
            Engine::Sqlite => {
                let mut tx = self.begin_write().await?;
                sqlx::query("UPDATE outbox SET lease_until = 0").execute(&mut *tx).await?;
                sqlx::query("UPDATE link_jobs SET lease_until = 0").execute(&mut *tx).await?;
                sqlx::query("UPDATE idempotency SET running_until = 0").execute(&mut *tx).await?;
                tx.commit().await
            }
            Engine::Postgres => self.listen(url).await,
        }
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
        Ok(self.tx(self.pool.begin_with(begin).await?, None))
    }

    pub async fn begin_write(&self) -> sqlx::Result<Tx> {
        match self.engine {
            Engine::Sqlite => {
                let writer = Arc::clone(&self.writer).lock_owned().await;
                Ok(self.tx(self.pool.begin_with("BEGIN IMMEDIATE").await?, Some(writer)))
            }
            Engine::Postgres => Ok(self.tx(self.pool.begin().await?, None)),
        }
    }

    /// A write transaction that holds the employee's lock: changes to one employee run one after the other.
    pub async fn begin_locked(&self, employee: &str) -> sqlx::Result<Tx> {
        let mut tx = self.begin_write().await?;
        if self.engine == Engine::Postgres {
            let lock = sqlx::query("SELECT id FROM employees WHERE id = $1 FOR UPDATE").bind(employee);
            lock.execute(&mut *tx).await?;
        }
        Ok(tx)
    }

    /// Suffix for queries that claim jobs, so that backends on one database do not wait for each other.
    pub fn skip_locked(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn tx(&self, inner: Transaction<'static, Any>, writer: Option<OwnedMutexGuard<()>>) -> Tx {
        Tx { inner, engine: self.engine, events: self.events.clone(), changed_employees: Vec::new(), _writer: writer }
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

impl Tx {
    /// Marks the State of `employee` as changed by this transaction.
    pub fn notify(&mut self, employee: &str) {
        self.changed_employees.push(employee.to_owned());
    }

    /// Commits, then notifies listeners.
    ///
    /// # Errors
    /// Nothing was committed.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        if self.engine == Engine::Postgres {
            for employee in &self.changed_employees {
                let payload = if employee.len() <= LONGEST_NOTIFICATION { employee } else { ANYBODY };
                let notify = sqlx::query("SELECT pg_notify($1, $2)::text").bind(CHANNEL).bind(payload);
                notify.execute(&mut *self.inner).await?;
            }
        }
        self.inner.commit().await?;
        if self.engine == Engine::Sqlite {
            for employee in &self.changed_employees {
                self.events.notify(employee);
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
