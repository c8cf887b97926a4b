//! Job queues in the database: leases, permits and back-off. Jobs survive a crash, and one task at a time runs a job.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use sqlx::AssertSqlSafe;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{Clock, HOUR, Millis};
use crate::database::{Database, Tx};
use crate::settings::Settings;

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Queue {
    Mails,
    LinkJobs,
}

impl Queue {
    pub const ALL: [Self; 2] = [Self::Mails, Self::LinkJobs];

    fn table_and_key(self) -> (&'static str, &'static str) {
        match self {
            Self::Mails => ("outbox", "id"),
            Self::LinkJobs => ("link_jobs", "employee_id"),
        }
    }

    /// The number of waiting jobs, and when the oldest was created.
    pub async fn waiting(self, tx: &mut Tx) -> sqlx::Result<(i64, Option<Millis>)> {
        waiting(tx, self.table_and_key().0).await
    }
}

/// The number of jobs in a table, and when the oldest was created.
pub async fn waiting(tx: &mut Tx, table: &str) -> sqlx::Result<(i64, Option<Millis>)> {
    let sql = format!("SELECT COUNT(*), MIN(created_at) FROM {table}");
    sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut **tx).await
}

/// Jobs with a permit that run at the same time in each queue, each with a connection to the mail server or Visma
/// Connect. The others wait in the database, where no timeout runs.
const MAX_CONCURRENT: usize = 32;

#[derive(Debug)]
pub struct Permits {
    mails: Arc<Semaphore>,
    link_jobs: Arc<Semaphore>,
}

impl Default for Permits {
    fn default() -> Self {
        Self { mails: Arc::new(Semaphore::new(MAX_CONCURRENT)), link_jobs: Arc::new(Semaphore::new(MAX_CONCURRENT)) }
    }
}

impl Permits {
    fn semaphore(&self, queue: Queue) -> &Arc<Semaphore> {
        match queue {
            Queue::Mails => &self.mails,
            Queue::LinkJobs => &self.link_jobs,
        }
    }

    pub fn try_acquire(&self, queue: Queue) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self.semaphore(queue)).try_acquire_owned().ok()
    }

    pub fn is_available(&self, queue: Queue) -> bool {
        self.semaphore(queue).available_permits() > 0
    }

    /// Waits for the jobs that run, and keeps the worker from starting others while the permits are held.
    pub async fn acquire_all(&self) -> Vec<OwnedSemaphorePermit> {
        let mut all = Vec::new();
        for queue in Queue::ALL {
            for _ in 0..MAX_CONCURRENT {
                // The semaphores are never closed.
                all.extend(Arc::clone(self.semaphore(queue)).acquire_owned().await);
            }
        }
        all
    }

    pub async fn wait_until_available(&self, queue: Queue) {
        // The semaphore is never closed.
        let _ = self.semaphore(queue).acquire().await;
    }
}

/// A job that this process has leased.
#[derive(Debug)]
pub struct LeasedJob {
    /// The key of its row.
    pub key: String,
    /// Also the name of this lease: whoever finishes an attempt finds it unchanged in the row, or lost the job.
    pub lease_until: Millis,
    pub permit: OwnedSemaphorePermit,
}

/// Leases due jobs, one for each free permit.
pub async fn claim(
    queue: Queue,
    database: &Database,
    permits: &Permits,
    lease: Millis,
) -> sqlx::Result<Vec<LeasedJob>> {
    let (table, key) = queue.table_and_key();
    let now = Clock::system_now();
    // A time far ahead was written while the clock was wrong.
    let due = format!(
        "SELECT {key} FROM {table}
         WHERE (lease_until <= $1 OR lease_until > $3) AND (next_at <= $1 OR next_at > $3) ORDER BY next_at LIMIT $2"
    );
    // Reads first: an idle queue writes nothing.
    let first: Option<String> = sqlx::query_scalar(AssertSqlSafe(due.clone()))
        .bind(now)
        .bind(1_i64)
        .bind(now + HOUR)
        .fetch_optional(&mut *database.acquire().await?)
        .await?;
    if first.is_none() {
        return Ok(Vec::new());
    }
    let permits: Vec<_> = std::iter::from_fn(|| permits.try_acquire(queue)).collect();
    let claim =
        format!("UPDATE {table} SET lease_until = $4 WHERE {key} IN ({due}{}) RETURNING {key}", database.skip_locked());
    let mut tx = database.begin_write().await?;
    // The wait for the write lock is no part of the lease.
    let now = Clock::system_now();
    let lease_until = now + lease;
    let claim =
        sqlx::query_scalar(AssertSqlSafe(claim)).bind(now).bind(i64::try_from(permits.len()).unwrap_or(i64::MAX));
    let keys: Vec<String> = claim.bind(now + HOUR).bind(lease_until).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(keys.into_iter().zip(permits).map(|(key, permit)| LeasedJob { key, lease_until, permit }).collect())
}

/// A job panicked. Its message is in the log already.
#[derive(Debug, thiserror::Error)]
#[error("a fault in the program")]
pub struct Panicked;

/// # Errors
/// The job panicked, which counts as a failed attempt.
pub async fn caught<T>(job: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(job).catch_unwind().await.map_err(|_| Panicked)
}

/// The wait before the next attempt. It doubles up to `longest_wait`; `jitter` (0 to 1) takes off up to half, so that
/// many jobs do not come back at the same time.
pub fn backoff(attempts: i64, settings: &Settings, jitter: f64) -> Millis {
    let doublings = u32::try_from(attempts.clamp(0, 20)).unwrap_or(20);
    let wait = settings.first_wait.saturating_mul(1 << doublings).min(settings.longest_wait);
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a wait of minutes")]
    let jitter = (wait as f64 / 2.0 * jitter) as Millis;
    wait - jitter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_halves_them() {
        let settings = Settings { first_wait: 1_000, longest_wait: 60_000, ..Settings::new(String::new()) };
        assert_eq!([0, 1, 2, 10, 1_000].map(|n| backoff(n, &settings, 0.0)), [1_000, 2_000, 4_000, 60_000, 60_000]);
        assert_eq!(backoff(2, &settings, 1.0), 2_000);
    }
}
