//! Who changed what, when, from what to what.

use serde_json::Value;

use super::{Answer, Format, format_rows};
use crate::clock::{Clock, date};
use crate::database::Tx;

/// Leaves a row, in the transaction of the change that it tells of.
pub async fn note(tx: &mut Tx, who: &str, what: &str, subject: &str, old: &Value, new: &Value) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit (id, at, who, what, subject, old_value, new_value) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(uuid::Uuid::new_v4().to_string())
    .bind(Clock::system_now())
    .bind(who)
    .bind(what)
    .bind(subject)
    .bind(old.to_string())
    .bind(new.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Every row, the newest first.
pub async fn list(tx: &mut Tx, format: Format) -> Answer {
    let rows: Vec<(i64, String, String, String, String, String)> =
        sqlx::query_as("SELECT at, who, what, subject, old_value, new_value FROM audit ORDER BY at DESC, id")
            .fetch_all(&mut **tx)
            .await?;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(at, who, what, subject, old, new)| vec![date(at).to_rfc3339(), who, what, subject, old, new])
        .collect();
    Ok(format_rows(&["time", "who", "what", "subject", "old", "new"], &rows, format))
}
