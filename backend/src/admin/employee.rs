//! Commands on one employee.

use serde_json::{Value, json};

use super::audit;
use super::error::{AdminError, Output, user_error};
use super::find_user::find_user;
use crate::challenge_store;
use crate::clock::{Clock, date};
use crate::database::{Database, Tx};
use crate::rules::Rules;

/// The employee's id, in a transaction that holds the employee's lock.
async fn lock(database: &Database, username: &str) -> Result<(Tx, String), AdminError> {
    let id = find_user(&mut database.begin_read().await?, username).await?;
    Ok((database.begin_locked(&id).await?, id))
}

/// Removes the link here only: Visma Connect has no public call for unlinking.
pub async fn unlink(database: &Database, by: &str, username: &str) -> Output {
    let (mut tx, id) = lock(database, username).await?;
    let link: Option<(String, String, String, i64)> =
        sqlx::query_as("SELECT visma_user_id, address, origin, linked_at FROM links WHERE employee_id = $1")
            .bind(&id)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((user, address, origin, linked_at)) = link else {
        return Err(user_error(format!("{username} is not linked.")));
    };
    sqlx::query("DELETE FROM links WHERE employee_id = $1").bind(&id).execute(&mut *tx).await?;
    // Otherwise a repeated send would get the stored response "linked".
    sqlx::query("DELETE FROM idempotency WHERE employee_id = $1").bind(&id).execute(&mut *tx).await?;
    challenge_store::drop_challenge(&mut tx, &id, Clock::system_now()).await?;
    let old = json!({ "vismaUserId": user, "email": address, "origin": origin, "linkedAt": date(linked_at) });
    audit::record(&mut tx, by, "unlink", &format!("employee {id}"), &old, &Value::Null).await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{username} is no longer linked."))
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
