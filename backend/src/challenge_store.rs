//! The SQL of the flow: challenges, codes and the counters of an employee.

use hrm_api::Delivery;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::challenge::{ChallengeEnd, CodeStatus, IssuedCode};
use crate::clock::Millis;
use crate::database::new_id;
use crate::email::Address;

/// Makes a new challenge the employee's current one. Returns its id.
pub async fn create_challenge(
    db: &mut AnyConnection,
    employee: &str,
    address: &Address,
    end: Option<ChallengeEnd>,
    now: Millis,
) -> sqlx::Result<String> {
    let id = new_id();
    sqlx::query(
        "INSERT INTO challenges (id, employee_id, address, end_reason, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&id)
    .bind(employee)
    .bind(address.as_typed())
    .bind(end.map(|end| end.into_str()))
    .bind(now)
    .execute(&mut *db)
    .await?;
    sqlx::query("UPDATE employees SET challenge_id = $1, link_problem = NULL WHERE id = $2")
        .bind(&id)
        .bind(employee)
        .execute(db)
        .await?;
    Ok(id)
}

pub async fn end_challenge(
    db: &mut AnyConnection,
    challenge: &str,
    end: ChallengeEnd,
    taken_user_id: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE challenges SET end_reason = $1, taken_user_id = $2 WHERE id = $3")
        .bind(end.into_str())
        .bind(taken_user_id)
        .bind(challenge)
        .execute(db)
        .await?;
    Ok(())
}

/// Ends the challenge of a linking that ended without a link. `problem`: why, for the administrator, without an address.
pub async fn end_linking(
    db: &mut AnyConnection,
    employee: &str,
    challenge: &str,
    (end, problem): (ChallengeEnd, &str),
    taken_user_id: Option<&str>,
    now: Millis,
) -> sqlx::Result<()> {
    end_challenge(db, challenge, end, taken_user_id).await?;
    sqlx::query("UPDATE challenges SET ended_at = $1 WHERE id = $2")
        .bind(now)
        .bind(challenge)
        .execute(&mut *db)
        .await?;
    sqlx::query("UPDATE employees SET link_problem = $1 WHERE id = $2")
        .bind(problem)
        .bind(employee)
        .execute(db)
        .await?;
    Ok(())
}

/// Leaves the employee without a challenge and without a code that works.
pub async fn drop_challenge(db: &mut AnyConnection, employee: &str, now: Millis) -> sqlx::Result<()> {
    drop_challenges(db, "= $1", employee, now).await
}

/// The same for all whose id is `people`, a condition on `$1`, which is `id`.
pub async fn drop_challenges(db: &mut AnyConnection, people: &str, id: &str, now: Millis) -> sqlx::Result<()> {
    revoke_codes_of(db, people, id, now).await?;
    let sql = format!("UPDATE employees SET challenge_id = NULL WHERE id {people}");
    sqlx::query(AssertSqlSafe(sql)).bind(id).execute(db).await?;
    Ok(())
}

pub async fn insert_code(db: &mut AnyConnection, employee: &str, code: &IssuedCode) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO codes (id, employee_id, challenge_id, address, key_id, mac, sent_at, expires_at, status, delivery)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&code.id)
    .bind(employee)
    .bind(&code.challenge_id)
    .bind(&code.mailbox)
    .bind(&code.mac.key_id)
    .bind(&code.mac.mac)
    .bind(code.sent_at)
    .bind(code.expires_at)
    .bind(code.status.into_str())
    .bind(<&str>::from(code.delivery))
    .execute(db)
    .await?;
    Ok(())
}

pub async fn set_code_status(db: &mut AnyConnection, code: &str, status: CodeStatus) -> sqlx::Result<()> {
    sqlx::query("UPDATE codes SET status = $1 WHERE id = $2").bind(status.into_str()).bind(code).execute(db).await?;
    Ok(())
}

/// Whether this changed anything. A mail that bounced stays so, whatever is heard of another copy of it.
pub async fn set_delivery(db: &mut AnyConnection, code: &str, delivery: Delivery) -> sqlx::Result<bool> {
    let changed = sqlx::query("UPDATE codes SET delivery = $1 WHERE id = $2 AND delivery <> $1 AND delivery <> $3")
        .bind(<&str>::from(delivery))
        .bind(code)
        .bind(<&str>::from(Delivery::Bounced))
        .execute(db)
        .await?;
    Ok(changed.rows_affected() > 0)
}

/// Revokes all live codes. The outbox drops their mails. Expired codes keep their status: they are reported as expired.
pub async fn revoke_codes(db: &mut AnyConnection, employee: &str, now: Millis) -> sqlx::Result<()> {
    revoke_codes_of(db, "= $1", employee, now).await
}

async fn revoke_codes_of(db: &mut AnyConnection, people: &str, id: &str, now: Millis) -> sqlx::Result<()> {
    let sql = format!("UPDATE codes SET status = $2 WHERE employee_id {people} AND status = $3 AND expires_at > $4");
    sqlx::query(AssertSqlSafe(sql))
        .bind(id)
        .bind(CodeStatus::Revoked.into_str())
        .bind(CodeStatus::Active.into_str())
        .bind(now)
        .execute(db)
        .await?;
    Ok(())
}

/// Uses the correct code: revokes the others, ends the challenge and resets the failed attempts.
pub async fn consume_code(
    db: &mut AnyConnection,
    employee: &str,
    challenge: &str,
    code: &str,
    now: Millis,
) -> sqlx::Result<()> {
    set_code_status(db, code, CodeStatus::Used).await?;
    revoke_codes(db, employee, now).await?;
    end_challenge(db, challenge, ChallengeEnd::Verified, None).await?;
    set_failed_attempts(db, employee, 0).await
}

pub async fn count_incorrect_code(db: &mut AnyConnection, employee: &str, challenge: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE challenges SET attempts = attempts + 1 WHERE id = $1")
        .bind(challenge)
        .execute(&mut *db)
        .await?;
    sqlx::query("UPDATE employees SET failed_attempts = failed_attempts + 1 WHERE id = $1")
        .bind(employee)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn set_failed_attempts(db: &mut AnyConnection, employee: &str, count: i64) -> sqlx::Result<()> {
    sqlx::query("UPDATE employees SET failed_attempts = $1 WHERE id = $2")
        .bind(count)
        .bind(employee)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn set_snoozed_until(db: &mut AnyConnection, employee: &str, until: Option<Millis>) -> sqlx::Result<()> {
    sqlx::query("UPDATE employees SET snoozed_until = $1 WHERE id = $2").bind(until).bind(employee).execute(db).await?;
    Ok(())
}

pub async fn is_account_linked(db: &mut AnyConnection, company: &str, user_id: &str) -> sqlx::Result<bool> {
    let owner: Option<String> =
        sqlx::query_scalar("SELECT employee_id FROM links WHERE company_id = $1 AND visma_user_id = $2")
            .bind(company)
            .bind(user_id)
            .fetch_optional(db)
            .await?;
    Ok(owner.is_some())
}
