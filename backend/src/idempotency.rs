//! A send that is repeated with the same Idempotency-Key takes effect once (draft-ietf-httpapi-idempotency-key-header).
//!
//! A key is claimed for a few seconds before the work. A repeat in that time, at any backend, gets
//! `request_in_progress`; a backend that dies does not hold the key longer. The response is stored in the transaction of
//! the effects, so a crash leaves both or neither.

use std::time::Duration;

use hrm_api::{Problem, ProblemCode, State, Status};

use crate::backend::Backend;
use crate::clock::{Clock, Millis, SECOND, seconds_until};
use crate::database::Tx;
use crate::error::ApiError;
use crate::keys::sha256;
use crate::rules::{CLAIM_LIFE, IDEMPOTENCY_LIFE};

#[derive(Debug)]
pub struct StoredResponse {
    /// 202 when a code is on its way, 200 when none is needed.
    pub status: u16,
    /// The State as JSON. A repeated call gets the same bytes.
    pub body: String,
}

impl StoredResponse {
    pub fn of(state: &State) -> Self {
        let status = if state.status == Status::CodeSent { 202 } else { 200 };
        // Strings, numbers and dates always serialise.
        Self { status, body: serde_json::to_string(state).unwrap_or_default() }
    }
}

#[derive(Debug)]
pub enum Claim {
    /// A repeat, and the response to the first call.
    Replay(StoredResponse),
    /// The first call. Store a response, or release the key.
    New(ClaimedKey),
}

#[derive(Debug)]
pub struct ClaimedKey {
    employee: String,
    key_hash: String,
    /// When the claim expires. Only an expired claim can be replaced, so this also identifies the claim.
    running_until: Millis,
}

/// Claims `key` for a call with this body, or finds the response to the call that has it.
///
/// # Errors
/// `idempotency_key_reused`, `request_in_progress`.
pub async fn claim(backend: &Backend, employee: &str, key: &str, body: &str) -> Result<Claim, ApiError> {
    let (key_hash, fingerprint) = (sha256(key), sha256(body));
    let (now, system_now) = (backend.clock.now(), Clock::system_now());
    let running_until = system_now + CLAIM_LIFE;
    let mut tx = backend.database.begin_write().await?;
    let claimed = sqlx::query(
        "INSERT INTO idempotency (employee_id, key_hash, fingerprint, status, body, created_at, running_until)
         VALUES ($1, $2, $3, 0, '', $4, $5)
         ON CONFLICT (employee_id, key_hash)
         DO UPDATE SET fingerprint = $3, status = 0, body = '', created_at = $4, running_until = $5
         WHERE idempotency.created_at <= $6
            OR (idempotency.body = '' AND idempotency.running_until <= $7 AND idempotency.fingerprint = $3)",
    )
    .bind(employee)
    .bind(&key_hash)
    .bind(&fingerprint)
    .bind(now)
    .bind(running_until)
    .bind(now - IDEMPOTENCY_LIFE)
    .bind(system_now)
    .execute(&mut *tx)
    .await?;
    if claimed.rows_affected() == 1 {
        tx.commit().await?;
        return Ok(Claim::New(ClaimedKey { employee: employee.to_owned(), key_hash, running_until }));
    }
    let (known, status, body, until): (String, i64, String, i64) = sqlx::query_as(
        "SELECT fingerprint, status, body, running_until FROM idempotency WHERE employee_id = $1 AND key_hash = $2",
    )
    .bind(employee)
    .bind(&key_hash)
    .fetch_one(&mut *tx)
    .await?;
    if known != fingerprint {
        return Err(ProblemCode::IdempotencyKeyReused.into());
    }
    if until > system_now {
        return Err(in_progress(until));
    }
    Ok(Claim::Replay(StoredResponse { status: u16::try_from(status).unwrap_or(200), body }))
}

impl ClaimedKey {
    /// Stores the response in the transaction of the effects. The call keeps the key for `runs_for` more, to replace the
    /// response with the final one.
    ///
    /// # Errors
    /// `request_in_progress` when this call was so slow that a repeat has claimed the key. The caller must roll back.
    pub async fn store(&mut self, tx: &mut Tx, response: &StoredResponse, runs_for: Duration) -> Result<(), ApiError> {
        let running_until = match Millis::try_from(runs_for.as_millis()) {
            Ok(0) => 0,
            Ok(millis) => Clock::system_now() + millis + SECOND,
            Err(_) => Clock::system_now() + CLAIM_LIFE,
        };
        let stored = sqlx::query(
            "UPDATE idempotency SET status = $1, body = $2, running_until = $3
             WHERE employee_id = $4 AND key_hash = $5 AND running_until = $6",
        )
        .bind(i64::from(response.status))
        .bind(&response.body)
        .bind(running_until)
        .bind(&self.employee)
        .bind(&self.key_hash)
        .bind(self.running_until)
        .execute(&mut **tx)
        .await?;
        if stored.rows_affected() != 1 {
            return Err(in_progress(Clock::system_now()));
        }
        self.running_until = running_until;
        Ok(())
    }

    /// Releases the key, so that a rejected call can be repeated with it.
    pub async fn release(self, backend: &Backend) -> sqlx::Result<()> {
        let mut tx = backend.database.begin_write().await?;
        sqlx::query("DELETE FROM idempotency WHERE employee_id = $1 AND key_hash = $2 AND running_until = $3")
            .bind(&self.employee)
            .bind(&self.key_hash)
            .bind(self.running_until)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }
}

fn in_progress(until: Millis) -> ApiError {
    Problem::new(ProblemCode::RequestInProgress).retry_after(seconds_until(until, Clock::system_now())).into()
}
