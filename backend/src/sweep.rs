//! Old rows go: what no rule looks at any more has no business in a database of people.

use crate::Backend;
use crate::clock::{Clock, HOUR};
use crate::rules::{CODE_RETENTION, IDEMPOTENCY_LIFE};

/// Deletes sessions that ended, clients' counts after an hour, answers to repeated calls after a day, and codes and
/// challenges after two: the limits look back for one day, and several backends' clocks may differ a little.
///
/// # Errors
/// When the database is out of reach; nothing is deleted then.
pub async fn sweep(backend: &Backend) -> sqlx::Result<()> {
    let now = backend.clock.now();
    let mut tx = backend.database.begin_write().await?;
    for (before, delete) in [
        (now, "DELETE FROM sessions WHERE expires_at <= $1"),
        (Clock::system_now() - HOUR, "DELETE FROM rate_limits WHERE period < $1"),
        (now - IDEMPOTENCY_LIFE, "DELETE FROM idempotency WHERE created_at <= $1"),
        (now - CODE_RETENTION, "DELETE FROM codes WHERE sent_at <= $1"),
        (
            now - CODE_RETENTION,
            "DELETE FROM challenges WHERE created_at <= $1
             AND NOT EXISTS (SELECT 1 FROM employees e WHERE e.id = challenges.employee_id AND e.challenge_id = challenges.id)
             AND NOT EXISTS (SELECT 1 FROM link_jobs l WHERE l.challenge_id = challenges.id)
             AND NOT EXISTS (SELECT 1 FROM codes c WHERE c.challenge_id = challenges.id)",
        ),
    ] {
        sqlx::query(delete).bind(before).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    backend.metrics.swept();
    Ok(())
}
