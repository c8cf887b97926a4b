//! Deletes rows that are no longer needed, and finds the links of people who have left.

use crate::backend::Backend;
use crate::clock::{Clock, DAY, HOUR};
use crate::rules::IDEMPOTENCY_LIFE;
use crate::unlinking;

/// No job, whose link still needs the address, and no code.
macro_rules! done_challenges {
    () => {
        "FROM challenges WHERE COALESCE(challenges.ended_at, challenges.created_at) <= $1
         AND NOT EXISTS (SELECT 1 FROM link_jobs WHERE link_jobs.challenge_id = challenges.id)
         AND NOT EXISTS (SELECT 1 FROM codes WHERE codes.challenge_id = challenges.id)"
    };
}

/// One transaction for each statement, so that no call waits for all of them. What an error leaves, the next one deletes.
pub async fn sweep(backend: &Backend) -> sqlx::Result<()> {
    let (now, system_now) = (backend.clock.now(), Clock::system_now());
    let rules = &backend.settings.rules;
    for (before, delete) in [
        (now, "DELETE FROM sessions WHERE expires_at <= $1"),
        (system_now - HOUR, "DELETE FROM rate_limits WHERE period < $1"),
        // Ten failures in a row are remembered for a day, so that pausing does not help a guesser.
        (
            Clock::system_now(),
            "DELETE FROM failed_sign_ins WHERE used_until < $1 AND (in_a_row < 10 OR used_until < $1 - 86400000)",
        ),
        (now - IDEMPOTENCY_LIFE, "DELETE FROM idempotency WHERE created_at <= $1"),
        (now - rules.keep_codes, "DELETE FROM codes WHERE sent_at <= $1"),
        (now - DAY, "DELETE FROM login_tries WHERE begun_at <= $1"),
        (system_now - rules.keep_audit, "DELETE FROM audit WHERE at <= $1"),
        // The outbox gives its mails up by itself: this is for one that cannot be processed at all.
        (system_now - backend.settings.give_up - DAY, "DELETE FROM outbox WHERE created_at <= $1"),
        (
            now - rules.keep_codes,
            concat!(
                "UPDATE employees SET challenge_id = NULL, revision = revision + 1
                 WHERE challenge_id IN (SELECT challenges.id ",
                done_challenges!(),
                ")"
            ),
        ),
        (
            now - rules.keep_codes,
            concat!(
                "DELETE ",
                done_challenges!(),
                " AND NOT EXISTS (SELECT 1 FROM employees WHERE employees.challenge_id = challenges.id)"
            ),
        ),
    ] {
        let mut tx = backend.database.begin_write().await?;
        sqlx::query(delete).bind(before).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    unlinking::request_for_leavers(backend).await?;
    backend.metrics.swept();
    Ok(())
}
