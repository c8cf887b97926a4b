//! Sessions: user name and password once, then a bearer token.

use std::time::Duration;

use hrm_api::{Employee, ProblemCode, SessionInfo, SignIn};
use secrecy::{ExposeSecret, SecretString};

use crate::backend::Backend;
use crate::clock::{Clock, HOUR, Millis, date};
use crate::error::ApiError;
use crate::keys::{new_token, sha256};
use crate::password::Busy;
use crate::rate_limit::Place;
use crate::text;

#[derive(Debug, Clone)]
pub struct Session {
    pub employee_id: String,
    pub token_hash: String,
    pub expires_at: Millis,
}

/// A sign-in that succeeded.
pub struct NewSession {
    pub token: SecretString,
    pub device_token: String,
    pub info: SessionInfo,
}

/// Neither the person nor the company is deactivated.
macro_rules! may_sign_in {
    () => {
        "employees.deactivated_at IS NULL AND NOT EXISTS (SELECT 1 FROM companies
         WHERE companies.id = employees.company_id AND companies.deactivated_at IS NOT NULL)"
    };
}

/// The same work for a name that nobody has, or whose owner is deactivated.
///
/// # Errors
/// `bad_credentials`; `too_many_requests` after too many failures; `unavailable` when the wait for the password check was
/// too long.
pub async fn sign_in(backend: &Backend, request: SignIn, client: &str) -> Result<NewSession, ApiError> {
    let username = username_key(&request.username);
    let device = request.device_token.filter(|token| backend.keys.verify_device_token(token, &username));
    let (of_name, of_client) = (&backend.settings.failures_per_name, &backend.settings.failures_per_address);
    let client = format!("address {client}");
    let mut tx = backend.database.begin_write().await?;
    let mut places = Vec::new();
    if let Some(device) = &device {
        let bucket = format!("device {}", sha256(device.expose_secret()));
        places.push(of_name.take(&mut tx, &bucket, Clock::system_now()).await?);
    } else {
        places.push(of_name.take(&mut tx, &name_bucket(&username), Clock::system_now()).await?);
        places.extend(of_client.take_if_scarce(&mut tx, &client, Clock::system_now()).await?);
    }
    let row: Option<(String, String)> =
        sqlx::query_as(concat!("SELECT id, password_hash FROM employees WHERE username_key = $1 AND ", may_sign_in!()))
            .bind(&username)
            .fetch_optional(&mut *tx)
            .await?;
    tx.commit().await?;
    let (id, mut hash) = row.unzip();

    let pause = places.iter().map(|place| place.pause).max().unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())).await;
    let session = loop {
        let check = backend.passwords.verify(hash.clone(), request.password.clone(), device.is_some());
        match (&id, &hash, check.await) {
            (_, _, Err(Busy)) => {
                let mut tx = backend.database.begin_write().await?;
                for place in &places {
                    place.leave(&mut tx).await?;
                }
                tx.commit().await?;
                tracing::warn!("more sign-ins than this machine can check");
                return Err(ApiError::unavailable());
            }
            (Some(id), Some(checked), Ok(true)) => {
                if let Some(session) = begin(backend, id.clone(), checked, &places).await? {
                    break Some(session);
                }
                // An import has replaced it, by another password's or by a new one of the same: that decides.
                hash = sqlx::query_scalar(concat!(
                    "SELECT password_hash FROM employees WHERE id = $1 AND ",
                    may_sign_in!()
                ))
                .bind(id)
                .fetch_optional(&mut *backend.database.acquire().await?)
                .await?;
            }
            _ => {
                tracing::info!(employee = id, "sign-in rejected");
                break None;
            }
        }
    };
    let Some((token, session)) = session else {
        if let (None, [_]) = (device, &*places) {
            let mut tx = backend.database.begin_write().await?;
            // At its limit, the address is refused the next time anyway.
            let _ = of_client.take(&mut tx, &client, Clock::system_now()).await;
            tx.commit().await?;
        }
        return Err(ProblemCode::BadCredentials.into());
    };
    tracing::info!(employee = session.employee_id, "signed in");
    let info = info(backend, &session).await?;
    Ok(NewSession { token, device_token: backend.keys.new_device_token(&username), info })
}

/// Stores a session, unless the password that was checked has been replaced, or the person deactivated, meanwhile.
async fn begin(
    backend: &Backend,
    employee_id: String,
    hash: &str,
    places: &[Place],
) -> Result<Option<(SecretString, Session)>, ApiError> {
    let token = new_token();
    let token_hash = sha256(token.expose_secret());
    let now = backend.clock.now();
    let ends_at = now + backend.settings.rules.session_life;
    let expires_at = ends_at.min(now + backend.settings.rules.session_idle);
    let mut tx = backend.database.begin_locked(&employee_id).await?;
    let stored = sqlx::query(concat!(
        "INSERT INTO sessions (token_hash, employee_id, expires_at, ends_at)
         SELECT $1, id, $2, $3 FROM employees WHERE id = $4 AND password_hash = $5 AND ",
        may_sign_in!()
    ))
    .bind(&token_hash)
    .bind(expires_at)
    .bind(ends_at)
    .bind(&employee_id)
    .bind(hash)
    .execute(&mut *tx)
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(None);
    }
    for place in places {
        place.give_back(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(Some((token, Session { employee_id, token_hash, expires_at })))
}

/// The session, whose life this use prolongs.
///
/// # Errors
/// `signed_out`, also when the session has expired.
pub async fn find(backend: &Backend, token_hash: String) -> Result<Session, ApiError> {
    let now = backend.clock.now();
    let find = || async {
        sqlx::query_as(
            "SELECT employee_id, expires_at, ends_at FROM sessions WHERE token_hash = $1 AND expires_at > $2",
        )
        .bind(&token_hash)
        .bind(now)
        .fetch_optional(&mut *backend.database.acquire().await?)
        .await
    };
    let row: Option<(String, i64, Option<i64>)> = backend.database.retry(find).await?;
    let (employee_id, mut expires_at, ends_at) = row.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
    let until = ends_at.map_or(expires_at, |end| end.min(now + backend.settings.rules.session_idle));
    // The limit is in days, so an hour does not count, and few calls write.
    if expires_at < until - HOUR {
        match prolong(backend, &token_hash, until).await {
            Ok(()) => expires_at = until,
            Err(error) => tracing::warn!(%error, "session not prolonged"),
        }
    }
    Ok(Session { employee_id, token_hash, expires_at })
}

async fn prolong(backend: &Backend, token_hash: &str, until: Millis) -> sqlx::Result<()> {
    let mut tx = backend.database.begin_write().await?;
    sqlx::query("UPDATE sessions SET expires_at = $1 WHERE token_hash = $2")
        .bind(until)
        .bind(token_hash)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// # Errors
/// `signed_out` when the employee is gone.
pub async fn info(backend: &Backend, session: &Session) -> Result<SessionInfo, ApiError> {
    let row: Option<(String, String, String, String)> = sqlx::query_as(
        "SELECT employees.first_name, employees.last_name, companies.name, employees.language
         FROM employees JOIN companies ON companies.id = employees.company_id WHERE employees.id = $1",
    )
    .bind(&session.employee_id)
    .fetch_optional(&mut *backend.database.acquire().await?)
    .await?;
    let (first_name, last_name, company, language) = row.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
    let id = session.employee_id.clone();
    let employee = Employee { id, first_name, last_name, company, language: language.parse().unwrap_or_default() };
    Ok(SessionInfo { expires_at: date(session.expires_at), employee })
}

pub async fn sign_out(backend: &Backend, session: &Session) -> Result<(), ApiError> {
    // The employee's lock first, as everybody who deletes sessions.
    let mut tx = backend.database.begin_locked(&session.employee_id).await?;
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(&session.token_hash).execute(&mut *tx).await?;
    // Ends its open event streams.
    tx.notify(&session.employee_id);
    tx.commit().await?;
    Ok(())
}

/// Where failures under a normalised user name are counted. Hashed, so that the table stores no client-supplied text.
pub fn name_bucket(username: &str) -> String {
    format!("name {}", sha256(username))
}

/// The normalised user name: without case, in one Unicode spelling (NFC).
pub fn username_key(username: &str) -> String {
    // PostgreSQL's texts have no NUL.
    text::nfc(&username.trim().to_lowercase()).replace('\0', "\u{fffd}")
}
