//! The audit log: who changed what and when, with old and new value.

use chrono::{DateTime, NaiveDate, NaiveTime};
use clap::Args;
use serde_json::{Value, json};

use super::error::Output;
use super::find_user::find_user;
use super::format::{Format, format_rows};
use crate::clock::{Clock, DAY, Millis, date};
use crate::database::{Tx, new_id};
use crate::rules::AUDIT_ROWS;

/// Adds a row, in the transaction of the change.
pub async fn record(tx: &mut Tx, who: &str, what: &str, subject: &str, old: &Value, new: &Value) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit (id, at, who, what, subject, old_value, new_value) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(new_id())
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

/// Which rows are listed.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only changes to this user
    #[arg(long)]
    user: Option<String>,
    /// Only changes by this administrator
    #[arg(long)]
    who: Option<String>,
    /// Only changes of this kind, for example import or unlink
    #[arg(long)]
    what: Option<String>,
    /// Only changes since this day or time (UTC), for example 2026-11-26 or 2026-11-26T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = |text: &str| instant(text, false))]
    since: Option<Millis>,
    /// Only changes until this time, or the end of this day
    #[arg(long, value_name = "TIME", value_parser = |text: &str| instant(text, true))]
    until: Option<Millis>,
    /// Rows on a page [default: 100 in a table, all in csv and json]
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Which page; the first has the newest rows
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
}

/// A day stands for its begin, or for its end.
fn instant(text: &str, end: bool) -> Result<Millis, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    let day: NaiveDate = text.parse().map_err(|_| "write a day as 2026-11-26, or a time as 2026-11-26T08:00:00Z")?;
    Ok(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis() + if end { DAY } else { 0 })
}

type Row = (i64, String, String, String, String, String);

/// The rows of a page, newest first.
pub async fn list(tx: &mut Tx, filter: &Filter, format: Format) -> Output {
    let subject = match &filter.user {
        Some(username) => format!("employee {}", find_user(tx, username).await?),
        None => String::new(),
    };
    let all = if matches!(format, Format::Table) { AUDIT_ROWS } else { u32::MAX };
    let limit = i64::from(filter.limit.unwrap_or(all));
    let offset = i64::from(filter.page - 1) * limit;
    // One more than asked for tells whether there is another page.
    let mut rows: Vec<Row> = sqlx::query_as(
        "SELECT at, who, what, subject, old_value, new_value FROM audit
         WHERE ($1 = '' OR subject = $1) AND ($2 = '' OR who = $2) AND ($3 = '' OR what = $3) AND at >= $4 AND at < $5
         ORDER BY at DESC, id LIMIT $6 OFFSET $7",
    )
    .bind(subject)
    .bind(filter.who.as_deref().unwrap_or_default())
    .bind(filter.what.as_deref().unwrap_or_default())
    .bind(filter.since.unwrap_or(0))
    .bind(filter.until.unwrap_or(Millis::MAX))
    .bind(limit + 1)
    .bind(offset)
    .fetch_all(&mut **tx)
    .await?;
    let has_more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(at, who, what, subject, old, new)| vec![date(at).to_rfc3339(), who, what, subject, old, new])
        .collect();
    let mut text = format_rows(&["time", "who", "what", "subject", "old", "new"], &rows, format);
    if has_more && matches!(format, Format::Table) {
        text += &format!("\n\nOlder rows: --page {}", filter.page + 1);
    }
    Ok(text)
}

/// All rows about an employee, oldest first.
pub async fn of_employee(tx: &mut Tx, id: &str) -> sqlx::Result<Vec<Value>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT at, who, what, subject, old_value, new_value FROM audit WHERE subject = $1 ORDER BY at, id",
    )
    .bind(format!("employee {id}"))
    .fetch_all(&mut **tx)
    .await?;
    let value = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let row = |(at, who, what, _, old, new): Row| json!({ "time": date(at).to_rfc3339(), "who": who, "what": what, "old": value(&old), "new": value(&new) });
    Ok(rows.into_iter().map(row).collect())
}
