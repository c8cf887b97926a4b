//! Commands on one employee.

use serde_json::{Value, json};

use super::audit;
use super::error::{AdminError, Output, user_error};
use crate::challenge_store;
use crate::clock::{Clock, date};
use crate::database::{Database, Tx};
use crate::rules::Rules;
use crate::session::username_key;

/// The employee's id, in a transaction that holds the employee's lock.
async fn lock(database: &Database, username: &str) -> Result<(Tx, String), AdminError> {
    let key = username_key(username);
    let mut tx = database.begin_read().await?;
    let id: Option<String> = sqlx::query_scalar("SELECT id FROM employees WHERE username_key = $1")
        .bind(&key)
        .fetch_optional(&mut *tx)
        .await?;
    drop(tx);
    let id = id.ok_or_else(|| user_error(format!("There is no user {key}.")))?;
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
