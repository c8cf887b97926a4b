//! Who is calling: user name and password once, a bearer token after that.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use hrm_api::{Employee, ProblemCode, SessionInfo};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::Backend;
use crate::clock::{Millis, date};
use crate::flow::Refused;
use crate::keys::{new_token, sha256};
use crate::standing::read_language;

/// What a password check costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCost {
    /// Argon2id as OWASP advises: 19 MiB, 2 passes.
    Full,
    /// Argon2id, but light: for the demo, whose password is in its documentation.
    Light,
}

impl PasswordCost {
    fn argon2(self) -> Argon2<'static> {
        let params = match self {
            Self::Full => Params::default(),
            Self::Light => Params::new(256, 1, 1, None).unwrap_or_default(),
        };
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    /// Hashes a password, with a salt of its own.
    ///
    /// # Errors
    /// When there is no randomness or the password is longer than 4 GiB.
    pub fn hash(self, password: &SecretString) -> argon2::password_hash::Result<String> {
        Ok(self.argon2().hash_password(password.expose_secret().as_bytes())?.to_string())
    }
}

/// Checks passwords, a few at a time.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// Checked for user names that do not exist, so that the time tells nothing.
    nobody: String,
}

impl Passwords {
    /// Passwords that cost so much to check.
    pub fn new(cost: PasswordCost) -> Self {
        let nobody = cost.hash(&new_token()).unwrap_or_default();
        Self { turns: Arc::new(Semaphore::new(4)), nobody }
    }

    async fn is_right(&self, hash: Option<String>, password: SecretString) -> bool {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let checked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let parsed = PasswordHash::new(&hash);
            parsed
                .is_ok_and(|hash| Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
        });
        checked.await.unwrap_or(false) && is_known
    }
}

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
) -> Result<(SecretString, SessionInfo), Refused> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT id, password_hash FROM employees WHERE username_key = $1")
            .bind(username_key(username))
            .fetch_optional(&mut *backend.database.look().await?)
            .await?;
    let (id, hash) = row.unzip();
    let is_right = backend.passwords.is_right(hash, password).await;
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
        expires_at: now + backend.settings.session_life,
    };
    let mut tx = backend.database.write().await?;
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
pub async fn find(backend: &Backend, token_hash: String) -> Result<Session, Refused> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT employee_id, expires_at FROM sessions WHERE token_hash = $1 AND expires_at > $2")
            .bind(&token_hash)
            .bind(backend.clock.now())
            .fetch_optional(&mut *backend.database.look().await?)
            .await?;
    let (employee_id, expires_at) = row.ok_or_else(|| Refused::from(ProblemCode::SignedOut))?;
    Ok(Session { employee_id, token_hash, expires_at })
}

/// Who is signed in.
///
/// # Errors
/// `signed_out`, `unavailable`.
pub async fn info(backend: &Backend, session: &Session) -> Result<SessionInfo, Refused> {
    let row: Option<(String, String, String, String)> = sqlx::query_as(
        "SELECT e.first_name, e.last_name, c.name, e.language
         FROM employees e JOIN companies c ON c.id = e.company_id WHERE e.id = $1",
    )
    .bind(&session.employee_id)
    .fetch_optional(&mut *backend.database.look().await?)
    .await?;
    let (first_name, last_name, company, language) = row.ok_or_else(|| Refused::from(ProblemCode::SignedOut))?;
    let id = session.employee_id.clone();
    let employee = Employee { id, first_name, last_name, company, language: read_language(&language) };
    Ok(SessionInfo { expires_at: date(session.expires_at), employee })
}

/// Signs out: the token is worth nothing from now on.
///
/// # Errors
/// `unavailable`.
pub async fn sign_out(backend: &Backend, session: &Session) -> Result<(), Refused> {
    let mut tx = backend.database.write().await?;
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1").bind(&session.token_hash).execute(&mut *tx).await?;
    // Its open event streams end.
    tx.changes(&session.employee_id);
    tx.commit().await?;
    Ok(())
}

/// The one spelling of a user name.
pub fn username_key(username: &str) -> String {
    username.trim().to_lowercase()
}
