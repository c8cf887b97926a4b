//! Sessions: user name and password once, then a bearer token.

use hrm_api::{Employee, ProblemCode, SessionInfo};
use secrecy::{ExposeSecret, SecretString};

use crate::backend::Backend;
use crate::clock::{Millis, date};
use crate::error::ApiError;
use crate::keys::{new_token, sha256};
use crate::text;

#[derive(Debug, Clone)]
pub struct Session {
    pub employee_id: String,
    pub token_hash: String,
    pub expires_at: Millis,
}

/// # Errors
/// `bad_credentials`.
pub async fn sign_in(
    backend: &Backend,
    username: &str,
    password: SecretString,
) -> Result<(SecretString, SessionInfo), ApiError> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT id, password_hash FROM employees WHERE username_key = $1")
            .bind(username_key(username))
            .fetch_optional(&mut *backend.database.acquire().await?)
            .await?;
    let (id, hash) = row.unzip();
    let is_correct = backend.passwords.verify(hash, password).await;
    let (Some(id), true) = (&id, is_correct) else {
        tracing::info!(employee = id, "sign-in rejected");
        return Err(ProblemCode::BadCredentials.into());
    };
    tracing::info!(employee = id, "signed in");

    let now = backend.clock.now();
    let token = new_token();
    let session = Session {
        employee_id: id.clone(),
        token_hash: sha256(token.expose_secret()),
        expires_at: now + backend.settings.rules.session_life,
    };
    let mut tx = backend.database.begin_write().await?;
    sqlx::query("INSERT INTO sessions (token_hash, employee_id, expires_at) VALUES ($1, $2, $3)")
        .bind(&session.token_hash)
        .bind(&session.employee_id)
        .bind(session.expires_at)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    let info = info(backend, &session).await?;
    Ok((token, info))
}

/// # Errors
/// `signed_out`, also when the session has expired.
pub async fn find(backend: &Backend, token_hash: String) -> Result<Session, ApiError> {
    let find = || async {
        sqlx::query_as("SELECT employee_id, expires_at FROM sessions WHERE token_hash = $1 AND expires_at > $2")
            .bind(&token_hash)
            .bind(backend.clock.now())
            .fetch_optional(&mut *backend.database.acquire().await?)
            .await
    };
    let row: Option<(String, i64)> = backend.database.retry(find).await?;
    let (employee_id, expires_at) = row.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
    Ok(Session { employee_id, token_hash, expires_at })
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
    let mut tx = backend.database.begin_write().await?;
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(&session.token_hash).execute(&mut *tx).await?;
    // Ends its open event streams.
    tx.notify(&session.employee_id);
    tx.commit().await?;
    Ok(())
}

/// The normalised user name: without case, in one Unicode spelling (NFC).
pub fn username_key(username: &str) -> String {
    // PostgreSQL's texts have no NUL.
    text::nfc(&username.trim().to_lowercase()).replace('\0', "\u{fffd}")
}
