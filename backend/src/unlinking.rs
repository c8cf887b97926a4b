//! Takes links away: at Visma Connect first, the local row second. What an administrator asks for and the leaving dates
//! demand waits in `unlink_jobs`; after a crash at any point it is done again, which Visma Connect counts as done.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::FromRow;

use crate::admin::audit;
use crate::backend::Backend;
use crate::challenge_store;
use crate::clock::{Clock, Millis};
use crate::database::Tx;
use crate::directory::{DirectoryError, UserId};
use crate::email::Address;
use crate::mail::Message;
use crate::outbox;
use crate::queue::{backoff, caught};
use crate::snapshot;
use crate::try_login;

/// Who asks for the unlinking of people who have left, in the audit log.
const LEAVING_DATE: &str = "leaving date";

/// Jobs that are read at a time; they run one after the other.
const BATCH: i64 = 32;

#[derive(FromRow)]
struct Job {
    employee_id: String,
    requested_by: String,
    is_leaver: i64,
    attempts: i64,
    created_at: i64,
    next_at: i64,
}

/// A leaving date as `2026-12-31`, the only form that sorts by time.
pub fn parse_leaving_date(text: &str) -> Option<String> {
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.format("%Y-%m-%d").to_string() == text).then(|| text.to_owned())
}

/// Asks for the unlinking of an employee. A running backend does it within seconds.
pub async fn request(tx: &mut Tx, employee: &str, by: &str) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO unlink_jobs (employee_id, requested_by, is_leaver, created_at, next_at) VALUES ($1, $2, 0, $3, 0)
         ON CONFLICT (employee_id) DO UPDATE SET requested_by = $2, is_leaver = 0, next_at = 0",
    )
    .bind(employee)
    .bind(by)
    .bind(Clock::system_now())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Asks for the unlinking of everybody who left long enough ago.
pub async fn request_for_leavers(backend: &Backend) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_write().await?;
    sqlx::query(
        "INSERT INTO unlink_jobs (employee_id, requested_by, is_leaver, created_at, next_at)
         SELECT employees.id, $1, 1, $2, 0 FROM employees JOIN links ON links.employee_id = employees.id
         WHERE employees.leaves_on < $3
         ON CONFLICT (employee_id) DO NOTHING",
    )
    .bind(LEAVING_DATE)
    .bind(Clock::system_now())
    .bind(backend.settings.rules.unlinked_if_left_before(backend.clock.now()))
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Runs until the backend stops.
pub async fn run(backend: Arc<Backend>) {
    while !backend.stopping.is_cancelled() {
        if let Err(error) = run_due(&backend).await {
            tracing::error!(%error, "unlinking stopped, tried again soon");
        }
        tokio::select! {
            () = tokio::time::sleep(backend.settings.poll) => {}
            () = backend.stopping.cancelled() => {}
        }
    }
}

async fn run_due(backend: &Arc<Backend>) -> sqlx::Result<()> {
    let due: Vec<Job> = sqlx::query_as(
        "SELECT employee_id, requested_by, is_leaver, attempts, created_at, next_at FROM unlink_jobs
         WHERE next_at <= $1 ORDER BY next_at LIMIT $2",
    )
    .bind(Clock::system_now())
    .bind(BATCH)
    .fetch_all(&mut *backend.database.acquire().await?)
    .await?;
    for job in due {
        if backend.stopping.is_cancelled() {
            break;
        }
        // One job that fails, or panics, must not keep the others waiting. Its lease has to expire first.
        let employee = job.employee_id.clone();
        match caught(process(backend, job)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(employee, %error, "unlink job not changed"),
            Err(error) => tracing::error!(employee, %error, "unlink job failed"),
        }
    }
    Ok(())
}

async fn process(backend: &Arc<Backend>, mut job: Job) -> sqlx::Result<()> {
    let lease_until = Clock::system_now() + backend.settings.lease;
    let mut tx = backend.database.begin_locked(&job.employee_id).await?;
    if !set_next_at(&mut tx, &job, lease_until).await? {
        // Another backend has it.
        return Ok(());
    }
    job.next_at = lease_until;
    let link: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT links.visma_user_id, employees.leaves_on FROM links JOIN employees ON employees.id = links.employee_id
         WHERE links.employee_id = $1",
    )
    .bind(&job.employee_id)
    .fetch_optional(&mut *tx)
    .await?;
    let has_left = |leaves_on: Option<String>| {
        let before = backend.settings.rules.unlinked_if_left_before(backend.clock.now());
        leaves_on.is_some_and(|leaves_on| leaves_on < before)
    };
    // Without a link there is nothing to do, nor if a leaver came back meanwhile.
    let user = link.filter(|(_, leaves_on)| job.is_leaver == 0 || has_left(leaves_on.clone())).map(|(user, _)| user);
    if user.is_none() {
        delete(&mut tx, &job).await?;
    }
    tx.commit().await?;
    let Some(user) = user.map(UserId) else { return Ok(()) };

    let limit = Duration::from_millis((backend.settings.lease / 4 * 3).unsigned_abs());
    let answer = tokio::time::timeout(limit, backend.directory.unlink(&user)).await;
    let answer = answer.unwrap_or_else(|_| Err(DirectoryError::OutOfReach("no answer in time".to_owned())));
    backend.health.directory(answer.as_ref());
    match answer {
        Ok(()) => finish(backend, &job, &user, true).await,
        Err(error) if Clock::system_now() - job.created_at > backend.settings.give_up => {
            tracing::error!(employee = job.employee_id, %error, "unlinked here only, given up at Visma Connect");
            finish(backend, &job, &user, false).await
        }
        Err(error) => {
            tracing::warn!(employee = job.employee_id, %error, "unlinking failed, will be retried");
            let pause = match &error {
                DirectoryError::Paused(left) => i64::try_from(left.as_millis()).unwrap_or_default(),
                _ => 0,
            };
            let wait = backoff(job.attempts, &backend.settings, rand::random());
            let mut tx = backend.database.begin_locked(&job.employee_id).await?;
            if set_next_at(&mut tx, &job, Clock::system_now() + pause + wait).await? {
                sqlx::query("UPDATE unlink_jobs SET attempts = attempts + 1, last_error = $1 WHERE employee_id = $2")
                    .bind(error.to_string())
                    .bind(&job.employee_id)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await
        }
    }
}

/// Whether the job was still this attempt's.
async fn set_next_at(tx: &mut Tx, job: &Job, next_at: Millis) -> sqlx::Result<bool> {
    let set = sqlx::query("UPDATE unlink_jobs SET next_at = $1 WHERE employee_id = $2 AND next_at = $3")
        .bind(next_at)
        .bind(&job.employee_id)
        .bind(job.next_at)
        .execute(&mut **tx)
        .await?;
    Ok(set.rows_affected() > 0)
}

/// Whether the job was still this attempt's.
async fn delete(tx: &mut Tx, job: &Job) -> sqlx::Result<bool> {
    let deleted = sqlx::query("DELETE FROM unlink_jobs WHERE employee_id = $1 AND next_at = $2")
        .bind(&job.employee_id)
        .bind(job.next_at)
        .execute(&mut **tx)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

async fn finish(backend: &Arc<Backend>, job: &Job, user: &UserId, at_visma: bool) -> sqlx::Result<()> {
    let (employee, now) = (&job.employee_id, backend.clock.now());
    let mut tx = backend.database.begin_locked(employee).await?;
    if !delete(&mut tx, job).await? {
        return Ok(());
    }
    let snapshot = snapshot::read(&mut tx, employee, now).await?;
    sqlx::query("DELETE FROM links WHERE employee_id = $1 AND visma_user_id = $2")
        .bind(employee)
        .bind(&user.0)
        .execute(&mut *tx)
        .await?;
    // Otherwise a repeated send would get the stored response "linked".
    sqlx::query("DELETE FROM idempotency WHERE employee_id = $1").bind(employee).execute(&mut *tx).await?;
    challenge_store::drop_challenge(&mut tx, employee, now).await?;
    try_login::forget(&mut tx, employee, now).await?;
    let mut notices = Vec::new();
    if let Some(snapshot) = snapshot
        && let Some(link) = snapshot.link
    {
        let old =
            json!({ "vismaUserId": user.0, "email": link.email, "origin": link.origin, "linkedAt": link.linked_at });
        let new = if at_visma { Value::Null } else { json!({ "stillLinkedAtVismaConnect": true }) };
        audit::record(&mut tx, &job.requested_by, "unlink", &format!("employee {employee}"), &old, &new).await?;
        let mut addresses = snapshot.addresses;
        if let Ok(linked) = Address::parse(&link.email) {
            let message = Message::Unlinked { address: linked.masked() };
            if !addresses.iter().any(|known| known.is_same_without_case(&linked)) {
                addresses.push(linked);
            }
            for address in &addresses {
                notices.push(outbox::add(&mut tx, backend, employee, None, &address.mailbox(), &message).await?);
            }
        }
    }
    tx.notify(employee);
    tx.commit().await?;
    for notice in notices {
        notice.dispatch(backend);
    }
    tracing::info!(employee, by = job.requested_by, at_visma, "unlinked");
    Ok(())
}
