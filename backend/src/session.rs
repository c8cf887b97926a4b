//! Who is calling: user name and password once, a bearer token after that.

use hrm_api::{Employee, ProblemCode, SessionInfo};
use secrecy::{ExposeSecret, SecretString};

use crate::Backend;
use crate::clock::{Millis, date};
use crate::error::ApiError;
use crate::keys::{new_token, sha256};
use crate::snapshot::read_language;

/// A caller with a session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Who it is.
    pub employee_id: String,
    /// Which session.
    pub token_hash: String,
    /// When it ends.
    pub expires_at: Millis,
}

/// Signs in.
///
/// # Errors
/// `bad_credentials`, `unavailable`.
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
    let is_right = backend.passwords.verify(hash, password).await;
    let (Some(id), true) = (&id, is_right) else {
        tracing::info!(employee = id, "a sign-in was refused");
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

/// The session of a bearer token with this hash.
///
/// # Errors
/// `signed_out`, `unavailable`.
pub async fn find(backend: &Backend, token_hash: String) -> Result<Session, ApiError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT employee_id, expires_at FROM sessions WHERE token_hash = $1 AND expires_at > $2")
            .bind(&token_hash)
            .bind(backend.clock.now())
            .fetch_optional(&mut *backend.database.acquire().await?)
            .await?;
    let (employee_id, expires_at) = row.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
    Ok(Session { employee_id, token_hash, expires_at })
}

/// Who is signed in.
///
/// # Errors
/// `signed_out`, `unavailable`.
pub async fn info(backend: &Backend, session: &Session) -> Result<SessionInfo, ApiError> {
    let row: Option<(String, String, String, String)> = sqlx::query_as(
        "SELECT e.first_name, e.last_name, c.name, e.language
         FROM employees e JOIN companies c ON c.id = e.company_id WHERE e.id = $1",
    )
    .bind(&session.employee_id)
    .fetch_optional(&mut *backend.database.acquire().await?)
    .await?;
    let (first_name, last_name, company, language) = row.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
    let id = session.employee_id.clone();
    let employee = Employee { id, first_name, last_name, company, language: read_language(&language) };
    Ok(SessionInfo { expires_at: date(session.expires_at), employee })
}

/// Signs out: the token is worth nothing from now on.
///
/// # Errors
/// `unavailable`.
pub async fn sign_out(backend: &Backend, session: &Session) -> Result<(), ApiError> {
    let mut tx = backend.database.begin_write().await?;
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(&session.token_hash).execute(&mut *tx).await?;
    // Its open event streams end.
    tx.notify(&session.employee_id);
    tx.commit().await?;
    Ok(())
}

/// The one spelling of a user name.
pub fn username_key(username: &str) -> String {
    username.trim().to_lowercase()
}
