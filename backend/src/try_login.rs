//! Practising the new login: a linked employee signs in to Visma Connect once, and sees whether it works.
//!
//! The callback needs no session. All that it can do is to mark the try of the employee who began it, and as a success only
//! if the account is theirs.

use hrm_api::{ProblemCode, State, TryLoginStarted, TryLoginStatus};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::audit;
use crate::backend::Backend;
use crate::clock::{HOUR, Millis, date, seconds_until};
use crate::database::Tx;
use crate::error::ApiError;
use crate::flow;
use crate::keys::sha256;
use crate::login_provider::{LoginProvider, Secrets};
use crate::rules::LOGIN_TRIES_PER_HOUR;

fn provider(backend: &Backend) -> Result<&LoginProvider, ApiError> {
    backend.login_provider.as_ref().ok_or_else(|| ProblemCode::TryLoginOff.into())
}

/// Begins a try, which ends one that waits.
///
/// # Errors
/// `not_linked`; `too_many_requests`; `unavailable` when Visma Connect is out of reach.
pub async fn begin(backend: &Backend, employee: &str) -> Result<TryLoginStarted, ApiError> {
    let provider = provider(backend)?;
    // First, so that nobody makes this program call the provider often.
    check_may_begin(&mut backend.database.begin_read().await?, employee, backend.clock.now()).await?;
    let begun = provider.begin().await.map_err(|error| {
        tracing::error!(%error, "try login: not begun");
        backend.metrics.login_try("notBegun");
        ApiError::unavailable()
    })?;
    let now = backend.clock.now();
    let life = backend.settings.rules.try_login.unwrap_or_default();
    let mut tx = backend.database.begin_locked(employee).await?;
    check_may_begin(&mut tx, employee, now).await?;
    end_tries(&mut tx, employee, now).await?;
    let state_hash = sha256(begun.state.expose_secret());
    // Strings always serialise.
    let sealed = backend.keys.seal(&state_hash, &serde_json::to_string(&begun.secrets).unwrap_or_default());
    sqlx::query("INSERT INTO login_tries (state_hash, employee_id, sealed, begun_at) VALUES ($1, $2, $3, $4)")
        .bind(state_hash)
        .bind(employee)
        .bind(sealed)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    set_status(&mut tx, employee, TryLoginStatus::Waiting, now, Some(now + life)).await?;
    tx.commit().await?;
    Ok(TryLoginStarted { authorize_url: begun.authorize_url.into(), expires_at: date(now + life) })
}

async fn check_may_begin(tx: &mut Tx, employee: &str, now: Millis) -> Result<(), ApiError> {
    if linked_user(tx, employee).await?.is_none() {
        return Err(ProblemCode::NotLinked.into());
    }
    let earlier: Vec<Millis> = sqlx::query_scalar(
        "SELECT begun_at FROM login_tries WHERE employee_id = $1 AND begun_at > $2 AND begun_at <= $3 ORDER BY begun_at",
    )
    .bind(employee)
    .bind(now - HOUR)
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    if let Some(oldest) = earlier.len().checked_sub(LOGIN_TRIES_PER_HOUR).and_then(|at| earlier.get(at)) {
        let problem = hrm_api::Problem::new(ProblemCode::TooManyRequests);
        return Err(problem.retry_after(seconds_until(oldest + HOUR, now)).into());
    }
    Ok(())
}

/// Gives up a try that waits.
pub async fn cancel(backend: &Backend, employee: &str) -> Result<State, ApiError> {
    provider(backend)?;
    let now = backend.clock.now();
    let mut tx = backend.database.begin_locked(employee).await?;
    if is_waiting(&mut tx, employee, now).await? {
        end_tries(&mut tx, employee, now).await?;
        record_result(backend, &mut tx, employee, TryLoginStatus::NotFinished).await?;
    }
    tx.commit().await?;
    flow::state(backend, employee).await
}

/// The browser's query.
#[derive(Deserialize)]
pub struct Callback {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    /// RFC 9207: whose answer it is.
    iss: Option<String>,
}

/// The result of the try that the browser belongs to, and the employee's language. None: no such try waits.
pub async fn finish(
    backend: &Backend,
    callback: Callback,
) -> Result<Option<(TryLoginStatus, hrm_api::Language)>, ApiError> {
    let provider = provider(backend)?;
    let is_mixed_up = callback.iss.is_some_and(|iss| iss != provider.issuer());
    let answers = callback.code.is_some() || callback.error.is_some();
    let Some(state) = callback.state.filter(|_| answers && !is_mixed_up) else { return Ok(None) };
    let state_hash = sha256(&state);
    let Some((employee, begun_at, secrets)) = claim(backend, &state_hash).await? else { return Ok(None) };
    let subject = match (callback.code, secrets) {
        // An error may come with a code from whoever made up the address.
        (Some(code), Some(secrets)) if callback.error.is_none() => {
            let subject = provider.subject(&code, secrets, || date(backend.clock.now())).await;
            subject.inspect_err(|error| tracing::error!(employee, %error, "try login: not finished")).ok()
        }
        _ => None,
    };
    let mut tx = backend.database.begin_locked(&employee).await?;
    let user = linked_user(&mut tx, &employee).await?;
    // Another try has begun meanwhile, or this one was cancelled, or the link is gone.
    if user.is_none() || !is_current(&mut tx, &employee, begun_at).await? {
        return Ok(None);
    }
    let status = match subject {
        None => TryLoginStatus::NotFinished,
        Some(subject) if Some(&subject) == user.as_ref() => TryLoginStatus::Worked,
        Some(_) => TryLoginStatus::OtherAccount,
    };
    record_result(backend, &mut tx, &employee, status).await?;
    let language: String =
        sqlx::query_scalar("SELECT language FROM employees WHERE id = $1").bind(&employee).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(Some((status, language.parse().unwrap_or_default())))
}

/// Makes the state worthless, so that of many callbacks one goes on: the employee, when the try began, and its secrets.
async fn claim(backend: &Backend, state_hash: &str) -> Result<Option<(String, Millis, Option<Secrets>)>, ApiError> {
    let now = backend.clock.now();
    let life = backend.settings.rules.try_login.unwrap_or_default();
    let mut tx = backend.database.begin_write().await?;
    let claimed: Option<(String, String, Millis)> = sqlx::query_as(
        "UPDATE login_tries SET ended_at = $1 WHERE state_hash = $2 AND ended_at IS NULL AND begun_at > $3
         RETURNING employee_id, sealed, begun_at",
    )
    .bind(now)
    .bind(state_hash)
    .bind(now - life)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(claimed.map(|(employee, sealed, begun_at)| {
        let secrets = backend.keys.open(state_hash, &sealed).ok();
        (employee, begun_at, secrets.and_then(|text| serde_json::from_str(text.expose_secret()).ok()))
    }))
}

/// Forgets the tries of an employee whose link is taken away.
pub async fn forget(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<()> {
    end_tries(tx, employee, now).await?;
    sqlx::query("UPDATE employees SET login_status = NULL, login_at = NULL, login_until = NULL WHERE id = $1")
        .bind(employee)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn end_tries(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<()> {
    sqlx::query("UPDATE login_tries SET ended_at = $1 WHERE employee_id = $2 AND ended_at IS NULL")
        .bind(now)
        .bind(employee)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn set_status(
    tx: &mut Tx,
    employee: &str,
    status: TryLoginStatus,
    at: Millis,
    until: Option<Millis>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE employees SET login_status = $1, login_at = $2, login_until = $3 WHERE id = $4")
        .bind(<&str>::from(status))
        .bind(at)
        .bind(until)
        .bind(employee)
        .execute(&mut **tx)
        .await?;
    tx.notify(employee);
    Ok(())
}

/// How a try ended, for the app, the audit log and the metrics.
async fn record_result(backend: &Backend, tx: &mut Tx, employee: &str, status: TryLoginStatus) -> sqlx::Result<()> {
    set_status(tx, employee, status, backend.clock.now(), None).await?;
    let result = json!({ "result": status });
    audit::record(tx, "the employee", "try-login", &format!("employee {employee}"), &Value::Null, &result).await?;
    backend.metrics.login_try(status.into());
    Ok(())
}

async fn linked_user(tx: &mut Tx, employee: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT visma_user_id FROM links WHERE employee_id = $1")
        .bind(employee)
        .fetch_optional(&mut **tx)
        .await
}

async fn is_waiting(tx: &mut Tx, employee: &str, now: Millis) -> sqlx::Result<bool> {
    let waiting: Option<String> =
        sqlx::query_scalar("SELECT id FROM employees WHERE id = $1 AND login_status = $2 AND login_until > $3")
            .bind(employee)
            .bind(<&str>::from(TryLoginStatus::Waiting))
            .bind(now)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(waiting.is_some())
}

/// Whether the try that began then is the one that waits.
async fn is_current(tx: &mut Tx, employee: &str, begun_at: Millis) -> sqlx::Result<bool> {
    let waiting: Option<String> =
        sqlx::query_scalar("SELECT id FROM employees WHERE id = $1 AND login_status = $2 AND login_at = $3")
            .bind(employee)
            .bind(<&str>::from(TryLoginStatus::Waiting))
            .bind(begun_at)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(waiting.is_some())
}
