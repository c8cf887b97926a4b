//! The administrator's commands, on the database of running backends.
//!
//! Each change runs in one transaction and leaves an [`audit`] row. A dry run does the same work and rolls back.

pub mod audit;
mod company;
mod employee;
mod error;
mod format;
mod import;
mod people;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::SecretString;

use self::company::{PolicyOptions, find_company};
use self::error::{Output, user_error};
use self::format::Format;
use crate::database::Database;
use crate::events::Events;
use crate::password::PasswordCost;

/// Settings of `hrm-backend admin`
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// SQLite file as sqlite:///path; for PostgreSQL, set DATABASE_URL, since it has a password
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Your name in the audit log [default: the user of this machine]
    #[arg(long, env = "HRM_ADMIN")]
    by: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a company; with options, create or change it
    Company {
        /// The company's id
        id: String,
        /// Its name; creates the company if it does not exist
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        policy_options: PolicyOptions,
    },
    /// Create and change people from a CSV file: id, username, password_hash, first_name, last_name, language, country, addresses
    Import {
        /// The company's id
        #[arg(long)]
        company: String,
        /// The CSV file; addresses are separated by spaces, the work address first
        file: PathBuf,
        /// Only show what would happen, row by row
        #[arg(long)]
        dry_run: bool,
    },
    /// Show how many would be linked at once, need a code or have no address under a policy
    DryRun {
        /// The company's id
        #[arg(long)]
        company: String,
        #[command(flatten)]
        policy_options: PolicyOptions,
    },
    /// Show every employee's progress
    Progress {
        /// The company's id
        #[arg(long)]
        company: String,
        /// Output format
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Set the last day of employment; the link is taken away some days after it (HRM_UNLINK_DAYS_AFTER_LEAVING of serve)
    LeavingDate {
        /// User name
        username: String,
        /// A date as 2026-12-31, or none
        date: String,
    },
    /// Try a refused, given up or waiting link again now, without another code
    RetryLinking {
        /// User name
        username: String,
    },
    /// Take an employee's link away, at Visma Connect too; the employee can start again
    Unlink {
        /// User name
        username: String,
    },
    /// Unlock an employee who entered too many incorrect codes in a row
    LiftLock {
        /// User name
        username: String,
    },
    /// Show the audit log, newest first
    Audit {
        /// Output format
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Read a password from standard input and print its hash, for an import
    HashPassword,
}

/// Runs a command and returns its output. On an error, nothing was changed.
pub async fn run(args: AdminArgs) -> Output {
    if matches!(args.command, Command::HashPassword) {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let password = SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned());
        return PasswordCost::Full.hash(&password).map_err(|error| user_error(error.to_string()));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let by = args.by.or_else(|| variable("SUDO_USER")).or_else(|| variable("USER")).or_else(|| variable("USERNAME"));
    let by = by.ok_or_else(|| user_error("Your user name is unknown. Use --by NAME"))?;
    let url = args.database_url.or_else(|| variable("DATABASE_URL"));
    let url = url.ok_or_else(|| user_error("No database. Set DATABASE_URL, or use --database-url"))?;
    let database = Database::connect(&url, Events::default()).await?;
    let output = execute(&database, &by, args.command).await;
    database.close().await;
    output
}

async fn execute(database: &Database, by: &str, command: Command) -> Output {
    match command {
        Command::Company { id, name, policy_options } => {
            company::company(database, by, &id, name, &policy_options).await
        }
        Command::Import { company, file, dry_run } => {
            let file =
                std::fs::File::open(&file).map_err(|error| user_error(format!("{}: {error}", file.display())))?;
            import::import(database, by, &company, file, dry_run).await
        }
        Command::DryRun { company, policy_options } => {
            let mut tx = database.begin_read().await?;
            let policy = policy_options.apply_to(find_company(&mut tx, &company).await?.1)?;
            Ok(people::preview(&people::read(&mut tx, &company).await?, &policy))
        }
        Command::Progress { company, format } => {
            let mut tx = database.begin_read().await?;
            find_company(&mut tx, &company).await?;
            Ok(people::progress(&people::read(&mut tx, &company).await?, format))
        }
        Command::Unlink { username } => employee::unlink(database, by, &username).await,
        Command::LeavingDate { username, date } => employee::leaving_date(database, by, &username, &date).await,
        Command::RetryLinking { username } => employee::retry_linking(database, by, &username).await,
        Command::LiftLock { username } => employee::lift_lock(database, by, &username).await,
        Command::Audit { format } => audit::list(&mut database.begin_read().await?, format).await,
        Command::HashPassword => Ok(String::new()),
    }
}
