//! The only module that distinguishes SQLite and PostgreSQL. All other queries have the same text for both.

use std::collections::BTreeMap;
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
    /// Whose State changes, and whether the revision has been raised for it. Sorted, so that transactions lock rows in one
    /// order.
    changed_employees: BTreeMap<String, bool>,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Database {
    /// Connects to a `sqlite:` or `postgres:` URL and migrates the schema.
    pub async fn connect(url: &str, events: Events) -> sqlx::Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let engine = if url.starts_with("sqlite:") { Engine::Sqlite } else { Engine::Postgres };
        let pool = AnyPoolOptions::new()
            .max_connections(if engine == Engine::Sqlite { 8 } else { 16 })
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
        Tx {
            inner,
            engine: self.engine,
            events: self.events.clone(),
            changed_employees: BTreeMap::new(),
            _writer: writer,
        }
    }

    /// Forwards the notifications of all backends on this PostgreSQL to [`Events`].
    async fn listen(&self, url: &str) -> sqlx::Result<()> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen(CHANNEL).await?;
        let (events, pool) = (self.events.clone(), self.pool.clone());
        tokio::spawn(async move {
            while !pool.is_closed() {
                match listener.try_recv().await {
                    Ok(Some(notification)) => events.notify(notification.payload()),
                    // The connection was lost and restored; notifications may be missing.
                    Ok(None) => events.notify_all(),
                    Err(error) => {
                        tracing::warn!(%error, "LISTEN failed");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        Ok(())
    }
}

impl Tx {
    /// Marks the State of `employee` as changed by this transaction.
    pub fn notify(&mut self, employee: &str) {
        self.changed_employees.entry(employee.to_owned()).or_default();
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
            for employee in self.changed_employees.keys() {
                let notify = sqlx::query("SELECT pg_notify($1, $2)::text").bind(CHANNEL).bind(employee.as_str());
                notify.execute(&mut *self.inner).await?;
            }
        }
        self.inner.commit().await?;
        if self.engine == Engine::Sqlite {
            for employee in self.changed_employees.keys() {
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
