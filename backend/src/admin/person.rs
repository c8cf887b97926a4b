//! A person's record as an import reads, checks and writes it.

use std::collections::HashMap;

use hrm_api::Language;
use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, FromRow};
use strum::IntoEnumIterator;

use super::sheet::{Column, Fault, Row};
use crate::email::Address;
use crate::rules::{NAME_CHARACTERS, PERSON_ADDRESSES};
use crate::session::username_key;
use crate::stored_hash;
use crate::text::{self, quoted};
use crate::unlinking;

/// Everything that an import can change, and the company.
#[derive(FromRow, Debug, Clone, Default, PartialEq)]
pub struct Person {
    pub company_id: String,
    pub username_key: String,
    /// Empty if the person has none yet.
    pub password_hash: String,
    pub first_name: String,
    pub last_name: String,
    pub language: String,
    pub country: String,
    /// The last day of employment, `2026-12-31`.
    pub leaves_on: Option<String>,
    #[sqlx(skip)]
    pub addresses: Vec<String>,
}

impl Person {
    /// The person after an import of this row. Columns that the file does not have keep their value.
    ///
    /// # Errors
    /// Every fault of the row.
    pub fn from_row(row: &Row, company: &str, old: Option<&Self>) -> Result<Self, Vec<Fault>> {
        let mut person = old.cloned().unwrap_or_else(|| Self { company_id: company.to_owned(), ..Self::default() });
        let mut faults = Vec::new();
        if old.is_some_and(|old| old.company_id != company) {
            faults.push(
                row.fault(Column::Id, "belongs to a person of another company: ids are unique over all companies"),
            );
        }
        for (column, cell) in Column::iter().filter_map(|column| Some((column, row.get(column)?))) {
            if let Err(what) = person.set(column, cell) {
                faults.push(row.fault(column, what));
            }
        }
        if faults.is_empty() { Ok(person) } else { Err(faults) }
    }

    fn set(&mut self, column: Column, cell: &str) -> Result<(), String> {
        let may_be_empty = matches!(column, Column::PasswordHash | Column::Addresses | Column::Leaves);
        if cell.is_empty() && !may_be_empty {
            return Err("is empty".to_owned());
        }
        let is_name = matches!(column, Column::Id | Column::Username | Column::FirstName | Column::LastName);
        if let Some(fault) = is_name.then(|| text::fault(cell, NAME_CHARACTERS)).flatten() {
            return Err(fault);
        }
        match column {
            Column::Id => {}
            Column::Username => self.username_key = username_key(cell),
            // An empty cell keeps the password.
            Column::PasswordHash if cell.is_empty() => {}
            Column::PasswordHash => {
                stored_hash::check(cell)?;
                cell.clone_into(&mut self.password_hash);
            }
            Column::FirstName => cell.clone_into(&mut self.first_name),
            Column::LastName => cell.clone_into(&mut self.last_name),
            Column::Language => {
                let language = if cell.eq_ignore_ascii_case("no") { "nb".to_owned() } else { cell.to_lowercase() };
                if language.parse::<Language>().is_err() {
                    return Err(format!("{} is not a language of the mails: write en, sv, nb, da or fi", quoted(cell)));
                }
                self.language = language;
            }
            Column::Country => {
                let country = cell.to_uppercase();
                if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    return Err(format!("{} is not a country: write its two letters, for example NO", quoted(cell)));
                }
                self.country = country;
            }
            Column::Addresses => {
                let is_between = |char: char| char.is_whitespace() || char == ';' || char == ',';
                let addresses: Vec<&str> = cell.split(is_between).filter(|text| !text.is_empty()).collect();
                if let Some(bad) = addresses.iter().find(|text| Address::parse(text).is_err()) {
                    return Err(format!(
                        "{} is not an e-mail address: write it as name@company.com, and a space between two",
                        quoted(bad)
                    ));
                }
                if addresses.len() > PERSON_ADDRESSES {
                    return Err(format!("has {} addresses: {PERSON_ADDRESSES} is the most", addresses.len()));
                }
                self.addresses = addresses.into_iter().map(str::to_owned).collect();
            }
            Column::Leaves if cell.is_empty() => self.leaves_on = None,
            Column::Leaves => {
                let date = unlinking::parse_leaving_date(cell);
                let date = date.ok_or_else(|| format!("{} is not a date: write it as 2026-12-31", quoted(cell)))?;
                self.leaves_on = Some(date);
            }
        }
        Ok(())
    }

    pub fn differences(&self, new: &Self) -> Vec<Column> {
        [
            (Column::Username, self.username_key == new.username_key),
            (Column::PasswordHash, self.password_hash == new.password_hash),
            (Column::FirstName, self.first_name == new.first_name),
            (Column::LastName, self.last_name == new.last_name),
            (Column::Language, self.language == new.language),
            (Column::Country, self.country == new.country),
            (Column::Addresses, self.addresses == new.addresses),
            (Column::Leaves, self.leaves_on == new.leaves_on),
        ]
        .into_iter()
        .filter_map(|(column, is_same)| (!is_same).then_some(column))
        .collect()
    }

    /// Instead of the password hash, the first digits of a hash of it: enough to show that it changed.
    pub fn audit_value(&self) -> Value {
        json!({
            "username": self.username_key,
            "password": &crate::keys::sha256(&self.password_hash)[..8],
            "firstName": self.first_name,
            "lastName": self.last_name,
            "language": self.language,
            "country": self.country,
            "addresses": self.addresses,
            "leavesOn": self.leaves_on,
        })
    }
}

/// Values per statement: SQLite takes 32,766, and one plan per length is kept.
pub const CHUNK: usize = 500;

/// `($1, $2, …)`
pub fn placeholders(count: usize) -> String {
    let numbers: Vec<_> = (1..=count).map(|number| format!("${number}")).collect();
    format!("({})", numbers.join(", "))
}

/// The people with these ids, by id.
pub async fn read_all(db: &mut AnyConnection, ids: &[&str]) -> sqlx::Result<HashMap<String, Person>> {
    #[derive(FromRow)]
    struct WithId {
        id: String,
        #[sqlx(flatten)]
        person: Person,
    }
    let mut people = HashMap::new();
    for ids in ids.chunks(CHUNK) {
        let list = placeholders(ids.len());
        let sql = format!(
            "SELECT id, company_id, username_key, password_hash, first_name, last_name, language, country,
                    leaves_on
             FROM employees WHERE id IN {list}"
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(*id);
        }
        let found: Vec<WithId> = query.fetch_all(&mut *db).await?;
        people.extend(found.into_iter().map(|found| (found.id, found.person)));

        let sql = format!(
            "SELECT employee_id, address FROM employee_addresses WHERE employee_id IN {list} ORDER BY employee_id, position"
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(*id);
        }
        let addresses: Vec<(String, String)> = query.fetch_all(&mut *db).await?;
        for (id, address) in addresses {
            if let Some(person) = people.get_mut(&id) {
                person.addresses.push(address);
            }
        }
    }
    Ok(people)
}

/// The ids of the people who have these user names, by user name.
pub async fn owners(db: &mut AnyConnection, usernames: &[&str]) -> sqlx::Result<HashMap<String, String>> {
    let mut owners = HashMap::new();
    for usernames in usernames.chunks(CHUNK) {
        let list = placeholders(usernames.len());
        let sql = format!("SELECT username_key, id FROM employees WHERE username_key IN {list}");
        let mut query = sqlx::query_as(AssertSqlSafe(sql));
        for username in usernames {
            query = query.bind(*username);
        }
        let found: Vec<(String, String)> = query.fetch_all(&mut *db).await?;
        owners.extend(found);
    }
    Ok(owners)
}

/// Frees a person's user name within a transaction that then gives the person another.
pub async fn free_username(db: &mut AnyConnection, id: &str) -> sqlx::Result<()> {
    // No user name has a control character.
    let placeholder = format!("\u{1}{id}");
    sqlx::query("UPDATE employees SET username_key = $1 WHERE id = $2").bind(placeholder).bind(id).execute(db).await?;
    Ok(())
}

/// Creates the person or changes the record.
///
/// # Errors
/// Also when another import created the person meanwhile: the first passwords that it wrote to its file stay true.
pub async fn write(db: &mut AnyConnection, id: &str, person: &Person, is_new: bool) -> sqlx::Result<()> {
    let sql = if is_new {
        "INSERT INTO employees (id, company_id, username_key, password_hash, first_name, last_name, language, country,
                                leaves_on)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    } else {
        "UPDATE employees SET username_key = $3, password_hash = $4, first_name = $5, last_name = $6, language = $7,
                              country = $8, leaves_on = $9
         WHERE id = $1 AND company_id = $2"
    };
    sqlx::query(sql)
        .bind(id)
        .bind(&person.company_id)
        .bind(&person.username_key)
        .bind(&person.password_hash)
        .bind(&person.first_name)
        .bind(&person.last_name)
        .bind(&person.language)
        .bind(&person.country)
        .bind(&person.leaves_on)
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM employee_addresses WHERE employee_id = $1").bind(id).execute(&mut *db).await?;
    for (position, address) in (0_i64..).zip(&person.addresses) {
        sqlx::query("INSERT INTO employee_addresses (employee_id, position, address) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(position)
            .bind(address)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
