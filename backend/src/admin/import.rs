//! Imports people from a CSV file.
//!
//! Everything is checked before anything is written, on a snapshot that locks nothing. The changes are then written in
//! batches, with pauses in which people sign in and send. A person is written whole or not at all. An import that is
//! interrupted between two batches is finished by importing the same file again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::audit;
use super::company::find_company;
use super::error::{AdminError, Output, user_error};
use super::first_passwords;
use super::person::{self, Person};
use super::sheet::{self, Column, Fault, Sheet};
use crate::database::{Database, Tx};
use crate::rules::{IMPORT_FAULTS, IMPORT_HOLD, IMPORT_PAUSE, IMPORT_SHARE_PERCENT};
use crate::text::quoted;

pub struct ImportOptions<'a> {
    pub company: &'a str,
    pub dry_run: bool,
    /// Even if it changes many people.
    pub yes: bool,
    /// A new file for the first passwords of new people without a hash.
    pub passwords: Option<&'a Path>,
}

/// A person who is created or changed.
struct Change {
    row: usize,
    id: String,
    old: Option<Person>,
    new: Person,
}

/// Imports a file, or shows what importing it would do.
pub async fn import(database: &Database, by: &str, bytes: &[u8], options: &ImportOptions<'_>) -> Output {
    if let Some(path) = options.passwords {
        first_passwords::check_is_new(path)?;
    }
    let sheet = sheet::read(bytes).map_err(|faults| user_error(format!("{faults}\nNothing was changed.")))?;
    let mut tx = database.begin_read().await?;
    find_company(&mut tx, options.company).await?;
    let (mut changes, owners) = check(&mut tx, &sheet, options).await?;
    let people: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM employees WHERE company_id = $1")
        .bind(options.company)
        .fetch_one(&mut *tx)
        .await?;
    drop(tx);

    let is_new = |change: &&Change| change.old.is_none();
    let new = changes.iter().filter(is_new).count();
    let changed = changes.len() - new;
    let without_password: Vec<usize> =
        (0..changes.len()).filter(|at| changes[*at].new.password_hash.is_empty()).collect();
    let mut lines = vec![format!("{} rows, {}", sheet.rows.len(), sheet.format)];
    lines.extend(changes.iter().map(describe));
    lines.push(format!("{new} new, {changed} changed, {} unchanged", sheet.rows.len() - changes.len()));
    let lost = changes.iter().filter(|change| {
        change.new.addresses.is_empty() && change.old.as_ref().is_some_and(|old| !old.addresses.is_empty())
    });
    match lost.count() {
        0 => {}
        lost => lines.push(format!("{lost} of them lose all their addresses")),
    }
    if !without_password.is_empty() {
        lines.push(format!("{} get a first password", without_password.len()));
    }
    let share = changed * 100;
    let asks =
        changed > 1 && share > usize::try_from(people).unwrap_or_default() * IMPORT_SHARE_PERCENT && !options.yes;
    let question =
        format!("This changes {changed} of the company's {people} people, more than {IMPORT_SHARE_PERCENT} %.");
    if options.dry_run {
        if asks {
            lines.push(format!("{question} The import will want --yes."));
        }
        lines.push("This was a dry run: nothing was changed.".to_owned());
        return Ok(lines.join("\n"));
    }
    if asks {
        return Err(user_error(format!(
            "{question}\nLook at it with --dry-run. If it is meant, import with --yes. Nothing was changed."
        )));
    }
    let passwords = options.passwords.filter(|_| !without_password.is_empty());
    if let Some(path) = passwords {
        let made = first_passwords::make(without_password.len())?;
        for (at, made) in without_password.iter().zip(&made) {
            changes[*at].new.password_hash.clone_from(&made.hash);
        }
        let people = without_password.iter().map(|at| {
            let Change { id, new, .. } = &changes[*at];
            [id.as_str(), &new.username_key, &new.first_name, &new.last_name]
        });
        // Before the first commit: no password is in the database only.
        first_passwords::write(path, &people.zip(&made).collect::<Vec<_>>())?;
        lines.push(format!("The first passwords are in {}: hand them out, then delete it.", path.display()));
    }
    let mut written = 0;
    if let Err(error) = write(database, by, &changes, &owners, &mut written).await {
        let mut told = format!("{error}\nStopped: {written} of {} people were written.", changes.len());
        if written > 0 {
            told += " Import the file again to finish: they are unchanged then.";
        }
        if let Some(path) = passwords {
            told += &format!(" Keep {}: it has the passwords of those who were written.", path.display());
        }
        return Err(user_error(told));
    }
    Ok(lines.join("\n"))
}

fn describe(Change { row, old, new, .. }: &Change) -> String {
    let name = &new.username_key;
    match old {
        None => format!("row {row}  {name}  new"),
        Some(old) => {
            let columns: Vec<&str> = old.differences(new).into_iter().map(|column| column.into_str()).collect();
            format!("row {row}  {name}  changed: {}", columns.join(", "))
        }
    }
}

/// The changes that the file makes, and who has the user names that they give.
///
/// # Errors
/// Every fault in the file.
async fn check(
    tx: &mut Tx,
    sheet: &Sheet,
    options: &ImportOptions<'_>,
) -> Result<(Vec<Change>, HashMap<String, String>), AdminError> {
    let ids: Vec<&str> = sheet.rows.iter().map(|row| row.text(Column::Id)).collect();
    let mut known = person::read_all(tx, &ids).await?;
    let mut faults = sheet.faults.clone();
    let mut changes = Vec::new();
    let mut rows_of_ids = HashMap::new();
    for row in &sheet.rows {
        let id = row.text(Column::Id);
        if let Some(first) = rows_of_ids.insert(id, row.number).filter(|_| !id.is_empty()) {
            faults.push(row.fault(Column::Id, format!("{} is in row {first} already", quoted(id))));
            continue;
        }
        let old = known.remove(id);
        match Person::from_row(row, options.company, old.as_ref()) {
            Ok(new) => {
                if new.password_hash.is_empty() && options.passwords.is_none() {
                    let what = "is empty, and the person is new: write a hash (admin hash-password), or import with \
                                --passwords FILE, which makes passwords";
                    faults.push(row.fault(Column::PasswordHash, what));
                }
                changes.push(Change { row: row.number, id: id.to_owned(), old, new });
            }
            Err(found) => faults.extend(found),
        }
    }
    faults.extend(missing_columns(sheet, &changes));

    let mut rows_of_usernames = HashMap::new();
    for change in changes.iter().filter(|change| !change.new.username_key.is_empty()) {
        let username = &change.new.username_key;
        if let Some(first) = rows_of_usernames.insert(username, change.row) {
            let what = format!("{} is in row {first} already", quoted(username));
            faults.push(Fault { row: change.row, column: Some(Column::Username), what });
        }
    }
    let takes_username =
        |change: &&Change| change.old.as_ref().is_none_or(|old| old.username_key != change.new.username_key);
    let taken: Vec<&str> =
        changes.iter().filter(takes_username).map(|change| change.new.username_key.as_str()).collect();
    let owners = person::owners(tx, &taken).await?;
    let gives_up: HashSet<&str> = changes.iter().filter(takes_username).map(|change| change.id.as_str()).collect();
    for change in changes.iter().filter(takes_username) {
        let username = &change.new.username_key;
        if owners.get(username).is_some_and(|owner| !gives_up.contains(owner.as_str())) {
            let what = format!(
                "{} is the user name of somebody else: user names are unique over all companies",
                quoted(username)
            );
            faults.push(Fault { row: change.row, column: Some(Column::Username), what });
        }
    }
    if !faults.is_empty() {
        return Err(told(faults));
    }
    changes.retain(|change| change.old.as_ref() != Some(&change.new));
    Ok((changes, owners))
}

/// A new person needs every column; one fault says it for all of them.
fn missing_columns(sheet: &Sheet, changes: &[Change]) -> Option<Fault> {
    let needed = [Column::Username, Column::FirstName, Column::LastName, Column::Language, Column::Country];
    let missing: Vec<&str> =
        needed.into_iter().filter(|column| !sheet.columns.contains(column)).map(|column| column.into_str()).collect();
    let mut new = changes.iter().filter(|change| change.old.is_none());
    let first = new.next().filter(|_| !missing.is_empty())?;
    let others = match new.count() {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    let what = format!("{} is new{others}, so the file needs the columns {}", quoted(&first.id), missing.join(", "));
    Some(Fault { row: first.row, column: None, what })
}

fn told(mut faults: Vec<Fault>) -> AdminError {
    faults.sort();
    let count = faults.len();
    let mut lines: Vec<String> = faults.iter().take(IMPORT_FAULTS).map(ToString::to_string).collect();
    if count > IMPORT_FAULTS {
        lines.push(format!("… and {} more", count - IMPORT_FAULTS));
    }
    let faults = if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") };
    lines.push(format!("{faults}: nothing was changed. Correct the file and import it again."));
    user_error(lines.join("\n"))
}

/// Writes all changes. `written` counts those that are committed.
async fn write(
    database: &Database,
    by: &str,
    changes: &[Change],
    owners: &HashMap<String, String>,
    written: &mut usize,
) -> Result<(), AdminError> {
    let mut units = in_order(changes, owners).into_iter().peekable();
    while units.peek().is_some() {
        let mut tx = database.begin_write().await?;
        let began = Instant::now();
        let mut count = 0;
        for unit in units.by_ref() {
            // The last one's user name is taken by the first.
            if let [_, .., last] = unit.as_slice() {
                person::free_username(&mut tx, &changes[*last].id).await?;
            }
            for at in &unit {
                write_one(&mut tx, by, &changes[*at]).await?;
            }
            count += unit.len();
            if began.elapsed() > IMPORT_HOLD {
                break;
            }
        }
        tx.commit().await?;
        *written += count;
        if units.peek().is_some() {
            tokio::time::sleep(IMPORT_PAUSE).await;
        }
    }
    Ok(())
}

async fn write_one(tx: &mut Tx, by: &str, change: &Change) -> Result<(), AdminError> {
    let Change { row, id, old, new } = change;
    tx.lock(id).await?;
    let now = person::read_all(tx, &[id]).await?.remove(id);
    // A user name that waits for its new owner is not a change of somebody else.
    let is_as_checked = match (&now, old) {
        (Some(now), Some(old)) => Person { username_key: old.username_key.clone(), ..now.clone() } == *old,
        (now, old) => now.is_none() && old.is_none(),
    };
    if !is_as_checked {
        return Err(user_error(format!("row {row}: somebody else changed this person during the import.")));
    }
    person::write(tx, id, new, old.is_none()).await.map_err(|error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            user_error(format!("row {row}: somebody else got this id or user name during the import."))
        }
        _ => error.into(),
    })?;
    if old.as_ref().is_some_and(|old| old.password_hash != new.password_hash) {
        // Signs out every device that used the old password.
        sqlx::query("DELETE FROM sessions WHERE employee_id = $1").bind(id).execute(&mut **tx).await?;
    }
    let old = old.as_ref().map_or(Value::Null, Person::audit_value);
    audit::record(tx, by, "import", &format!("employee {id}"), &old, &new.audit_value()).await?;
    tx.notify(id);
    Ok(())
}

/// The changes, so that a user name is given up before it is taken. People whose user names go round are one unit: the last
/// of it has the name that the first takes.
fn in_order(changes: &[Change], owners: &HashMap<String, String>) -> Vec<Vec<usize>> {
    let places: HashMap<&str, usize> =
        changes.iter().enumerate().map(|(at, change)| (change.id.as_str(), at)).collect();
    let waits_for = |at: usize| {
        let owner = owners.get(&changes[at].new.username_key)?;
        places.get(owner.as_str()).copied().filter(|giver| *giver != at)
    };
    let mut units = Vec::new();
    let mut done = vec![false; changes.len()];
    for start in 0..changes.len() {
        let mut chain = Vec::new();
        let mut places_in_chain = BTreeMap::new();
        let mut next = Some(start);
        while let Some(at) = next.filter(|at| !done[*at]) {
            done[at] = true;
            places_in_chain.insert(at, chain.len());
            chain.push(at);
            next = waits_for(at);
        }
        if let Some(begin) = next.and_then(|at| places_in_chain.get(&at)) {
            units.push(chain.split_off(*begin).into_iter().rev().collect());
        }
        units.extend(chain.into_iter().rev().map(|at| vec![at]));
    }
    units
}
