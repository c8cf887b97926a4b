//! Where SQLite and PostgreSQL differ. Every query elsewhere is the same text for both.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgListener;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::events::Events;

/// The channel on which backends with one PostgreSQL tell each other whose state changed.
const CHANNEL: &str = "hrm_state";

/// The database, and who is told of changes in it.
#[derive(Debug, Clone)]
pub struct Database {
    pool: AnyPool,
    engine: Engine,
    /// SQLite has one writer at a time. Waiting here is fair and costs nothing; waiting in SQLite is a sleep loop.
    writer: Arc<Mutex<()>>,
    events: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// A transaction. It tells of changes when it is committed, and rolls back when it is dropped.
pub struct Tx {
    inner: Transaction<'static, Any>,
    engine: Engine,
    events: Events,
    changed: Vec<String>,
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Database {
    /// Connects to `sqlite:` or `postgres:` and brings the schema up to date.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn connect(url: &str, events: Events) -> sqlx::Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let engine = if url.starts_with("sqlite:") { Engine::Sqlite } else { Engine::Postgres };
        let pool = AnyPoolOptions::new()
            .max_connections(if engine == Engine::Sqlite { 8 } else { 16 })
            .acquire_timeout(Duration::from_secs(10))
            // A connection that was in use a moment ago is not asked whether it lives: that is a way to the database and
            // back at every call. One that broke since is found out by its statement, and never used again.
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
                        // FULL: what was accepted survives a power cut too, not only a killed process.
                        // 32 MiB hold the upper pages of the indexes of a million people; the 2 MiB of old do not.
                        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                                       PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;
                                       PRAGMA secure_delete = ON; PRAGMA cache_size = -32768;";
                        connection.execute(sqlx::raw_sql(pragmas)).await?;
                    } else {
                        // Every statement finds rows by their keys, so one plan is as good for all values, and planning
                        // anew at every call takes longer than the reading. ANALYZE, also autovacuum's, plans anew.
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

    /// What a backend that serves does and the administrator's commands do not: hear of what others change.
    ///
    /// # Errors
    /// When the database is out of reach.
    pub async fn start_serving(&self, url: &str) -> sqlx::Result<()> {
        match self.engine {
            // One backend owns the file, so a lease found at its start belongs to a process that is gone.
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

    /// For one statement that reads: it is a view of one moment by itself, and needs no transaction around it.
    ///
    /// # Errors
    /// When the database is out of reach.
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Any>> {
        self.pool.acquire().await
    }

    /// A view of one moment, for reading.
    ///
    /// # Errors
    /// When the database is out of reach.
    pub async fn begin_read(&self) -> sqlx::Result<Tx> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        Ok(self.tx(self.pool.begin_with(begin).await?, None))
    }

    /// A transaction for writing.
    ///
    /// # Errors
    /// When the database is out of reach.
    pub async fn begin_write(&self) -> sqlx::Result<Tx> {
        match self.engine {
            Engine::Sqlite => {
                let writer = Arc::clone(&self.writer).lock_owned().await;
                Ok(self.tx(self.pool.begin_with("BEGIN IMMEDIATE").await?, Some(writer)))
            }
            Engine::Postgres => Ok(self.tx(self.pool.begin().await?, None)),
        }
    }

    /// A transaction for writing that holds this employee's lock: all that happens to one employee happens in turn.
    ///
    /// # Errors
    /// When the database is out of reach.
    pub async fn begin_locked(&self, employee: &str) -> sqlx::Result<Tx> {
        let mut tx = self.begin_write().await?;
        if self.engine == Engine::Postgres {
            let lock = sqlx::query("SELECT id FROM employees WHERE id = $1 FOR UPDATE").bind(employee);
            lock.execute(&mut *tx).await?;
        }
        Ok(tx)
    }

    /// Appended to a query that takes jobs from a queue: backends on one database do not wait for each other.
    pub fn skip_locked(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    fn tx(&self, inner: Transaction<'static, Any>, writer: Option<OwnedMutexGuard<()>>) -> Tx {
        Tx { inner, engine: self.engine, events: self.events.clone(), changed: Vec::new(), _writer: writer }
    }

    /// Hears what other backends on the same PostgreSQL commit.
    async fn listen(&self, url: &str) -> sqlx::Result<()> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen(CHANNEL).await?;
        let (events, pool) = (self.events.clone(), self.pool.clone());
        tokio::spawn(async move {
            while !pool.is_closed() {
                match listener.try_recv().await {
                    Ok(Some(notice)) => events.notify(notice.payload()),
                    // The connection was lost and is made again; what happened meanwhile is unknown.
                    Ok(None) => events.notify_all(),
                    Err(error) => {
                        tracing::warn!(%error, "cannot hear of changes in the database");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        Ok(())
    }
}

impl Tx {
    /// Says that the State of `employee` changes with this transaction.
    pub fn notify(&mut self, employee: &str) {
        self.changed.push(employee.to_owned());
    }

    /// Makes it all true, and tells of it.
    ///
    /// # Errors
    /// When nothing of it became true.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        if self.engine == Engine::Postgres {
            for employee in &self.changed {
                let tell = sqlx::query("SELECT pg_notify($1, $2)::text").bind(CHANNEL).bind(employee.as_str());
                tell.execute(&mut *self.inner).await?;
            }
        }
        self.inner.commit().await?;
        if self.engine == Engine::Sqlite {
            for employee in &self.changed {
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
