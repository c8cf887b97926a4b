//! Imports people from a CSV file, all or nothing.

use std::collections::HashSet;
use std::io::Read;

use argon2::password_hash::phc::PasswordHash;
use hrm_api::Language;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::audit;
use super::company::find_company;
use super::error::{AdminError, Output, user_error};
use crate::database::{Database, Tx};
use crate::email::Address;
use crate::session::username_key;

/// A row of the file. `id` is the HRM user id; everything else can change.
#[derive(Deserialize)]
struct Row {
    id: String,
    username: String,
    #[serde(default)]
    password_hash: String,
    first_name: String,
    last_name: String,
    language: String,
    country: String,
    #[serde(default)]
    addresses: String,
}

/// An employee in the database.
#[derive(FromRow, Clone, PartialEq)]
struct Person {
    company_id: String,
    username_key: String,
    password_hash: String,
    first_name: String,
    last_name: String,
    language: String,
    country: String,
    #[sqlx(skip)]
    addresses: Vec<String>,
}

enum RowResult {
    New,
    Changed(Vec<&'static str>),
    Unchanged,
}

/// Imports a file, or shows what importing it would do.
pub async fn import(database: &Database, by: &str, company: &str, file: impl Read, dry_run: bool) -> Output {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let rows: Vec<_> = reader.deserialize::<Row>().collect();
    let mut tx = database.begin_write().await?;
    find_company(&mut tx, company).await?;
    let mut seen = HashSet::new();
    let mut lines = Vec::new();
    let (mut new, mut changed, mut same, mut errors) = (0, 0, 0, 0);
    for (line, row) in (2..).zip(rows) {
        let (name, what) = match row {
            Ok(row) => (row.username.clone(), import_row(&mut tx, by, company, row, &mut seen).await),
            Err(error) => ("-".to_owned(), Err(user_error(error.to_string()))),
        };
        let what = match what {
            Ok(RowResult::New) => {
                new += 1;
                "new".to_owned()
            }
            Ok(RowResult::Changed(columns)) => {
                changed += 1;
                format!("changed: {}", columns.join(", "))
            }
            Ok(RowResult::Unchanged) => {
                same += 1;
                "unchanged".to_owned()
            }
            Err(AdminError::User(error)) => {
                errors += 1;
                format!("ERROR: {error}")
            }
            Err(error) => return Err(error),
        };
        lines.push(format!("line {line}  {name}  {what}"));
    }
    lines.push(format!("{new} new, {changed} changed, {same} unchanged, {errors} with errors"));
    if dry_run {
        lines.push("This was a dry run: nothing was changed.".to_owned());
    } else if errors > 0 {
        lines.push("Nothing was changed: fix the errors and import again.".to_owned());
        return Err(user_error(lines.join("\n")));
    } else {
        tx.commit().await?;
    }
    Ok(lines.join("\n"))
}

async fn import_row(
    tx: &mut Tx,
    by: &str,
    company: &str,
    row: Row,
    seen: &mut HashSet<String>,
) -> Result<RowResult, AdminError> {
    let id = row.id.clone();
    if id.is_empty() || !seen.insert(id.clone()) {
        return Err(user_error("the id is missing, or a line above has it already"));
    }
    let old = read(tx, &id).await?;
    let new = parse_row(row, company, old.as_ref())?;
    if old.as_ref().is_some_and(|old| old.company_id != company) {
        return Err(user_error("the id belongs to another company"));
    }
    let namesake: Option<String> = sqlx::query_scalar("SELECT id FROM employees WHERE username_key = $1 AND id <> $2")
        .bind(&new.username_key)
        .bind(&id)
        .fetch_optional(&mut **tx)
        .await?;
    if namesake.is_some() {
        return Err(user_error("the user name belongs to somebody else"));
    }
    let result = old.as_ref().map_or(RowResult::New, |old| match differences(old, &new) {
        columns if columns.is_empty() => RowResult::Unchanged,
        columns => RowResult::Changed(columns),
    });
    if !matches!(result, RowResult::Unchanged) {
        write(tx, &id, &new).await?;
        if old.as_ref().is_some_and(|old| old.password_hash != new.password_hash) {
            // Signs out every device that used the old password.
            sqlx::query("DELETE FROM sessions WHERE employee_id = $1").bind(&id).execute(&mut **tx).await?;
        }
        let old = old.as_ref().map_or(Value::Null, audit_value);
        audit::record(tx, by, "import", &format!("employee {id}"), &old, &audit_value(&new)).await?;
        tx.notify(&id);
    }
    Ok(result)
}

fn parse_row(row: Row, company: &str, old: Option<&Person>) -> Result<Person, AdminError> {
    let username_key = username_key(&row.username);
    if username_key.is_empty() || row.first_name.is_empty() || row.last_name.is_empty() {
        return Err(user_error("user name, first name and last name must not be empty"));
    }
    let password_hash = if row.password_hash.is_empty() {
        old.map(|old| old.password_hash.clone()).ok_or_else(|| user_error("a new person needs a password_hash"))?
    } else {
        // Only a check: the hash is stored unchanged.
        PasswordHash::new(&row.password_hash).map_err(|_| user_error("password_hash is not an Argon2 hash"))?;
        row.password_hash
    };
    let language = if row.language == "no" { "nb".to_owned() } else { row.language };
    if language.parse::<Language>().is_err() {
        return Err(user_error("language must be en, sv, nb, da or fi"));
    }
    if row.country.len() != 2 || !row.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(user_error("country must be two capital letters"));
    }
    let addresses: Vec<String> =
        row.addresses.split([' ', ';']).filter(|text| !text.is_empty()).map(str::to_owned).collect();
    if let Some(bad) = addresses.iter().find(|text| Address::parse(text).is_err()) {
        return Err(user_error(format!("{bad} is not an e-mail address")));
    }
    Ok(Person {
        company_id: company.to_owned(),
        username_key,
        password_hash,
        first_name: row.first_name,
        last_name: row.last_name,
        language,
        country: row.country,
        addresses,
    })
}

fn differences(old: &Person, new: &Person) -> Vec<&'static str> {
    [
        ("username", old.username_key == new.username_key),
        ("password_hash", old.password_hash == new.password_hash),
        ("first_name", old.first_name == new.first_name),
        ("last_name", old.last_name == new.last_name),
        ("language", old.language == new.language),
        ("country", old.country == new.country),
        ("addresses", old.addresses == new.addresses),
    ]
    .into_iter()
    .filter_map(|(column, is_same)| (!is_same).then_some(column))
    .collect()
}

/// Instead of the password hash, the first digits of a hash of it: enough to show that it changed.
fn audit_value(person: &Person) -> Value {
    json!({
        "username": person.username_key,
        "password": &crate::keys::sha256(&person.password_hash)[..8],
        "firstName": person.first_name,
        "lastName": person.last_name,
        "language": person.language,
        "country": person.country,
        "addresses": person.addresses,
    })
}

async fn read(tx: &mut Tx, id: &str) -> sqlx::Result<Option<Person>> {
    let person: Option<Person> = sqlx::query_as(
        "SELECT company_id, username_key, password_hash, first_name, last_name, language, country
         FROM employees WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(person) = person else { return Ok(None) };
    let addresses =
        sqlx::query_scalar("SELECT address FROM employee_addresses WHERE employee_id = $1 ORDER BY position")
            .bind(id)
            .fetch_all(&mut **tx)
            .await?;
    Ok(Some(Person { addresses, ..person }))
}

async fn write(tx: &mut Tx, id: &str, person: &Person) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET username_key = $3, password_hash = $4, first_name = $5, last_name = $6,
                                        language = $7, country = $8",
    )
    .bind(id)
    .bind(&person.company_id)
    .bind(&person.username_key)
    .bind(&person.password_hash)
    .bind(&person.first_name)
    .bind(&person.last_name)
    .bind(&person.language)
    .bind(&person.country)
    .execute(&mut **tx)
    .await?;
    sqlx::query("DELETE FROM employee_addresses WHERE employee_id = $1").bind(id).execute(&mut **tx).await?;
    for (position, address) in (0_i64..).zip(&person.addresses) {
        sqlx::query("INSERT INTO employee_addresses (employee_id, position, address) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(position)
            .bind(address)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
