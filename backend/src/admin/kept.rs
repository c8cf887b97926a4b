//! Everything that is kept about one person: shown, exported, deleted.
//!
//! The tables are found in the schema, so that none that comes later is forgotten.

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Row as _};

use super::audit;
use super::company::find_company;
use super::error::{Output, user_error};
use super::find_user::find_user;
use super::person::{CHUNK, placeholders};
use crate::clock::{Clock, date};
use crate::database::{Database, Tx};
use crate::keys::{new_token, sha256};
use crate::rules::Rules;
use crate::session::{name_bucket, username_key};
use crate::settings::default_settings_url;
use crate::{snapshot, state, stored_hash};

/// A table with rows about people: its name, its columns, and the column with the person's id.
struct Table {
    name: String,
    columns: Vec<String>,
    key: &'static str,
}

async fn tables(database: &Database, tx: &mut Tx) -> sqlx::Result<Vec<Table>> {
    let mut tables: Vec<Table> = Vec::new();
    for (name, column) in database.columns(tx).await? {
        match tables.last_mut() {
            Some(table) if table.name == name => table.columns.push(column),
            _ => tables.push(Table { name, columns: vec![column], key: "" }),
        }
    }
    for table in &mut tables {
        let has_id = table.columns.iter().any(|column| column == "employee_id");
        table.key = if has_id {
            "employee_id"
        } else if table.name == "employees" {
            "id"
        } else {
            ""
        };
    }
    tables.retain(|table| !table.key.is_empty());
    Ok(tables)
}

/// The rows of a table that are about a person, as they are kept; secrets and what verifies them are only named.
async fn rows(tx: &mut Tx, table: &Table, id: &str) -> sqlx::Result<Vec<Value>> {
    let columns: Vec<_> = table.columns.iter().map(|column| format!("CAST(\"{column}\" AS TEXT)")).collect();
    let sql = format!("SELECT {} FROM \"{}\" WHERE \"{}\" = $1", columns.join(", "), table.name, table.key);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_all(&mut **tx).await?;
    let cell = |row: &sqlx::any::AnyRow, at: usize| -> sqlx::Result<Value> {
        let text: Option<String> = row.try_get(at)?;
        let column = table.columns[at].as_str();
        let is_secret =
            ["hash", "mac", "sealed", "fingerprint", "token", "key_id"].iter().any(|end| column.ends_with(end));
        let is_time = column == "at" || column.ends_with("_at") || column.ends_with("_until");
        Ok(match text {
            Some(_) if is_secret => json!("(kept, not shown)"),
            Some(text) if is_time => match text.parse() {
                Ok(0) => Value::Null,
                Ok(millis) => json!(date(millis).to_rfc3339()),
                Err(_) => json!(text),
            },
            text => json!(text),
        })
    };
    let object = |row: sqlx::any::AnyRow| -> sqlx::Result<Value> {
        let cells = table.columns.iter().enumerate().map(|(at, column)| Ok((column.clone(), cell(&row, at)?)));
        Ok(Value::Object(cells.collect::<sqlx::Result<Map<_, _>>>()?))
    };
    rows.into_iter().map(object).collect()
}

/// All that is kept about a person, as JSON: one member per table, and the rows of the audit log.
pub async fn export(database: &Database, username: &str) -> Output {
    let mut tx = database.begin_read().await?;
    let id = find_user(&mut tx, username).await?;
    let mut kept = Map::new();
    for table in tables(database, &mut tx).await? {
        let rows = rows(&mut tx, &table, &id).await?;
        kept.insert(table.name, Value::Array(rows));
    }
    kept.insert("audit".to_owned(), Value::Array(audit::of_employee(&mut tx, &id).await?));
    Ok(format!("{:#}", Value::Object(kept)))
}

/// The person's State as the app sees it, and what waits.
pub async fn show(database: &Database, username: &str) -> Output {
    let mut tx = database.begin_read().await?;
    let id = find_user(&mut tx, username).await?;
    let now = Clock::system_now();
    let snapshot = snapshot::read(&mut tx, &id, now).await?;
    let snapshot = snapshot.ok_or_else(|| user_error(format!("There is no user {username}.")))?;
    let (rules, person) = (Rules::default(), &snapshot.person);
    let state = state::project(&snapshot, &rules, &default_settings_url(), now);
    let addresses: Vec<&str> = snapshot.addresses.iter().map(crate::email::Address::as_typed).collect();
    let mut lines = vec![
        format!(
            "{}: {} {}, id {id}, company {}",
            username_key(username),
            person.first_name,
            person.last_name,
            person.company_id
        ),
        format!("language {}, country {}", <&str>::from(person.language), person.country),
        format!("addresses: {}", if addresses.is_empty() { "none".to_owned() } else { addresses.join(" ") }),
        format!("state: {}", json!(state.status).as_str().unwrap_or_default()),
    ];
    if let Some(account) = &state.account {
        let origin = <&str>::from(account.origin);
        lines.push(format!("linked to {} ({origin} account) at {}", account.email, account.linked_at.to_rfc3339()));
    }
    if let Some(challenge) = &snapshot.challenge {
        let end = challenge.end.map_or("under way", |end| end.into_str()).replace('_', " ");
        let delivery = snapshot.codes.iter().find(|code| code.challenge_id == challenge.id);
        let delivery = delivery.map_or(String::new(), |code| format!(", last mail {}", <&str>::from(code.delivery)));
        let address = challenge.address.as_typed();
        lines.push(format!("last try: {address}, {end}, {} wrong codes{delivery}", challenge.attempts));
    }
    let hash: String =
        sqlx::query_scalar("SELECT password_hash FROM employees WHERE id = $1").bind(&id).fetch_one(&mut *tx).await?;
    if let Err(fault) = stored_hash::check(&hash) {
        lines.push(format!("cannot sign in: the password hash {fault}"));
    }
    let deactivated: (Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT employees.deactivated_at, companies.deactivated_at FROM employees
         JOIN companies ON companies.id = employees.company_id WHERE employees.id = $1",
    )
    .bind(&id)
    .fetch_one(&mut *tx)
    .await?;
    for (who, since) in [("the person", deactivated.0), ("the company", deactivated.1)] {
        lines.extend(since.map(|at| format!("cannot sign in: {who} is deactivated since {}", date(at).to_rfc3339())));
    }
    if rules.is_locked(snapshot.failed_attempts) {
        lines.push("locked: too many wrong codes in a row; admin lift-lock ends it".to_owned());
    }
    if let Some(until) = state.banner.snoozed_until {
        lines.push(format!("the banner is hidden until {}", until.to_rfc3339()));
    }
    for table in tables(database, &mut tx).await? {
        let rows = rows(&mut tx, &table, &id).await?;
        match table.name.as_str() {
            "sessions" => lines.push(format!("signed in on {} devices", rows.len())),
            "outbox" => lines.extend(rows.iter().map(|row| format!("mail waits: {}", pairs(row)))),
            "link_jobs" => lines.extend(rows.iter().map(|row| format!("linking: {}", pairs(row)))),
            _ => {}
        }
    }
    Ok(lines.join("\n"))
}

fn pairs(row: &Value) -> String {
    let cells = row.as_object().into_iter().flatten();
    let shown = cells.filter(|(column, value)| !column.ends_with("id") && !value.is_null() && *column != "sealed");
    shown
        .map(|(column, value)| format!("{column} {}", value.as_str().unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Deletes a person with all that is kept. The audit log keeps that somebody was created, changed and deleted, and no more.
pub async fn delete(database: &Database, by: &str, username: &str, yes: bool) -> Output {
    let mut tx = database.begin_read().await?;
    let id = find_user(&mut tx, username).await?;
    let tables = tables(database, &mut tx).await?;
    if !yes {
        let mut counts = Vec::new();
        for table in &tables {
            let count = rows(&mut tx, table, &id).await?.len();
            counts.extend((count > 0).then(|| format!("{count} in {}", table.name)));
        }
        let counts = counts.join(", ");
        return Err(user_error(format!("This deletes all rows about {username} for good: {counts}. To do it: --yes")));
    }
    drop(tx);
    let mut tx = database.begin_locked(&id).await?;
    let pseudonym = format!("deleted person {}", &sha256(new_token().expose_secret())[..12]);
    sqlx::query("UPDATE audit SET subject = $1, old_value = 'null', new_value = 'null' WHERE subject = $2")
        .bind(&pseudonym)
        .bind(format!("employee {id}"))
        .execute(&mut *tx)
        .await?;
    forget_failed_sign_ins(&mut tx, &[username_key(username)]).await?;
    for table in employees_last(&tables) {
        let sql = format!("DELETE FROM \"{}\" WHERE \"{}\" = $1", table.name, table.key);
        sqlx::query(AssertSqlSafe(sql)).bind(&id).execute(&mut *tx).await?;
    }
    audit::record(&mut tx, by, "delete", &pseudonym, &Value::Null, &Value::Null).await?;
    // Ends open event streams.
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!(
        "{username} is deleted; the audit log says “{pseudonym}”. An account at Visma Connect stays, and so do backups."
    ))
}

/// Rows of other tables point to those of `employees`.
fn employees_last(tables: &[Table]) -> impl Iterator<Item = &Table> {
    let (of_person, others): (Vec<_>, Vec<_>) = tables.iter().partition(|table| table.name == "employees");
    others.into_iter().chain(of_person)
}

/// The limit on sign-ins has a hash of the user name.
async fn forget_failed_sign_ins(tx: &mut Tx, usernames: &[String]) -> sqlx::Result<()> {
    for usernames in usernames.chunks(CHUNK) {
        let sql = format!("DELETE FROM failed_sign_ins WHERE bucket IN {}", placeholders(usernames.len()));
        let mut delete = sqlx::query(AssertSqlSafe(sql));
        for username in usernames {
            delete = delete.bind(name_bucket(username));
        }
        delete.execute(&mut **tx).await?;
    }
    Ok(())
}

/// Deletes a company with all its people. The audit log keeps that changes were made, and by whom.
pub async fn delete_company(database: &Database, by: &str, company: &str, yes: bool) -> Output {
    let mut tx = database.begin_write().await?;
    find_company(&mut tx, company).await?;
    tx.lock_company(company).await?;
    let people: Vec<String> = sqlx::query_scalar("SELECT username_key FROM employees WHERE company_id = $1")
        .bind(company)
        .fetch_all(&mut *tx)
        .await?;
    if !yes {
        let count = people.len();
        let links: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM links WHERE company_id = $1")
            .bind(company)
            .fetch_one(&mut *tx)
            .await?;
        return Err(user_error(format!(
            "This deletes company {company} with {count} people for good; {links} of them are linked, and stay so at Visma \
             Connect. To do it: --yes"
        )));
    }
    let tables = tables(database, &mut tx).await?;
    let of_company = "SELECT id FROM employees WHERE company_id = $1";
    let subjects = "SELECT 'employee ' || id FROM employees WHERE company_id = $1";
    let pseudonymise = format!(
        "UPDATE audit SET subject = 'deleted person', old_value = 'null', new_value = 'null' WHERE subject IN ({subjects})"
    );
    sqlx::query(AssertSqlSafe(pseudonymise)).bind(company).execute(&mut *tx).await?;
    // A contact is a person too.
    let subject = format!("company {company}");
    sqlx::query("UPDATE audit SET old_value = 'null', new_value = 'null' WHERE subject = $1")
        .bind(&subject)
        .execute(&mut *tx)
        .await?;
    forget_failed_sign_ins(&mut tx, &people).await?;
    // Ends open event streams.
    tx.notify_company(company).await?;
    for table in employees_last(&tables) {
        let sql = format!("DELETE FROM \"{}\" WHERE \"{}\" IN ({of_company})", table.name, table.key);
        sqlx::query(AssertSqlSafe(sql)).bind(company).execute(&mut *tx).await?;
    }
    sqlx::query("DELETE FROM company_domains WHERE company_id = $1").bind(company).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM companies WHERE id = $1").bind(company).execute(&mut *tx).await?;
    audit::record(&mut tx, by, "delete", &subject, &Value::Null, &Value::Null).await?;
    tx.commit().await?;
    let count = people.len();
    Ok(format!("Company {company} is deleted with {count} people. Accounts at Visma Connect stay, and so do backups."))
}
