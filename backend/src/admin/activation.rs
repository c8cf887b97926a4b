//! People and whole companies who cannot sign in for a while, or any more.

use clap::Args;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::audit;
use super::company::find_company;
use super::error::{AdminError, Output, user_error};
use super::find_user::find_user;
use crate::challenge_store;
use crate::clock::Clock;
use crate::database::{Database, Tx};

/// One person, or everybody in a company.
#[derive(Debug, Args)]
pub struct Whom {
    /// User name
    #[arg(required_unless_present = "company", conflicts_with = "company")]
    username: Option<String>,
    /// Instead of one person, everybody in the company with this id
    #[arg(long, value_name = "ID")]
    company: Option<String>,
}

/// The person or company, locked, with what a sentence calls them.
struct Subject {
    id: String,
    is_company: bool,
    name: String,
}

impl Subject {
    async fn lock(database: &Database, whom: &Whom) -> Result<(Tx, Self), AdminError> {
        if let Some(id) = &whom.company {
            let mut tx = database.begin_write().await?;
            find_company(&mut tx, id).await?;
            tx.lock_company(id).await?;
            return Ok((tx, Self { id: id.clone(), is_company: true, name: format!("company {id}") }));
        }
        let username = whom.username.as_deref().unwrap_or_default();
        let id = find_user(&mut database.begin_read().await?, username).await?;
        Ok((database.begin_locked(&id).await?, Self { id, is_company: false, name: username.to_owned() }))
    }

    fn table(&self) -> &'static str {
        if self.is_company { "companies" } else { "employees" }
    }

    async fn is_deactivated(&self, tx: &mut Tx) -> sqlx::Result<bool> {
        let sql = format!("SELECT deactivated_at FROM {} WHERE id = $1", self.table());
        let at: Option<i64> = sqlx::query_scalar(AssertSqlSafe(sql)).bind(&self.id).fetch_one(&mut **tx).await?;
        Ok(at.is_some())
    }

    async fn set(&self, tx: &mut Tx, deactivated_at: Option<i64>, by: &str) -> sqlx::Result<()> {
        let sql = format!("UPDATE {} SET deactivated_at = $1 WHERE id = $2", self.table());
        sqlx::query(AssertSqlSafe(sql)).bind(deactivated_at).bind(&self.id).execute(&mut **tx).await?;
        // Ends open event streams; everybody's State is read again.
        if self.is_company {
            tx.notify_company(&self.id).await?;
        } else {
            tx.notify(&self.id);
        }
        let what = if deactivated_at.is_some() { "deactivate" } else { "activate" };
        let subject = format!("{} {}", if self.is_company { "company" } else { "employee" }, self.id);
        audit::record(tx, by, what, &subject, &Value::Null, &json!({ "active": deactivated_at.is_none() })).await
    }
}

/// Signs out at once, and takes back codes and links under way. Links stay: `unlink` and leaving dates take them away.
pub async fn deactivate(database: &Database, by: &str, whom: &Whom) -> Output {
    let (mut tx, subject) = Subject::lock(database, whom).await?;
    if subject.is_deactivated(&mut tx).await? {
        return Err(user_error(format!("{} is deactivated already.", subject.name)));
    }
    let now = Clock::system_now();
    subject.set(&mut tx, Some(now), by).await?;
    let people = if subject.is_company { "company_id" } else { "id" };
    let people = format!("IN (SELECT id FROM employees WHERE {people} = $1)");
    let mut devices = 0;
    for table in ["sessions", "link_jobs", "idempotency"] {
        let sql = format!("DELETE FROM {table} WHERE employee_id {people}");
        let deleted = sqlx::query(AssertSqlSafe(sql)).bind(&subject.id).execute(&mut *tx).await?.rows_affected();
        devices += if table == "sessions" { deleted } else { 0 };
    }
    challenge_store::drop_challenges(&mut tx, &people, &subject.id, now).await?;
    tx.commit().await?;
    Ok(format!(
        "{} is deactivated and signed out on {devices} devices. Links stay: admin unlink takes one away.",
        subject.name
    ))
}

pub async fn activate(database: &Database, by: &str, whom: &Whom) -> Output {
    let (mut tx, subject) = Subject::lock(database, whom).await?;
    if !subject.is_deactivated(&mut tx).await? {
        return Err(user_error(format!("{} is not deactivated.", subject.name)));
    }
    subject.set(&mut tx, None, by).await?;
    let company: Option<String> = sqlx::query_scalar(
        "SELECT companies.id FROM companies JOIN employees ON employees.company_id = companies.id
         WHERE employees.id = $1 AND companies.deactivated_at IS NOT NULL",
    )
    .bind(&subject.id)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(match company.filter(|_| !subject.is_company) {
        Some(company) => format!("{} is active, but company {company} is deactivated.", subject.name),
        None => format!("{} can sign in again.", subject.name),
    })
}
