//! The outbox: mails wait here, sealed, until the mail server accepts or rejects them.
//!
//! A mail is sent at least once. It is sent twice only if the mail server's response is lost, or the process dies before
//! it can store it; the Message-ID is the same then.

use std::sync::Arc;
use std::time::Duration;

use hrm_api::Delivery;
use secrecy::ExposeSecret;
use sqlx::FromRow;
use tokio::sync::OwnedSemaphorePermit;

use crate::backend::Backend;
use crate::challenge::CodeStatus;
use crate::challenge_store;
use crate::clock::Clock;
use crate::database::Tx;
use crate::mail::{self, Message, SendOutcome};
use crate::queue::{Queue, backoff};

/// A mail in the outbox, in a transaction that is not committed yet.
#[must_use = "call dispatch() after the commit"]
#[derive(Debug)]
pub struct QueuedMail {
    id: String,
    /// With a permit, this process holds the lease too.
    permit: Option<OwnedSemaphorePermit>,
}

impl QueuedMail {
    /// Sends the mail now if there is a permit, otherwise wakes the worker. Call it after the commit.
    pub fn dispatch(self, backend: &Arc<Backend>) {
        match self.permit {
            Some(permit) => {
                let owned = Arc::clone(backend);
                backend.tasks.spawn(async move { deliver(&owned, &self.id, permit).await });
            }
            None => backend.wake.notify_one(),
        }
    }
}

/// Seals a mail and queues it. `code`: the id of the code in it.
pub async fn add(
    tx: &mut Tx,
    backend: &Backend,
    employee: &str,
    code: Option<&str>,
    recipient: &str,
    message: &Message,
) -> sqlx::Result<QueuedMail> {
    let mail = QueuedMail { id: uuid::Uuid::new_v4().to_string(), permit: backend.permits.try_acquire(Queue::Mails) };
    // Strings always serialise.
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

#[derive(FromRow)]
struct Row {
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

/// Sends a mail whose lease the caller holds.
pub async fn deliver(backend: &Backend, id: &str, _permit: OwnedSemaphorePermit) {
    if let Err(error) = try_deliver(backend, id).await {
        tracing::error!(mail = id, %error, "mail not sent, its lease has to expire first");
    }
}

async fn try_deliver(backend: &Backend, id: &str) -> sqlx::Result<()> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT outbox.employee_id, outbox.code_id, outbox.recipient, outbox.sealed, outbox.attempts,
                outbox.created_at, employees.first_name, employees.language, codes.status, codes.expires_at
         FROM outbox JOIN employees ON employees.id = outbox.employee_id LEFT JOIN codes ON codes.id = outbox.code_id
         WHERE outbox.id = $1",
    )
    .bind(id)
    .fetch_optional(&mut *backend.database.acquire().await?)
    .await?;
    let Some(row) = row else { return Ok(()) };

    let rules = &backend.settings.rules;
    if let (Some(status), Some(expires_at)) = (&row.status, row.expires_at) {
        if status.parse() != Ok(CodeStatus::Active) {
            return finish(backend, id, &row, None).await;
        }
        if expires_at - backend.clock.now() < rules.min_life_in_mail {
            tracing::warn!(mail = id, "mail dropped: its code expires too soon");
            return finish(backend, id, &row, Some(Delivery::Bounced)).await;
        }
    }
    let message = backend.keys.open(id, &row.sealed).ok();
    let Some(message) = message.and_then(|text| serde_json::from_str::<Message>(text.expose_secret()).ok()) else {
        tracing::error!(mail = id, "mail dropped: sealed under an unknown key");
        return finish(backend, id, &row, Some(Delivery::Bounced)).await;
    };
    let rendered = mail::render(&message, &row.first_name, row.language.parse().unwrap_or_default(), rules.code_life);
    // Within the lease, so that no other backend sends the same mail meanwhile.
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
            record_delivery(&mut tx, &row, Delivery::Deferred).await?;
            tx.commit().await
        }
    }
}

/// Removes a mail from the outbox, with the code in it.
async fn finish(backend: &Backend, id: &str, row: &Row, delivery: Option<Delivery>) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_locked(&row.employee_id).await?;
    sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id).execute(&mut *tx).await?;
    if let Some(delivery) = delivery {
        record_delivery(&mut tx, row, delivery).await?;
    }
    tx.commit().await
}

async fn record_delivery(tx: &mut Tx, row: &Row, delivery: Delivery) -> sqlx::Result<()> {
    if let Some(code) = &row.code_id
        && challenge_store::set_delivery(tx, code, delivery).await?
    {
        tx.notify(&row.employee_id);
    }
    Ok(())
}
