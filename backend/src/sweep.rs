//! Deletes rows that are no longer needed.

use crate::backend::Backend;
use crate::clock::{Clock, HOUR};
use crate::rules::{CODE_RETENTION, IDEMPOTENCY_LIFE};

/// In one transaction: on an error, nothing is deleted.
pub async fn sweep(backend: &Backend) -> sqlx::Result<()> {
    let now = backend.clock.now();
    let mut tx = backend.database.begin_write().await?;
    for (before, delete) in [
        (now, "DELETE FROM sessions WHERE expires_at <= $1"),
        (Clock::system_now() - HOUR, "DELETE FROM rate_limits WHERE period < $1"),
        // Ten failures in a row are remembered for a day, so that pausing does not help a guesser.
        (
            Clock::system_now(),
            "DELETE FROM failed_sign_ins WHERE used_until < $1 AND (in_a_row < 10 OR used_until < $1 - 86400000)",
        ),
        (now - IDEMPOTENCY_LIFE, "DELETE FROM idempotency WHERE created_at <= $1"),
        (now - CODE_RETENTION, "DELETE FROM codes WHERE sent_at <= $1"),
        (
            now - CODE_RETENTION,
            "DELETE FROM challenges WHERE created_at <= $1
             AND NOT EXISTS (SELECT 1 FROM employees
                             WHERE employees.id = challenges.employee_id AND employees.challenge_id = challenges.id)
             AND NOT EXISTS (SELECT 1 FROM link_jobs WHERE link_jobs.challenge_id = challenges.id)
             AND NOT EXISTS (SELECT 1 FROM codes WHERE codes.challenge_id = challenges.id)",
        ),
    ] {
        sqlx::query(delete).bind(before).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    backend.metrics.swept();
    Ok(())
}
