//! The lasting pair of HRM user and Visma Connect account. Visma Connect first, the local row second; a crash or an
//! outage at any point between resumes from the row in `link_jobs`.

use std::sync::Arc;

use hrm_api::Origin;
use sqlx::FromRow;

use crate::Backend;
use crate::challenge::ChallengeEnd;
use crate::clock::{Clock, Millis};
use crate::database::Tx;
use crate::directory::{Creation, DirectoryError, NewAccount, UserId};
use crate::email::Address;
use crate::mail::Message;
use crate::snapshot::{self, Snapshot, end_word};
use crate::{keys, outbox};

/// Where a job got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The link exists.
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
}

/// Puts the job of linking a proved address where a crash cannot lose it. The caller has the lease for so long: it is
/// to call [`finish_within_budget`] after the commit.
///
/// # Errors
/// When the database is out of reach.
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

/// Works on the job, and waits for it for as long as a request should. It goes on after that, and after the client
/// has hung up.
pub async fn finish_within_budget(backend: &Arc<Backend>, employee: &str) -> Outcome {
    let job = backend.tasks.spawn({
        let (backend, employee) = (Arc::clone(backend), employee.to_owned());
        async move { process(&backend, &employee).await }
    });
    let waited = tokio::time::timeout(backend.settings.linking_budget, job).await;
    waited.ok().and_then(Result::ok).unwrap_or(Outcome::Later)
}

/// Works on a job that the caller has the lease of.
pub async fn process(backend: &Arc<Backend>, employee: &str) -> Outcome {
    match attempt(backend, employee).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::warn!(employee, %error, "a link was not made; it is tried again");
            if let Err(error) = reschedule(backend, employee).await {
                tracing::error!(employee, %error, "a link's job waits for its lease to end");
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
    #[error("Visma Connect says that the account exists and does not find it")]
    Contradiction,
}

async fn attempt(backend: &Arc<Backend>, employee: &str) -> Result<Outcome, LinkError> {
    let mut tx = backend.database.begin_read().await?;
    let job: Option<Job> =
        sqlx::query_as("SELECT challenge_id, address, create_attempted FROM link_jobs WHERE employee_id = $1")
            .bind(employee)
            .fetch_optional(&mut *tx)
            .await?;
    let snapshot = snapshot::read(&mut tx, employee, backend.clock.now()).await?;
    drop(tx);
    // No job: somebody else finished it.
    let (Some(job), Some(snapshot)) = (job, snapshot) else { return Ok(Outcome::Linked) };
    let Ok(address) = Address::parse(&job.address) else { return Ok(Outcome::Later) };

    let (user, origin) = find_or_create_account(backend, employee, &job, &snapshot, &address).await?;
    Ok(commit_link(backend, &job, &snapshot, &address, &user, origin).await?)
}

/// Search → create → on 409 search again.
async fn find_or_create_account(
    backend: &Backend,
    employee: &str,
    job: &Job,
    snapshot: &Snapshot,
    address: &Address,
) -> Result<(UserId, Origin), LinkError> {
    let email = address.mailbox();
    // An account that turns up after a creation with no answer is the one that was created.
    let found_origin = if job.create_attempted == 0 { Origin::Existing } else { Origin::Created };
    if let Some(user) = backend.directory.find(&email).await? {
        return Ok((user, found_origin));
    }
    set_create_attempted(backend, employee, 1).await?;
    let account = NewAccount {
        email,
        first_name: snapshot.person.first_name.clone(),
        last_name: snapshot.person.last_name.clone(),
        language: snapshot.person.language,
        country: snapshot.person.country.clone(),
    };
    match backend.directory.create(&account).await? {
        Creation::Created(user) => Ok((user, Origin::Created)),
        Creation::Exists => {
            // This try created nothing, so it is no reason to call what is found later a creation of ours.
            set_create_attempted(backend, employee, job.create_attempted).await?;
            let user = backend.directory.find(&account.email).await?.ok_or(LinkError::Contradiction)?;
            Ok((user, found_origin))
        }
    }
}

async fn set_create_attempted(backend: &Backend, employee: &str, tried: i64) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_locked(employee).await?;
    sqlx::query("UPDATE link_jobs SET create_attempted = $1 WHERE employee_id = $2")
        .bind(tried)
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
    let removed =
        sqlx::query("DELETE FROM link_jobs WHERE employee_id = $1").bind(&person.id).execute(&mut *tx).await?;
    if removed.rows_affected() == 0 {
        return Ok(Outcome::Linked);
    }
    let origin_word = if origin == Origin::Existing { "existing" } else { "created" };
    let linked = sqlx::query(
        "INSERT INTO links (employee_id, company_id, visma_user_id, address, origin, linked_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(&person.id)
    .bind(&person.company_id)
    .bind(&user.0)
    .bind(address.as_typed())
    .bind(origin_word)
    .bind(backend.clock.now())
    .execute(&mut *tx)
    .await?;
    let mut notices = Vec::new();
    let outcome = if linked.rows_affected() == 1 {
        for other in snapshot.addresses.iter().filter(|other| !other.is_same_without_case(address)) {
            let message = Message::Notice { address: address.masked() };
            notices.push(outbox::add(&mut tx, backend, &person.id, None, &other.mailbox(), &message).await?);
        }
        backend.metrics.link(origin_word);
        Outcome::Linked
    } else {
        sqlx::query("UPDATE challenges SET end_reason = $1, taken_user_id = $2 WHERE id = $3")
            .bind(end_word(ChallengeEnd::AccountTaken))
            .bind(&user.0)
            .bind(&job.challenge_id)
            .execute(&mut *tx)
            .await?;
        Outcome::Taken
    };
    tx.notify(&person.id);
    tx.commit().await?;
    for notice in notices {
        notice.dispatch(backend);
    }
    tracing::info!(
        employee = person.id,
        origin = origin_word,
        ?outcome,
        user = &keys::sha256(&user.0)[..8],
        "link settled"
    );
    Ok(outcome)
}

/// Gives the lease back, with a time for the next try; or gives the job up.
async fn reschedule(backend: &Backend, employee: &str) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_locked(employee).await?;
    let row: Option<(i64, i64, String)> =
        sqlx::query_as("SELECT attempts, created_at, challenge_id FROM link_jobs WHERE employee_id = $1")
            .bind(employee)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((attempts, created_at, challenge)) = row else { return Ok(()) };
    let now = Clock::system_now();
    if now - created_at > backend.settings.give_up {
        sqlx::query("DELETE FROM link_jobs WHERE employee_id = $1").bind(employee).execute(&mut *tx).await?;
        sqlx::query("UPDATE challenges SET end_reason = $1 WHERE id = $2")
            .bind(end_word(ChallengeEnd::Abandoned))
            .bind(&challenge)
            .execute(&mut *tx)
            .await?;
        // The banner comes back and the employee can begin again; `admin progress` names them.
        sqlx::query("UPDATE employees SET snoozed_until = NULL WHERE id = $1").bind(employee).execute(&mut *tx).await?;
        tx.notify(employee);
        backend.metrics.link("given_up");
        tracing::error!(employee, "a link was given up");
    } else {
        let next_at = now + outbox::backoff(attempts, &backend.settings, rand::random());
        sqlx::query(
            "UPDATE link_jobs SET attempts = attempts + 1, next_at = $1, lease_until = 0 WHERE employee_id = $2",
        )
        .bind(next_at)
        .bind(employee)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}
