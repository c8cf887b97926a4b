//! Links an HRM user to a Visma Connect account: Visma Connect first, the local row second. After a crash or an outage
//! at any point, the work resumes from the row in `link_jobs`.

use std::sync::Arc;

use hrm_api::Origin;
use sqlx::FromRow;

use crate::backend::Backend;
use crate::challenge::ChallengeEnd;
use crate::clock::{Clock, Millis};
use crate::database::Tx;
use crate::directory::{Creation, DirectoryError, NewAccount, UserId};
use crate::email::Address;
use crate::mail::Message;
use crate::queue::{Panicked, backoff, caught};
use crate::snapshot::{self, Snapshot};
use crate::{challenge_store, keys, outbox};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Linked,
    /// The account belongs to another user of the company.
    Taken,
    /// Visma Connect is out of reach; the job is tried again.
    Later,
}

#[derive(FromRow)]
struct Job {
    challenge_id: String,
    address: String,
    create_attempted: i64,
    attempts: i64,
    created_at: i64,
}

/// Queues the job of linking a verified address. The caller holds its lease, and calls [`finish_within_budget`] after
/// the commit.
pub async fn begin(tx: &mut Tx, employee: &str, challenge: &str, address: &Address, lease: Millis) -> sqlx::Result<()> {
    let now = Clock::system_now();
    sqlx::query(
        "INSERT INTO link_jobs (employee_id, challenge_id, address, created_at, next_at, lease_until)
         VALUES ($1, $2, $3, $4, $4, $5)",
    )
    .bind(employee)
    .bind(challenge)
    .bind(address.as_typed())
    .bind(now)
    .bind(now + lease)
    .execute(&mut **tx)
    .await?;
    tx.notify(employee);
    Ok(())
}

/// Processes the job in the background and waits for it up to `linking_budget`.
pub async fn finish_within_budget(backend: &Arc<Backend>, employee: &str) -> Outcome {
    let job = backend.tasks.spawn({
        let (backend, employee) = (Arc::clone(backend), employee.to_owned());
        async move { process(&backend, &employee).await }
    });
    let waited = tokio::time::timeout(backend.settings.linking_budget, job).await;
    waited.ok().and_then(Result::ok).unwrap_or(Outcome::Later)
}

/// Processes a job whose lease the caller holds.
pub async fn process(backend: &Arc<Backend>, employee: &str) -> Outcome {
    match caught(attempt(backend, employee)).await.unwrap_or_else(|panicked| Err(panicked.into())) {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(employee, %error, "linking failed, will be retried");
            if let Err(error) = reschedule(backend, employee).await {
                tracing::error!(employee, %error, "link job not rescheduled, its lease has to expire first");
            }
            Outcome::Later
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Panicked(#[from] Panicked),
    #[error("Visma Connect says that the account exists, but does not find it")]
    Contradiction,
}

async fn read_job(tx: &mut Tx, employee: &str) -> sqlx::Result<Option<Job>> {
    const SQL: &str =
        "SELECT challenge_id, address, create_attempted, attempts, created_at FROM link_jobs WHERE employee_id = $1";
    sqlx::query_as(SQL).bind(employee).fetch_optional(&mut **tx).await
}

async fn delete_job(tx: &mut Tx, employee: &str) -> sqlx::Result<bool> {
    let deleted = sqlx::query("DELETE FROM link_jobs WHERE employee_id = $1").bind(employee).execute(&mut **tx).await?;
    Ok(deleted.rows_affected() > 0)
}

async fn attempt(backend: &Arc<Backend>, employee: &str) -> Result<Outcome, LinkError> {
    let mut tx = backend.database.begin_read().await?;
    let job = read_job(&mut tx, employee).await?;
    let snapshot = snapshot::read(&mut tx, employee, backend.clock.now()).await?;
    drop(tx);
    // No job: another process finished it.
    let (Some(job), Some(snapshot)) = (job, snapshot) else { return Ok(Outcome::Linked) };
    let Ok(address) = Address::parse(&job.address) else { return Ok(Outcome::Later) };

    let (user, origin) = find_or_create_account(backend, &job, &snapshot, &address).await?;
    Ok(commit_link(backend, &job, &snapshot, &address, &user, origin).await?)
}

async fn find_or_create_account(
    backend: &Backend,
    job: &Job,
    snapshot: &Snapshot,
    address: &Address,
) -> Result<(UserId, Origin), LinkError> {
    let person = &snapshot.person;
    let email = address.mailbox();
    // An account that appears after a creation without a response is the one that was created.
    let found_origin = if job.create_attempted == 0 { Origin::Existing } else { Origin::Created };
    if let Some(user) = backend.directory.find(&email).await? {
        return Ok((user, found_origin));
    }
    set_create_attempted(backend, &person.id, 1).await?;
    let account = NewAccount {
        email,
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
        language: person.language,
        country: person.country.clone(),
    };
    match backend.directory.create(&account).await? {
        Creation::Created(user) => Ok((user, Origin::Created)),
        Creation::Exists => {
            // This attempt created nothing, so an account found later must not count as created.
            set_create_attempted(backend, &person.id, job.create_attempted).await?;
            let user = backend.directory.find(&account.email).await?.ok_or(LinkError::Contradiction)?;
            Ok((user, found_origin))
        }
    }
}

async fn set_create_attempted(backend: &Backend, employee: &str, attempted: i64) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_locked(employee).await?;
    sqlx::query("UPDATE link_jobs SET create_attempted = $1 WHERE employee_id = $2")
        .bind(attempted)
        .bind(employee)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

async fn commit_link(
    backend: &Arc<Backend>,
    job: &Job,
    snapshot: &Snapshot,
    address: &Address,
    user: &UserId,
    origin: Origin,
) -> sqlx::Result<Outcome> {
    let person = &snapshot.person;
    let mut tx = backend.database.begin_locked(&person.id).await?;
    if !delete_job(&mut tx, &person.id).await? {
        return Ok(Outcome::Linked);
    }
    let linked = sqlx::query(
        "INSERT INTO links (employee_id, company_id, visma_user_id, address, origin, linked_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(&person.id)
    .bind(&person.company_id)
    .bind(&user.0)
    .bind(address.as_typed())
    .bind(<&str>::from(origin))
    .bind(backend.clock.now())
    .execute(&mut *tx)
    .await?;
    let mut notices = Vec::new();
    let outcome = if linked.rows_affected() == 1 {
        for other in snapshot.addresses.iter().filter(|other| !other.is_same_without_case(address)) {
            let message = Message::Notice { address: address.masked() };
            notices.push(outbox::add(&mut tx, backend, &person.id, None, &other.mailbox(), &message).await?);
        }
        backend.metrics.link(<&str>::from(origin));
        Outcome::Linked
    } else {
        let end = ChallengeEnd::AccountTaken;
        challenge_store::end_challenge(&mut tx, &job.challenge_id, end, Some(&user.0)).await?;
        Outcome::Taken
    };
    tx.notify(&person.id);
    tx.commit().await?;
    for notice in notices {
        notice.dispatch(backend);
    }
    let user = &keys::sha256(&user.0)[..8];
    tracing::info!(employee = person.id, origin = <&str>::from(origin), ?outcome, user, "link job done");
    Ok(outcome)
}

/// Sets the time of the next attempt and releases the lease, or gives the job up.
async fn reschedule(backend: &Backend, employee: &str) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_locked(employee).await?;
    let Some(job) = read_job(&mut tx, employee).await? else { return Ok(()) };
    let now = Clock::system_now();
    if now - job.created_at > backend.settings.give_up {
        delete_job(&mut tx, employee).await?;
        challenge_store::end_challenge(&mut tx, &job.challenge_id, ChallengeEnd::Abandoned, None).await?;
        // The banner comes back and the employee can start again; `admin progress` shows who.
        challenge_store::set_snoozed_until(&mut tx, employee, None).await?;
        tx.notify(employee);
        backend.metrics.link(ChallengeEnd::Abandoned.into_str());
        tracing::error!(employee, "linking given up");
    } else {
        sqlx::query(
            "UPDATE link_jobs SET attempts = attempts + 1, next_at = $1, lease_until = 0 WHERE employee_id = $2",
        )
        .bind(now + backoff(job.attempts, &backend.settings, rand::random()))
        .bind(employee)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}
