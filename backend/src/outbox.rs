//! Work that waits in the database: mails to hand over, links to make. It survives a crash, is leased so that one
//! worker does it, is tried again with growing waits, and is given up in the end.
//!
//! A mail is handed over at least once: exactly once, unless the mail server's answer is lost or the process dies between
//! it and the commit. Its Message-ID is the same at every try.

use std::sync::Arc;
use std::time::Duration;

use hrm_api::Delivery;
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, FromRow};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::challenge::CodeStatus;
use crate::clock::{Clock, HOUR, Millis};
use crate::database::Tx;
use crate::mail::{Message, SendOutcome};
use crate::settings::Settings;
use crate::snapshot::{code_status_word, delivery_word, read_language};
use crate::{Backend, linking, mail, sweep};

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Mails to hand over.
    Mails,
    /// Links to make.
    LinkJobs,
}

/// Mails that are handed over at once, and links that are made at once: as many connections to the mail server and to
/// Visma Connect. The others wait in the database, where no time limit runs for them.
const MAX_CONCURRENT: usize = 32;

/// The permits of this backend for work that is done at once.
#[derive(Debug)]
pub struct Permits {
    mails: Arc<Semaphore>,
    links: Arc<Semaphore>,
}

impl Default for Permits {
    fn default() -> Self {
        Self { mails: Arc::new(Semaphore::new(MAX_CONCURRENT)), links: Arc::new(Semaphore::new(MAX_CONCURRENT)) }
    }
}

impl Permits {
    fn of(&self, queue: Queue) -> &Arc<Semaphore> {
        match queue {
            Queue::Mails => &self.mails,
            Queue::LinkJobs => &self.links,
        }
    }

    fn take(&self, queue: Queue) -> Option<OwnedSemaphorePermit> {
        Arc::clone(self.of(queue)).try_acquire_owned().ok()
    }

    /// Waits until there is a permit.
    async fn free(&self, queue: Queue) {
        // It is never closed.
        let _ = self.of(queue).acquire().await;
    }
}

/// A mail in the outbox, in a transaction that is not committed yet.
#[must_use = "call dispatch() after the commit"]
#[derive(Debug)]
pub struct QueuedMail {
    id: String,
    /// It has the lease then: no worker need find it first.
    permit: Option<OwnedSemaphorePermit>,
}

impl QueuedMail {
    /// The transaction is committed: the mail is handed over now, or as soon as there is a permit.
    pub fn dispatch(self, backend: &Arc<Backend>) {
        match self.permit {
            Some(permit) => {
                backend.tasks.spawn(run(Arc::clone(backend), Queue::Mails, self.id, permit));
            }
            None => backend.wake.notify_one(),
        }
    }
}

/// Puts a mail into the outbox, sealed.
///
/// # Errors
/// When the database is out of reach.
pub async fn add(
    tx: &mut Tx,
    backend: &Backend,
    employee: &str,
    code: Option<&str>,
    recipient: &str,
    message: &Message,
) -> sqlx::Result<QueuedMail> {
    let mail = QueuedMail { id: uuid::Uuid::new_v4().to_string(), permit: backend.permits.take(Queue::Mails) };
    // A message is strings only, so it always becomes JSON.
    let sealed = backend.keys.seal(&mail.id, &serde_json::to_string(message).unwrap_or_default());
    let now = Clock::system_now();
    sqlx::query(
        "INSERT INTO outbox (id, employee_id, code_id, recipient, sealed, created_at, next_at, lease_until)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
    )
    .bind(&mail.id)
    .bind(employee)
    .bind(code)
    .bind(recipient)
    .bind(sealed)
    .bind(now)
    .bind(if mail.permit.is_some() { now + backend.settings.lease } else { 0 })
    .execute(&mut **tx)
    .await?;
    Ok(mail)
}

/// The wait before the next try: doubling, never longer than the longest, and up to half of it shorter by `chance`
/// (0 to 1), so that many jobs do not come back at the same moment.
pub fn backoff(attempts: i64, settings: &Settings, chance: f64) -> Millis {
    let doublings = u32::try_from(attempts.clamp(0, 20)).unwrap_or(20);
    let whole = settings.first_wait.saturating_mul(1 << doublings).min(settings.longest_wait);
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a wait of minutes")]
    let shorter = (whole as f64 / 2.0 * chance) as Millis;
    whole - shorter
}

/// Takes jobs that are due, their lease, and a permit for each.
///
/// # Errors
/// When the database is out of reach.
async fn claim(backend: &Backend, queue: Queue) -> sqlx::Result<Vec<(String, OwnedSemaphorePermit)>> {
    let (table, id) = match queue {
        Queue::Mails => ("outbox", "id"),
        Queue::LinkJobs => ("link_jobs", "employee_id"),
    };
    let (database, now) = (&backend.database, Clock::system_now());
    let due = format!("SELECT {id} FROM {table} WHERE lease_until <= $1 AND next_at <= $1 ORDER BY next_at LIMIT $2");
    // A look first: an idle outbox writes nothing.
    let first: Option<String> = sqlx::query_scalar(AssertSqlSafe(due.clone()))
        .bind(now)
        .bind(1_i64)
        .fetch_optional(&mut *database.acquire().await?)
        .await?;
    if first.is_none() {
        return Ok(Vec::new());
    }
    let permits: Vec<_> = std::iter::from_fn(|| backend.permits.take(queue)).collect();
    let take =
        format!("UPDATE {table} SET lease_until = $3 WHERE {id} IN ({due}{}) RETURNING {id}", database.skip_locked());
    let mut tx = database.begin_write().await?;
    let jobs = sqlx::query_scalar(AssertSqlSafe(take)).bind(now).bind(i64::try_from(permits.len()).unwrap_or(i64::MAX));
    let jobs: Vec<String> = jobs.bind(now + backend.settings.lease).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(jobs.into_iter().zip(permits).collect())
}

/// Works until the backend stops: on what no request is at work on itself, and on what was not done at the first try.
pub async fn work(backend: Arc<Backend>) {
    let mut swept_at = None;
    while !backend.stopping.is_cancelled() {
        let now = backend.clock.now();
        if swept_at.is_none_or(|at| now - at >= HOUR) {
            swept_at = Some(now);
            if let Err(error) = sweep::sweep(&backend).await {
                tracing::warn!(%error, "old rows stay for another hour");
            }
        }
        let has_permit = |queue| backend.permits.of(queue).available_permits() > 0;
        for queue in [Queue::Mails, Queue::LinkJobs] {
            if !has_permit(queue) {
                continue;
            }
            match claim(&backend, queue).await {
                Ok(jobs) => {
                    for (id, permit) in jobs {
                        backend.tasks.spawn(run(Arc::clone(&backend), queue, id, permit));
                    }
                }
                Err(error) => tracing::error!(?queue, %error, "the outbox cannot be read"),
            }
        }
        tokio::select! {
            () = backend.wake.notified() => {}
            () = tokio::time::sleep(backend.settings.poll) => {}
            // Others may wait that were not taken for want of a permit.
            () = backend.permits.free(Queue::Mails), if !has_permit(Queue::Mails) => {}
            () = backend.permits.free(Queue::LinkJobs), if !has_permit(Queue::LinkJobs) => {}
            () = backend.stopping.cancelled() => {}
        }
    }
    // What is under way is among the backend's tasks, and finished: no mail is handed over twice.
}

async fn run(backend: Arc<Backend>, queue: Queue, id: String, _permit: OwnedSemaphorePermit) {
    match queue {
        Queue::Mails => {
            if let Err(error) = deliver(&backend, &id).await {
                tracing::error!(mail = id, %error, "a mail waits for its lease to end");
            }
        }
        Queue::LinkJobs => {
            linking::process(&backend, &id).await;
        }
    }
}

#[derive(FromRow)]
struct Mail {
    employee_id: String,
    code_id: Option<String>,
    recipient: String,
    sealed: String,
    attempts: i64,
    created_at: i64,
    first_name: String,
    language: String,
    status: Option<String>,
    expires_at: Option<i64>,
}

async fn deliver(backend: &Backend, id: &str) -> sqlx::Result<()> {
    let row: Option<Mail> = sqlx::query_as(
        "SELECT m.employee_id, m.code_id, m.recipient, m.sealed, m.attempts, m.created_at, e.first_name, e.language,
                k.status, k.expires_at
         FROM outbox m JOIN employees e ON e.id = m.employee_id LEFT JOIN codes k ON k.id = m.code_id WHERE m.id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *backend.database.acquire().await?)
    .await?;
    let Some(row) = row else { return Ok(()) };

    if let (Some(status), Some(expires_at)) = (&row.status, row.expires_at) {
        if status != code_status_word(CodeStatus::Active) {
            return finish(backend, id, &row, None).await;
        }
        if expires_at - backend.clock.now() < backend.settings.rules.min_life_in_mail {
            tracing::warn!(mail = id, "too late for this code's mail");
            return finish(backend, id, &row, Some(Delivery::Bounced)).await;
        }
    }
    let message = backend.keys.open(id, &row.sealed).ok();
    let Some(message) = message.and_then(|text| serde_json::from_str::<Message>(text.expose_secret()).ok()) else {
        tracing::error!(mail = id, "a mail is sealed under a key that is not here");
        return finish(backend, id, &row, Some(Delivery::Bounced)).await;
    };
    let rendered =
        mail::render(&message, &row.first_name, read_language(&row.language), backend.settings.rules.code_life);
    // Within the lease, so that no two backends hand the same mail over at once.
    let limit = Duration::from_millis((backend.settings.lease / 4 * 3).unsigned_abs());
    let sending = backend.mailer.send(id, &row.recipient, &row.first_name, &rendered);
    let outcome = tokio::time::timeout(limit, sending).await.unwrap_or(SendOutcome::Deferred);
    backend.metrics.mail(outcome);
    match outcome {
        SendOutcome::Accepted => finish(backend, id, &row, Some(Delivery::Accepted)).await,
        SendOutcome::Bounced => finish(backend, id, &row, Some(Delivery::Bounced)).await,
        SendOutcome::Deferred if Clock::system_now() - row.created_at > backend.settings.give_up => {
            finish(backend, id, &row, Some(Delivery::Bounced)).await
        }
        SendOutcome::Deferred => {
            let mut tx = backend.database.begin_locked(&row.employee_id).await?;
            sqlx::query("UPDATE outbox SET attempts = attempts + 1, next_at = $1, lease_until = 0 WHERE id = $2")
                .bind(Clock::system_now() + backoff(row.attempts, &backend.settings, rand::random()))
                .bind(id)
                .execute(&mut *tx)
                .await?;
            note(&mut tx, &row, Delivery::Deferred).await?;
            tx.commit().await
        }
    }
}

/// Takes a mail out of the outbox, and the code in it with it.
async fn finish(backend: &Backend, id: &str, row: &Mail, delivery: Option<Delivery>) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_locked(&row.employee_id).await?;
    sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id).execute(&mut *tx).await?;
    if let Some(delivery) = delivery {
        note(&mut tx, row, delivery).await?;
    }
    tx.commit().await
}

/// Notes what is known of the mail of a code.
async fn note(tx: &mut Tx, row: &Mail, delivery: Delivery) -> sqlx::Result<()> {
    let Some(code) = &row.code_id else { return Ok(()) };
    let changed = sqlx::query("UPDATE codes SET delivery = $1 WHERE id = $2 AND delivery <> $1")
        .bind(delivery_word(delivery))
        .bind(code)
        .execute(&mut **tx)
        .await?;
    if changed.rows_affected() > 0 {
        tx.notify(&row.employee_id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_chance_shortens_them_by_half_at_most() {
        let settings = Settings { first_wait: 1_000, longest_wait: 60_000, ..Settings::new(String::new()) };
        assert_eq!([0, 1, 2, 10, 1_000].map(|n| backoff(n, &settings, 0.0)), [1_000, 2_000, 4_000, 60_000, 60_000]);
        assert_eq!(backoff(2, &settings, 1.0), 2_000);
    }
}
