//! The administrator's few commands, on the same database as the backends that serve.
//!
//! What changes something runs in one transaction and leaves an [`audit`] row; a dry run is the same work, rolled back.

mod audit;
mod import;
mod people;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::database::{Database, Tx};
use crate::email::domain_key;
use crate::events::Events;
use crate::flow;
use crate::password::PasswordCost;
use crate::policy::{CodePolicy, Policy};
use crate::rules::Rules;
use crate::session::username_key;
use crate::snapshot;

/// Settings of `hrm-backend admin`
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// Path of a SQLite file as sqlite:///path; PostgreSQL with its password: set DATABASE_URL
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Who does it, as the audit tells it [default: the user of this machine]
    #[arg(long, env = "HRM_ADMIN")]
    by: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a company; make or change it with the options
    Company {
        /// The company's id
        id: String,
        /// Its name; makes the company if it is not there
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        policy_options: PolicyOptions,
    },
    /// Make and change people from a CSV file: id, username, password_hash, first_name, last_name, language, country, addresses
    Import {
        /// The company's id
        #[arg(long)]
        company: String,
        /// The file; addresses in a field are separated by spaces, the work address first
        file: PathBuf,
        /// Say row by row what would happen, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Say how many would be linked at once, need a code or have no address, if the policy were this
    DryRun {
        /// The company's id
        #[arg(long)]
        company: String,
        #[command(flatten)]
        policy_options: PolicyOptions,
    },
    /// Tell how far everybody has got
    Progress {
        /// The company's id
        #[arg(long)]
        company: String,
        /// How to write it
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Take an employee's link away; the employee can begin again
    Unlink {
        /// User name
        username: String,
    },
    /// Let an employee try again after 100 wrong codes in a row
    LiftLock {
        /// User name
        username: String,
    },
    /// Tell what was changed, the newest first
    Audit {
        /// How to write it
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Read a password from standard input and write its hash, for an import
    HashPassword,
}

/// What a company is to say about addresses; what is not given stays.
#[derive(Debug, Args)]
struct PolicyOptions {
    /// When a code is needed
    #[arg(long, value_parser = ["always", "verified_domains", "never"])]
    policy: Option<String>,
    /// Domains that the company has verified, separated by commas
    #[arg(long)]
    verified: Option<String>,
    /// The only domains that are accepted, separated by commas; none: all are
    #[arg(long)]
    allowed: Option<String>,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// Why a command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A sentence for the person who typed the command.
    #[error("{0}")]
    User(String),
    /// The database.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// A file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

type Answer = Result<String, AdminError>;

fn user_error(sentence: impl Into<String>) -> AdminError {
    AdminError::User(sentence.into())
}

/// Does what was asked; what there is to say about it.
///
/// # Errors
/// When nothing was changed.
pub async fn run(args: AdminArgs) -> Answer {
    if matches!(args.command, Command::HashPassword) {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let password = SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned());
        return PasswordCost::Full.hash(&password).map_err(|error| user_error(error.to_string()));
    }
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let by = args.by.or_else(|| set("SUDO_USER")).or_else(|| set("USER")).or_else(|| set("USERNAME"));
    let by = by.ok_or_else(|| user_error("Say who you are: --by NAME"))?;
    let url = args.database_url.or_else(|| set("DATABASE_URL"));
    let url = url.ok_or_else(|| user_error("Say which database: DATABASE_URL or --database-url"))?;
    let database = Database::connect(&url, Events::default()).await?;
    let answer = command(&database, &by, args.command).await;
    database.close().await;
    answer
}

async fn command(database: &Database, by: &str, command: Command) -> Answer {
    match command {
        Command::Company { id, name, policy_options } => company(database, by, &id, name, &policy_options).await,
        Command::Import { company, file, dry_run } => {
            let file =
                std::fs::File::open(&file).map_err(|error| user_error(format!("{}: {error}", file.display())))?;
            import::import(database, by, &company, file, dry_run).await
        }
        Command::DryRun { company, policy_options } => {
            let mut tx = database.begin_read().await?;
            let policy = policy_options.apply_to(company_of(&mut tx, &company).await?.1)?;
            Ok(people::preview(&people::read(&mut tx, &company).await?, &policy))
        }
        Command::Progress { company, format } => {
            let mut tx = database.begin_read().await?;
            company_of(&mut tx, &company).await?;
            Ok(people::progress(&people::read(&mut tx, &company).await?, format))
        }
        Command::Unlink { username } => unlink(database, by, &username).await,
        Command::LiftLock { username } => lift_lock(database, by, &username).await,
        Command::Audit { format } => audit::list(&mut database.begin_read().await?, format).await,
        Command::HashPassword => Ok(String::new()),
    }
}

impl PolicyOptions {
    /// The policy with what is given.
    fn apply_to(&self, mut policy: Policy) -> Result<Policy, AdminError> {
        if let Some(word) = &self.policy {
            policy.code = CodePolicy::read(word);
        }
        for (given, domains) in
            [(&self.verified, &mut policy.verified_domains), (&self.allowed, &mut policy.allowed_domains)]
        {
            if let Some(list) = given {
                let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
                let keys: Result<Vec<_>, _> = words
                    .map(|word| domain_key(word).ok_or_else(|| user_error(format!("{word} is not a domain"))))
                    .collect();
                *domains = keys?;
                domains.sort();
                domains.dedup();
            }
        }
        Ok(policy)
    }
}

/// A company's name and policy.
async fn company_of(tx: &mut Tx, id: &str) -> Result<(String, Policy), AdminError> {
    let row: Option<String> =
        sqlx::query_scalar("SELECT name FROM companies WHERE id = $1").bind(id).fetch_optional(&mut **tx).await?;
    let name =
        row.ok_or_else(|| user_error(format!("There is no company {id}. To make it: admin company {id} --name …")))?;
    Ok((name, snapshot::read_policy(tx, id).await?))
}

async fn company(
    database: &Database,
    by: &str,
    id: &str,
    name: Option<String>,
    policy_options: &PolicyOptions,
) -> Answer {
    let json_of = |name: &str, policy: &Policy| {
        json!({ "name": name, "policy": policy.code.as_str(),
                "verified": policy.verified_domains, "allowed": policy.allowed_domains })
    };
    let mut tx = database.begin_write().await?;
    let known = company_of(&mut tx, id).await;
    let (old, before) = match (known, &name) {
        (Ok((name, policy)), _) => (json_of(&name, &policy), (name, policy)),
        (Err(AdminError::User(_)), Some(name)) => {
            let code = CodePolicy::VerifiedDomains;
            (Value::Null, (name.clone(), Policy { code, verified_domains: Vec::new(), allowed_domains: Vec::new() }))
        }
        (Err(error), _) => return Err(error),
    };
    let name = name.unwrap_or(before.0);
    let policy = policy_options.apply_to(before.1)?;
    let new = json_of(&name, &policy);
    let shown = format!("{id}: {new}");
    if old == new {
        return Ok(shown);
    }
    sqlx::query(
        "INSERT INTO companies (id, name, code_policy) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET name = $2, code_policy = $3",
    )
    .bind(id)
    .bind(&name)
    .bind(policy.code.as_str())
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM company_domains WHERE company_id = $1").bind(id).execute(&mut *tx).await?;
    for (kind, domains) in [("verified", &policy.verified_domains), ("allowed", &policy.allowed_domains)] {
        for domain in domains {
            sqlx::query("INSERT INTO company_domains (company_id, kind, domain) VALUES ($1, $2, $3)")
                .bind(id)
                .bind(kind)
                .bind(domain)
                .execute(&mut *tx)
                .await?;
        }
    }
    audit::note(&mut tx, by, "company", &format!("company {id}"), &old, &new).await?;
    tx.commit().await?;
    Ok(shown)
}

/// The employee's id, under the employee's lock.
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

/// Takes the link away here. Visma Connect keeps the account: its call for unlinking is not publicly known.
async fn unlink(database: &Database, by: &str, username: &str) -> Answer {
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
    // An answer that said "linked" is not to be repeated.
    sqlx::query("DELETE FROM idempotency WHERE employee_id = $1").bind(&id).execute(&mut *tx).await?;
    flow::forget_challenge(&mut tx, &id, Clock::system_now()).await?;
    let old =
        json!({ "vismaUserId": user, "email": address, "origin": origin, "linkedAt": crate::clock::date(linked_at) });
    audit::note(&mut tx, by, "unlink", &format!("employee {id}"), &old, &Value::Null).await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{username} is no longer linked."))
}

async fn lift_lock(database: &Database, by: &str, username: &str) -> Answer {
    let (mut tx, id) = lock(database, username).await?;
    let failed_attempts: i64 =
        sqlx::query_scalar("SELECT failed_attempts FROM employees WHERE id = $1").bind(&id).fetch_one(&mut *tx).await?;
    if !Rules::default().is_locked(u32::try_from(failed_attempts).unwrap_or_default()) {
        return Err(user_error(format!("{username} is not locked.")));
    }
    sqlx::query("UPDATE employees SET failed_attempts = 0 WHERE id = $1").bind(&id).execute(&mut *tx).await?;
    let (old, new) = (json!({ "failedAttempts": failed_attempts }), json!({ "failedAttempts": 0 }));
    audit::note(&mut tx, by, "lift-lock", &format!("employee {id}"), &old, &new).await?;
    tx.notify(&id);
    tx.commit().await?;
    Ok(format!("{username} can try again."))
}

/// A list with its columns' names, as a table, as CSV or as JSON.
fn format_rows(columns: &[&str], rows: &[Vec<String>], format: Format) -> String {
    match format {
        Format::Json => {
            let objects: Vec<Value> = rows
                .iter()
                .map(|row| columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect())
                .collect();
            format!("{:#}", Value::Array(objects))
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(Vec::new());
            // Writing to memory does not fail.
            let _ = csv.write_record(columns);
            for row in rows {
                let _ = csv.write_record(row);
            }
            String::from_utf8(csv.into_inner().unwrap_or_default()).unwrap_or_default()
        }
        Format::Table => {
            let width = |at: usize, name: &str| {
                rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0).max(name.chars().count())
            };
            let widths: Vec<_> = columns.iter().enumerate().map(|(at, name)| width(at, name)).collect();
            let line = |cells: Vec<&str>| {
                let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            };
            let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
            std::iter::once(line(columns.to_vec())).chain(body).collect::<Vec<_>>().join("\n")
        }
    }
}
