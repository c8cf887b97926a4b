//! The audit log: who changed what and when, with old and new value.

use serde_json::Value;

use super::error::Output;
use super::format::{Format, format_rows};
use crate::clock::{Clock, date};
use crate::database::Tx;

/// Adds a row, in the transaction of the change.
pub async fn record(tx: &mut Tx, who: &str, what: &str, subject: &str, old: &Value, new: &Value) -> sqlx::Result<()> {
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

/// All rows, newest first.
pub async fn list(tx: &mut Tx, format: Format) -> Output {
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
