//! Mails that wait in the outbox: listed, tried again at once, given up.

use hrm_api::Delivery;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::audit;
use super::company::find_company;
use super::error::{Output, user_error};
use super::find_user::find_user;
use super::format::{Format, format_rows};
use crate::challenge_store;
use crate::clock::date;
use crate::database::Database;

/// All mails that wait for people of a company, the oldest first. Without their text and their addresses.
pub async fn list(database: &Database, company: &str, format: Format) -> Output {
    #[derive(FromRow)]
    struct Waiting {
        username_key: String,
        code_id: Option<String>,
        created_at: i64,
        attempts: i64,
        next_at: i64,
        last_error: Option<String>,
    }
    let mut tx = database.begin_read().await?;
    find_company(&mut tx, company).await?;
    let waiting: Vec<Waiting> = sqlx::query_as(
        "SELECT employees.username_key, outbox.code_id, outbox.created_at, outbox.attempts, outbox.next_at,
                outbox.last_error
         FROM outbox JOIN employees ON employees.id = outbox.employee_id
         WHERE employees.company_id = $1 ORDER BY outbox.created_at, outbox.id",
    )
    .bind(company)
    .fetch_all(&mut *tx)
    .await?;
    if waiting.is_empty() && matches!(format, Format::Table) {
        return Ok("No mail waits.".to_owned());
    }
    let row = |mail: Waiting| {
        let kind = if mail.code_id.is_some() { "code" } else { "notice" };
        vec![
            mail.username_key,
            kind.to_owned(),
            date(mail.created_at).to_rfc3339(),
            mail.attempts.to_string(),
            date(mail.next_at).to_rfc3339(),
            mail.last_error.unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = waiting.into_iter().map(row).collect();
    Ok(format_rows(&["username", "mail", "since", "tries", "next_try", "problem"], &rows, format))
}

/// All mails that wait for people of a company are due now, for example since the relay works again.
pub async fn retry(database: &Database, by: &str, company: &str) -> Output {
    let mut tx = database.begin_write().await?;
    find_company(&mut tx, company).await?;
    let due = sqlx::query(
        "UPDATE outbox SET next_at = 0 WHERE employee_id IN (SELECT id FROM employees WHERE company_id = $1)",
    )
    .bind(company)
    .execute(&mut *tx)
    .await?;
    let mails = due.rows_affected();
    if mails == 0 {
        return Err(user_error("No mail waits."));
    }
    audit::record(&mut tx, by, "retry-mails", &format!("company {company}"), &Value::Null, &json!({ "mails": mails }))
        .await?;
    tx.commit().await?;
    Ok(format!("{mails} mails are tried again by the running backends now. admin mails shows how it went."))
}

/// The person's mails are not sent any more. The app says that the code's mail could not be sent.
pub async fn give_up(database: &Database, by: &str, username: &str) -> Output {
    let id = find_user(&mut database.begin_read().await?, username).await?;
    let mut tx = database.begin_locked(&id).await?;
    let codes: Vec<Option<String>> = sqlx::query_scalar("DELETE FROM outbox WHERE employee_id = $1 RETURNING code_id")
        .bind(&id)
        .fetch_all(&mut *tx)
        .await?;
    if codes.is_empty() {
        return Err(user_error(format!("No mail waits for {username}.")));
    }
    for code in codes.iter().flatten() {
        challenge_store::set_delivery(&mut tx, code, Delivery::Failed).await?;
    }
    let old = json!({ "mails": codes.len() });
    audit::record(&mut tx, by, "give-up-mails", &format!("employee {id}"), &old, &Value::Null).await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{} mails to {username} are given up.", codes.len()))
}
