//! The outbox: mails wait here, sealed, until the mail server accepts or rejects them.
//!
//! A mail is sent at least once. It is sent twice, never more often, only if the mail server's response is lost, or the
//! process dies before it can store it; the Message-ID is the same then.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hrm_api::Delivery;
use secrecy::ExposeSecret;
use sqlx::FromRow;
use tokio::sync::OwnedSemaphorePermit;

use crate::backend::Backend;
use crate::challenge::CodeStatus;
use crate::challenge_store;
use crate::clock::{Clock, Millis};
use crate::database::{Tx, new_id};
use crate::mail::{self, Message, NotSent, SendOutcome};
use crate::metrics::MailEnd;
use crate::queue::{LeasedJob, Queue, backoff, caught};

/// How often a mail is handed over whose acceptance nobody knows.
const MOST_HAND_OVERS: i64 = 2;

/// A mail in the outbox, in a transaction that is not committed yet.
#[must_use = "call dispatch() after the commit"]
#[derive(Debug)]
pub struct QueuedMail {
    id: String,
    lease_until: Millis,
    /// With a permit, this process holds the lease too.
    permit: Option<OwnedSemaphorePermit>,
}

impl QueuedMail {
    /// Sends the mail now if there is a permit, otherwise wakes the worker. Call it after the commit.
    pub fn dispatch(self, backend: &Arc<Backend>) {
        match self.permit {
            Some(permit) => {
                let owned = Arc::clone(backend);
                let job = LeasedJob { key: self.id, lease_until: self.lease_until, permit };
                backend.tasks.spawn(async move { deliver(&owned, job).await });
            }
            None => backend.wake.notify_one(),
        }
    }
}

/// Seals a mail and queues it. `code`: the id of the code in it, which is then the mail's too: a later report about the mail
/// finds its code, see `admin::bounce`.
pub async fn add(
    tx: &mut Tx,
    backend: &Backend,
    employee: &str,
    code: Option<&str>,
    recipient: &str,
    message: &Message,
) -> sqlx::Result<QueuedMail> {
    let now = Clock::system_now();
    let permit = backend.permits.try_acquire(Queue::Mails);
    let lease_until = if permit.is_some() { now + backend.settings.lease } else { 0 };
    let id = code.map_or_else(new_id, str::to_owned);
    let mail = QueuedMail { id, lease_until, permit };
    // Strings always serialise.
    let sealed = backend.keys.seal(&mail.id, &serde_json::to_string(message).unwrap_or_default());
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
    .bind(lease_until)
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
    unconfirmed: i64,
    created_at: i64,
    first_name: String,
    language: String,
    status: Option<String>,
    expires_at: Option<i64>,
}

/// The lease of a mail. Other attempts can only begin after it, and every change that this one stores asks for it.
struct Lease<'a> {
    backend: &'a Backend,
    id: &'a str,
    until: Millis,
    /// A hand-over has begun, so the relay may have the mail.
    handing_over: bool,
}

impl Lease<'_> {
    /// Does the work while the lease is renewed. None if it was lost.
    async fn hold<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let renew_at = self.until - self.backend.settings.lease / 3 * 2;
            let wait = Duration::from_millis((renew_at - Clock::system_now()).max(0).unsigned_abs());
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = tokio::time::sleep(wait) => {}
            }
            match self.renew(0).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::warn!(mail = self.id, %error, "lease not renewed");
                    let pause = tokio::time::sleep(Duration::from_secs(1));
                    tokio::select! {
                        biased;
                        done = &mut work => return Some(done),
                        () = pause => {}
                    }
                }
            }
        }
    }

    /// `hand_overs`: that begin now. False if the lease was lost.
    async fn renew(&mut self, hand_overs: i64) -> sqlx::Result<bool> {
        // Another name each time, so that no lease is taken for another.
        let until = (Clock::system_now() + self.backend.settings.lease).max(self.until + 1);
        let mut tx = self.backend.database.begin_write().await?;
        let renewed = sqlx::query(
            "UPDATE outbox SET lease_until = $1, unconfirmed = unconfirmed + $2 WHERE id = $3 AND lease_until = $4",
        )
        .bind(until)
        .bind(hand_overs)
        .bind(self.id)
        .bind(self.until)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.until = until;
        Ok(renewed.rows_affected() > 0)
    }
}

/// How an attempt ended.
enum End {
    Accepted,
    NotSent(NotSent),
    /// The code in the mail is not valid any more.
    Superseded,
    /// It cannot be sent any more.
    Failed,
    LeaseLost,
}

/// Sends a leased mail.
pub async fn deliver(backend: &Backend, job: LeasedJob) {
    let mut lease = Lease { backend, id: &job.key, until: job.lease_until, handing_over: false };
    if let Err(error) = try_deliver(backend, &mut lease).await {
        tracing::error!(mail = job.key, %error, "mail not sent, its lease has to expire first");
    }
}

async fn try_deliver(backend: &Backend, lease: &mut Lease<'_>) -> sqlx::Result<()> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT outbox.employee_id, outbox.code_id, outbox.recipient, outbox.sealed, outbox.attempts,
                outbox.unconfirmed, outbox.created_at, employees.first_name, employees.language, codes.status,
                codes.expires_at
         FROM outbox JOIN employees ON employees.id = outbox.employee_id LEFT JOIN codes ON codes.id = outbox.code_id
         WHERE outbox.id = $1",
    )
    .bind(lease.id)
    .fetch_optional(&mut *backend.database.acquire().await?)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let end = match caught(attempt(backend, &row, lease)).await {
        Ok(end) => end?,
        Err(error) => {
            tracing::error!(mail = lease.id, %error, "mail not sent, will be retried");
            let outcome = if lease.handing_over { SendOutcome::Uncertain } else { SendOutcome::Deferred };
            End::NotSent(NotSent { outcome, why: "a fault in this program".to_owned(), ..NotSent::default() })
        }
    };
    let NotSent { outcome, why, .. } = match end {
        End::Accepted => return finish(lease, &row, Some(Delivery::Accepted)).await,
        End::NotSent(not_sent) => not_sent,
        End::Superseded => return finish(lease, &row, None).await,
        End::Failed => return finish(lease, &row, Some(Delivery::Failed)).await,
        End::LeaseLost => {
            tracing::warn!(mail = lease.id, "another attempt at the mail has begun");
            return Ok(());
        }
    };
    let is_too_old = Clock::system_now() - row.created_at > backend.settings.give_up;
    match outcome {
        SendOutcome::Bounced => finish(lease, &row, Some(Delivery::Bounced)).await,
        SendOutcome::Uncertain if row.unconfirmed + 1 >= MOST_HAND_OVERS => {
            tracing::error!(mail = lease.id, "mail handed over twice without an answer, not tried again");
            finish(lease, &row, Some(Delivery::Deferred)).await
        }
        _ if is_too_old => {
            tracing::error!(mail = lease.id, "mail given up");
            finish(lease, &row, Some(Delivery::Failed)).await
        }
        _ => reschedule(lease, &row, outcome, &why).await,
    }
}

async fn attempt(backend: &Backend, row: &Row, lease: &mut Lease<'_>) -> sqlx::Result<End> {
    let rules = &backend.settings.rules;
    let id = lease.id;
    if let (Some(status), Some(expires_at)) = (&row.status, row.expires_at) {
        if status.parse() != Ok(CodeStatus::Active) {
            return Ok(End::Superseded);
        }
        if expires_at - backend.clock.now() < rules.min_life_in_mail {
            tracing::error!(mail = id, "mail dropped: its code expires too soon");
            return Ok(End::Failed);
        }
    }
    // The process died in the middle of the last hand-over.
    if row.unconfirmed >= MOST_HAND_OVERS {
        return Ok(End::NotSent(NotSent { outcome: SendOutcome::Uncertain, ..NotSent::default() }));
    }
    let message = backend.keys.open(id, &row.sealed).ok();
    let Some(message) = message.and_then(|text| serde_json::from_str::<Message>(text.expose_secret()).ok()) else {
        tracing::error!(mail = id, "mail dropped: sealed under an unknown key");
        return Ok(End::Failed);
    };
    let rendered = mail::render(&message, &row.first_name, row.language.parse().unwrap_or_default(), rules.code_life);
    let preparing = backend.mailer.prepare(id, &row.recipient, &row.first_name, &rendered);
    let Some(prepared) = lease.hold(preparing).await else { return Ok(End::LeaseLost) };
    let sent = match prepared {
        Ok(prepared) => {
            // Stored first, so that a hand-over counts even if this process dies in it.
            if !lease.renew(1).await? {
                return Ok(End::LeaseLost);
            }
            lease.handing_over = true;
            let Some(sent) = lease.hold(prepared.hand_over()).await else { return Ok(End::LeaseLost) };
            sent
        }
        Err(not_sent) => Err(not_sent),
    };
    backend.metrics.mail(sent.as_ref().copied());
    backend.health.mail(sent.as_ref().copied());
    Ok(sent.map_or_else(End::NotSent, |()| End::Accepted))
}

async fn reschedule(lease: &Lease<'_>, row: &Row, outcome: SendOutcome, why: &str) -> sqlx::Result<()> {
    let mut tx = lease.backend.database.begin_locked(&row.employee_id).await?;
    let rescheduled = sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1, unconfirmed = $1, next_at = $2, lease_until = 0, last_error = $3
         WHERE id = $4 AND lease_until = $5",
    )
    .bind(row.unconfirmed + i64::from(outcome == SendOutcome::Uncertain))
    .bind(Clock::system_now() + backoff(row.attempts, &lease.backend.settings, rand::random()))
    .bind(why)
    .bind(lease.id)
    .bind(lease.until)
    .execute(&mut *tx)
    .await?;
    if rescheduled.rows_affected() > 0 {
        record_delivery(&mut tx, row, Delivery::Deferred).await?;
    }
    tx.commit().await
}

/// Removes a mail from the outbox, with the code in it.
async fn finish(lease: &Lease<'_>, row: &Row, delivery: Option<Delivery>) -> sqlx::Result<()> {
    let mut tx = lease.backend.database.begin_locked(&row.employee_id).await?;
    let deleted = sqlx::query("DELETE FROM outbox WHERE id = $1 AND lease_until = $2")
        .bind(lease.id)
        .bind(lease.until)
        .execute(&mut *tx)
        .await?;
    if deleted.rows_affected() > 0
        && let Some(delivery) = delivery
    {
        record_delivery(&mut tx, row, delivery).await?;
    }
    tx.commit().await?;
    if deleted.rows_affected() > 0 {
        lease.backend.metrics.mail_ended(MailEnd::of(delivery));
    }
    Ok(())
}

async fn record_delivery(tx: &mut Tx, row: &Row, delivery: Delivery) -> sqlx::Result<()> {
    if let Some(code) = &row.code_id
        && challenge_store::set_delivery(tx, code, delivery).await?
    {
        tx.notify(&row.employee_id);
    }
    Ok(())
}
