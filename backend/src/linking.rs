//! Links an HRM user to a Visma Connect account: Visma Connect first, the local row second. After a crash or an outage
//! at any point, the work resumes from the row in `link_jobs`.

use std::sync::Arc;
use std::time::Duration;

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
use crate::rules::NOT_FOUND_FOR;
use crate::snapshot::{self, Snapshot};
use crate::{challenge_store, keys, outbox};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Linked,
    /// The account belongs to another user of the company.
    Taken,
    /// Visma Connect refused for good.
    Refused,
    /// Visma Connect is out of reach, or another attempt is under way; the job is tried again.
    Later,
}

#[derive(FromRow)]
struct Job {
    employee_id: String,
    challenge_id: String,
    address: String,
    create_attempted: i64,
    attempts: i64,
    created_at: i64,
    /// Identifies this attempt: another one can only begin later, with a later lease.
    lease_until: i64,
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
    let (mut job, snapshot) = match read(backend, employee).await {
        Ok(Some(found)) => found,
        // Another process finished it.
        Ok(None) => return Outcome::Later,
        Err(error) => {
            tracing::error!(employee, %error, "link job not read, its lease has to expire first");
            return Outcome::Later;
        }
    };
    let attempt = caught(attempt(backend, &mut job, &snapshot)).await;
    let attempt = attempt.unwrap_or_else(|panicked| Err(panicked.into()));
    match &attempt {
        Ok(_) => backend.health.directory(Ok(())),
        Err(error) => {
            backend.metrics.link_failure(error.word());
            if let LinkError::Directory(error) = error {
                backend.health.directory::<()>(Err(error));
            }
        }
    }
    let stored = match attempt {
        Ok(outcome) => Ok(outcome),
        Err(LinkError::LeaseLost) => {
            tracing::info!(employee, "another attempt at the link has begun");
            Ok(Outcome::Later)
        }
        Err(LinkError::Directory(error)) if error.is_permanent() => refuse(backend, &job, &error.to_string()).await,
        Err(error @ LinkError::Contradiction) if Clock::system_now() - job.created_at > NOT_FOUND_FOR => {
            refuse(backend, &job, &error.to_string()).await
        }
        Err(LinkError::Address) => refuse(backend, &job, "the address is not valid any more").await,
        Err(error) => {
            tracing::warn!(employee, %error, "linking failed, will be retried");
            reschedule(backend, &job, &error).await
        }
    };
    stored.unwrap_or_else(|error| {
        tracing::error!(employee, %error, "link job not changed, its lease has to expire first");
        Outcome::Later
    })
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
    #[error("Visma Connect did not answer in time")]
    TooSlow,
    #[error("the lease was lost")]
    LeaseLost,
    #[error("the address is not valid")]
    Address,
}

impl LinkError {
    /// For the metrics.
    fn word(&self) -> &'static str {
        match self {
            Self::Directory(error) => error.cause(),
            Self::Database(_) => "database",
            Self::Panicked(_) => "fault",
            Self::Contradiction => "contradiction",
            Self::TooSlow => "too_slow",
            Self::LeaseLost => "lease_lost",
            Self::Address => "address",
        }
    }
}

/// For the administrator. A database's text can quote a row.
fn cause(error: &LinkError) -> String {
    if matches!(error, LinkError::Database(_)) { "a database error".to_owned() } else { error.to_string() }
}

async fn read(backend: &Backend, employee: &str) -> sqlx::Result<Option<(Job, Snapshot)>> {
    const SQL: &str = "SELECT employee_id, challenge_id, address, create_attempted, attempts, created_at, lease_until
                       FROM link_jobs WHERE employee_id = $1";
    let mut tx = backend.database.begin_read().await?;
    let job: Option<Job> = sqlx::query_as(SQL).bind(employee).fetch_optional(&mut *tx).await?;
    Ok(job.zip(snapshot::read(&mut tx, employee, backend.clock.now()).await?))
}

/// Whether the job was still this attempt's.
async fn delete_job(tx: &mut Tx, job: &Job) -> sqlx::Result<bool> {
    let deleted = sqlx::query("DELETE FROM link_jobs WHERE employee_id = $1 AND lease_until = $2")
        .bind(&job.employee_id)
        .bind(job.lease_until)
        .execute(&mut **tx)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

async fn attempt(backend: &Arc<Backend>, job: &mut Job, snapshot: &Snapshot) -> Result<Outcome, LinkError> {
    let address = Address::parse(&job.address).map_err(|_| LinkError::Address)?;
    let (user, origin) = find_or_create_account(backend, job, snapshot, &address).await?;
    Ok(commit_link(backend, job, snapshot, &address, &user, origin).await?)
}

async fn find_or_create_account(
    backend: &Backend,
    job: &mut Job,
    snapshot: &Snapshot,
    address: &Address,
) -> Result<(UserId, Origin), LinkError> {
    let person = &snapshot.person;
    let email = address.mailbox();
    let create_attempted = job.create_attempted;
    // An account that appears after a creation without a response is the one that was created.
    let found_origin = if create_attempted == 0 { Origin::Existing } else { Origin::Created };
    if let Some(user) = within_lease(job, backend.directory.find(&email)).await? {
        return Ok((user, found_origin));
    }
    renew_lease(backend, job, 1).await?;
    let account = NewAccount {
        email,
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
        language: person.language,
        country: person.country.clone(),
    };
    let (origin, create_attempted) = match within_lease(job, backend.directory.create(&account)).await? {
        Creation::Created(user) => return Ok((user, Origin::Created)),
        Creation::CreatedWithoutId => (Origin::Created, 1),
        // This attempt created nothing, so an account found later must not count as created.
        Creation::Exists => (found_origin, create_attempted),
    };
    renew_lease(backend, job, create_attempted).await?;
    let user = within_lease(job, backend.directory.find(&account.email)).await?;
    Ok((user.ok_or(LinkError::Contradiction)?, origin))
}

/// A call of this attempt ends before another attempt can begin. A quarter of the lease is for the database.
async fn within_lease<T>(job: &Job, call: impl Future<Output = Result<T, DirectoryError>>) -> Result<T, LinkError> {
    let limit = (job.lease_until - Clock::system_now()).max(0) / 4 * 3;
    let answer = tokio::time::timeout(Duration::from_millis(limit.unsigned_abs()), call).await;
    Ok(answer.map_err(|_| LinkError::TooSlow)??)
}

async fn renew_lease(backend: &Backend, job: &mut Job, create_attempted: i64) -> Result<(), LinkError> {
    let mut tx = backend.database.begin_locked(&job.employee_id).await?;
    let lease_until = (Clock::system_now() + backend.settings.lease).max(job.lease_until + 1);
    let renewed = sqlx::query(
        "UPDATE link_jobs SET create_attempted = $1, lease_until = $2 WHERE employee_id = $3 AND lease_until = $4",
    )
    .bind(create_attempted)
    .bind(lease_until)
    .bind(&job.employee_id)
    .bind(job.lease_until)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    job.lease_until = lease_until;
    if renewed.rows_affected() > 0 { Ok(()) } else { Err(LinkError::LeaseLost) }
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
    if !delete_job(&mut tx, job).await? {
        return Ok(Outcome::Later);
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
        end_without_link(backend, &mut tx, job, (ChallengeEnd::AccountTaken, "account taken"), Some(user)).await?;
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

/// The employee can start again, with another address too; `admin progress` shows why.
async fn end_without_link(
    backend: &Backend,
    tx: &mut Tx,
    job: &Job,
    end: (ChallengeEnd, &str),
    taken: Option<&UserId>,
) -> sqlx::Result<()> {
    let (employee, now) = (&job.employee_id, backend.clock.now());
    let taken = taken.map(|user| user.0.as_str());
    challenge_store::end_linking(tx, employee, &job.challenge_id, end, taken, now).await?;
    // The banner comes back.
    challenge_store::set_snoozed_until(tx, employee, None).await?;
    backend.metrics.link(end.0.into_str());
    tx.notify(employee);
    Ok(())
}

async fn refuse(backend: &Backend, job: &Job, why: &str) -> sqlx::Result<Outcome> {
    let mut tx = backend.database.begin_locked(&job.employee_id).await?;
    if !delete_job(&mut tx, job).await? {
        return Ok(Outcome::Later);
    }
    let problem = format!("refused: {why}");
    end_without_link(backend, &mut tx, job, (ChallengeEnd::AccountRefused, &problem), None).await?;
    tx.commit().await?;
    tracing::error!(employee = job.employee_id, why, "linking refused for good");
    Ok(Outcome::Refused)
}

/// Sets the time of the next attempt and releases the lease, or gives the job up.
async fn reschedule(backend: &Backend, job: &Job, error: &LinkError) -> sqlx::Result<Outcome> {
    let mut tx = backend.database.begin_locked(&job.employee_id).await?;
    let now = Clock::system_now();
    if now - job.created_at > backend.settings.give_up {
        if delete_job(&mut tx, job).await? {
            let problem = format!("linking given up: {}", cause(error));
            end_without_link(backend, &mut tx, job, (ChallengeEnd::Abandoned, &problem), None).await?;
            tracing::error!(employee = job.employee_id, %error, "linking given up");
        }
    } else {
        let wait = backoff(job.attempts, &backend.settings, rand::random());
        // All jobs wait for the end of a pause: a back-off on top keeps them from coming at once.
        let pause = match error {
            LinkError::Directory(DirectoryError::Paused(left)) => i64::try_from(left.as_millis()).unwrap_or_default(),
            _ => 0,
        };
        sqlx::query(
            "UPDATE link_jobs SET attempts = attempts + 1, next_at = $1, lease_until = 0, last_error = $2
             WHERE employee_id = $3 AND lease_until = $4",
        )
        .bind(now + pause + wait)
        .bind(cause(error))
        .bind(&job.employee_id)
        .bind(job.lease_until)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(Outcome::Later)
}
