//! Commands on one employee.

use serde_json::{Value, json};

use super::audit;
use super::error::{AdminError, Output, user_error};
use super::find_user::find_user;
use crate::challenge::ChallengeEnd;
use crate::clock::Clock;
use crate::database::{Database, Tx};
use crate::email::Address;
use crate::rules::Rules;
use crate::{challenge_store, linking, unlinking};

/// The employee's id, in a transaction that holds the employee's lock.
async fn lock(database: &Database, username: &str) -> Result<(Tx, String), AdminError> {
    let id = find_user(&mut database.begin_read().await?, username).await?;
    Ok((database.begin_locked(&id).await?, id))
}

/// A running backend takes the link away, since only it can call Visma Connect, and writes the audit row.
pub async fn unlink(database: &Database, by: &str, username: &str) -> Output {
    let (mut tx, id) = lock(database, username).await?;
    if !is_linked(&mut tx, &id).await? {
        return Err(user_error(format!("{username} is not linked.")));
    }
    unlinking::request(&mut tx, &id, by).await?;
    tx.commit().await?;
    Ok(format!(
        "{username}'s link is taken away by a running backend within seconds. If Visma Connect can't be reached, it tries again: admin progress shows why."
    ))
}

/// `none` takes the date back.
pub async fn leaving_date(database: &Database, by: &str, username: &str, text: &str) -> Output {
    let new = if text == "none" {
        None
    } else {
        let date = unlinking::parse_leaving_date(text);
        Some(date.ok_or_else(|| user_error(format!("{text} is not a date. Write it as 2026-12-31, or none.")))?)
    };
    let (mut tx, id) = lock(database, username).await?;
    let old: Option<String> =
        sqlx::query_scalar("SELECT leaves_on FROM employees WHERE id = $1").bind(&id).fetch_one(&mut *tx).await?;
    if old != new {
        sqlx::query("UPDATE employees SET leaves_on = $1 WHERE id = $2").bind(&new).bind(&id).execute(&mut *tx).await?;
        let (old, new) = (json!({ "leavesOn": old }), json!({ "leavesOn": new }));
        audit::record(&mut tx, by, "leaving-date", &format!("employee {id}"), &old, &new).await?;
        tx.notify(&id);
        tx.commit().await?;
    }
    Ok(match new {
        Some(date) => format!("{username}'s last day is {date}. Signing in is not blocked by it."),
        None => format!("{username} has no leaving date."),
    })
}

async fn is_linked(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let link: Option<String> = sqlx::query_scalar("SELECT employee_id FROM links WHERE employee_id = $1")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(link.is_some())
}

/// Queues a link again whose address is verified.
pub async fn retry_linking(database: &Database, by: &str, username: &str) -> Output {
    let (mut tx, id) = lock(database, username).await?;
    if is_linked(&mut tx, &id).await? {
        return Err(user_error(format!("{username} is linked.")));
    }
    let waiting = sqlx::query("UPDATE link_jobs SET next_at = 0 WHERE employee_id = $1").bind(&id).execute(&mut *tx);
    let old = if waiting.await?.rows_affected() > 0 {
        "waiting".to_owned()
    } else {
        let ended: Option<(String, String, String)> = sqlx::query_as(
            "SELECT challenges.id, challenges.address, challenges.end_reason FROM challenges
             JOIN employees ON employees.challenge_id = challenges.id
             WHERE employees.id = $1 AND challenges.end_reason IN ($2, $3, $4)",
        )
        .bind(&id)
        .bind(ChallengeEnd::AccountRefused.into_str())
        .bind(ChallengeEnd::AccountTaken.into_str())
        .bind(ChallengeEnd::Abandoned.into_str())
        .fetch_optional(&mut *tx)
        .await?;
        let address = ended.and_then(|(challenge, text, end)| Some((challenge, Address::parse(&text).ok()?, end)));
        let Some((challenge, address, end)) = address else {
            return Err(user_error(format!("{username} has no verified address any more, and must start again.")));
        };
        challenge_store::end_challenge(&mut tx, &challenge, ChallengeEnd::Verified, None).await?;
        sqlx::query("UPDATE employees SET link_problem = NULL WHERE id = $1").bind(&id).execute(&mut *tx).await?;
        linking::begin(&mut tx, &id, &challenge, &address, 0).await?;
        end
    };
    audit::record(&mut tx, by, "retry-linking", &format!("employee {id}"), &json!({ "linking": old }), &Value::Null)
        .await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!(
        "{username}'s link is tried again by a running backend within seconds. admin progress shows how it went."
    ))
}

pub async fn lift_lock(database: &Database, by: &str, username: &str) -> Output {
    let (mut tx, id) = lock(database, username).await?;
    let failed_attempts: i64 =
        sqlx::query_scalar("SELECT failed_attempts FROM employees WHERE id = $1").bind(&id).fetch_one(&mut *tx).await?;
    if !Rules::default().is_locked(u32::try_from(failed_attempts).unwrap_or_default()) {
        return Err(user_error(format!("{username} is not locked.")));
    }
    challenge_store::set_failed_attempts(&mut tx, &id, 0).await?;
    let (old, new) = (json!({ "failedAttempts": failed_attempts }), json!({ "failedAttempts": 0 }));
    audit::record(&mut tx, by, "lift-lock", &format!("employee {id}"), &old, &new).await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{username} can try again."))
}

/// Signs the employee out on all devices.
pub async fn end_sessions(database: &Database, by: &str, username: &str) -> Output {
    let (mut tx, id) = lock(database, username).await?;
    let ended = sqlx::query("DELETE FROM sessions WHERE employee_id = $1").bind(&id).execute(&mut *tx).await?;
    let ended = ended.rows_affected();
    if ended == 0 {
        return Err(user_error(format!("{username} is not signed in.")));
    }
    audit::record(&mut tx, by, "end-sessions", &format!("employee {id}"), &json!({ "sessions": ended }), &Value::Null)
        .await?;
    // Ends open event streams.
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{username} is signed out on {ended} devices."))
}

/// Takes back a verified address whose link is not made yet, so that the employee can start with another.
pub async fn cancel_linking(database: &Database, by: &str, username: &str) -> Output {
    let (mut tx, id) = lock(database, username).await?;
    let address: Option<String> = sqlx::query_scalar("DELETE FROM link_jobs WHERE employee_id = $1 RETURNING address")
        .bind(&id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(address) = address else { return Err(user_error(format!("{username} is not being linked."))) };
    // Otherwise a repeated send would get the stored response "linking".
    sqlx::query("DELETE FROM idempotency WHERE employee_id = $1").bind(&id).execute(&mut *tx).await?;
    challenge_store::drop_challenge(&mut tx, &id, Clock::system_now()).await?;
    let old = json!({ "email": address });
    audit::record(&mut tx, by, "cancel-linking", &format!("employee {id}"), &old, &Value::Null).await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{username} can start again. If Visma Connect was just making the account, the account stays there."))
}
