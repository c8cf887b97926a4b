//! The administrator's commands, on the database of running backends.
//!
//! Each change runs in one transaction and leaves an [`audit`] row.

mod activation;
pub mod audit;
mod bounce;
mod company;
mod contact;
mod employee;
mod error;
mod find_user;
mod first_passwords;
mod format;
mod import;
mod kept;
mod people;
mod person;
mod sheet;
mod verify_accounts;
mod waiting_mails;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};

use self::activation::Whom;
use self::audit::Filter;
use self::company::{PolicyOptions, find_company};
use self::contact::ContactOptions;
use self::error::{Output, user_error};
use self::format::Format;
use self::import::ImportOptions;
use crate::database::Database;
use crate::events::Events;
use crate::password::PasswordCost;
use crate::rules::NAME_CHARACTERS;
use crate::text;

/// Settings of `hrm-backend admin`
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// SQLite file as sqlite:///path; for PostgreSQL, set DATABASE_URL, since it has a password
    #[arg(long, value_name = "URL", global = true)]
    database_url: Option<String>,
    /// Your name in the audit log [default: the user of this machine]
    #[arg(long, env = "HRM_ADMIN", value_name = "NAME", global = true)]
    by: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a company, or all; with options, create or change it
    Company {
        /// The company's id
        id: Option<String>,
        /// Its name; creates the company if it does not exist
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        policy_options: PolicyOptions,
        #[command(flatten)]
        contact_options: ContactOptions,
    },
    /// Create and change people from a CSV file
    ///
    /// Columns, in any order: id, username, password_hash, first_name, last_name, language, country, addresses, leaves. Only id is
    /// needed: what a missing column has stays as it is, but a new person needs all except password_hash and addresses.
    /// Addresses are separated by spaces, the work address first. Separators, encodings and line ends of the usual
    /// spreadsheet programs are recognised.
    Import {
        /// The company's id
        #[arg(long)]
        company: String,
        /// The CSV file
        file: PathBuf,
        /// Only show what would happen, row by row
        #[arg(long)]
        dry_run: bool,
        /// Make passwords for new people without a hash, and write them to this new file
        #[arg(long, value_name = "FILE")]
        passwords: Option<PathBuf>,
        /// Import even if it changes a large share of the company's people
        #[arg(long)]
        yes: bool,
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
    /// Link everybody whose work address needs no code under the company's policy
    VerifyAccounts {
        /// The company's id
        #[arg(long)]
        company: String,
        /// Only addresses in this domain
        #[arg(long)]
        domain: Option<String>,
        /// Do it; without it, only show how many
        #[arg(long)]
        yes: bool,
    },
    /// Keep a person, or everybody in a company, from signing in; their links stay
    Deactivate {
        #[command(flatten)]
        whom: Whom,
    },
    /// Let a person or a company sign in again
    Activate {
        #[command(flatten)]
        whom: Whom,
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
    /// Show one person: state, link, what waits and why
    Show {
        /// User name
        username: String,
    },
    /// Sign an employee out on all devices
    EndSessions {
        /// User name
        username: String,
    },
    /// Take back a verified address that is not linked yet; the employee can start again
    CancelLinking {
        /// User name
        username: String,
    },
    /// Print all that is kept about one person, as JSON
    Export {
        /// User name
        username: String,
    },
    /// Delete a person and all that is kept about them
    Delete {
        /// User name
        username: String,
        /// Delete for good; without it, only show what would be deleted
        #[arg(long)]
        yes: bool,
    },
    /// Delete a company with all its people and all that is kept about them
    DeleteCompany {
        /// The company's id
        id: String,
        /// Delete for good; without it, only show what would be deleted
        #[arg(long)]
        yes: bool,
    },
    /// Show the mails that wait for the mail server, and why
    Mails {
        /// The company's id
        #[arg(long)]
        company: String,
        /// Output format
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Try all waiting mails again now, for example when the mail server works again
    RetryMails {
        /// The company's id
        #[arg(long)]
        company: String,
    },
    /// Stop trying to send the mails that wait for a person; the app says that the code could not be sent
    GiveUpMails {
        /// User name
        username: String,
    },
    /// Read a report that a mail did not arrive (RFC 3464) from standard input, for a mail system to call
    Bounce,
    /// Show the audit log, newest first
    Audit {
        #[command(flatten)]
        filter: Filter,
        /// Output format
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Read a password from standard input and print its hash, for an import
    HashPassword,
}

impl AdminArgs {
    /// The exit code of a failure. For a mail system EX_TEMPFAIL (sysexits.h), so that it tries again.
    pub fn failure_code(&self) -> u8 {
        if matches!(self.command, Command::Bounce) { 75 } else { 1 }
    }
}

/// Runs a command and returns its output. On an error, nothing was changed.
pub async fn run(args: AdminArgs) -> Output {
    if matches!(args.command, Command::HashPassword) {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let password = SecretString::from(line.trim_end_matches(['\r', '\n']).to_owned());
        if password.expose_secret().is_empty() {
            return Err(user_error("The password is empty."));
        }
        return PasswordCost::Full.hash(&password).map_err(|error| user_error(error.to_string()));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let by = args.by.filter(|by| !by.trim().is_empty());
    let by = by.or_else(|| variable("SUDO_USER")).or_else(|| variable("USER")).or_else(|| variable("USERNAME"));
    if let Some(fault) = by.as_deref().and_then(|by| text::fault(by, NAME_CHARACTERS)) {
        return Err(user_error(format!("The name in --by {fault}.")));
    }
    let url = args.database_url.or_else(|| variable("DATABASE_URL"));
    let url = url.ok_or_else(|| user_error("No database. Set DATABASE_URL, or use --database-url"))?;
    let database = Database::connect(&url, Events::default()).await?;
    let output = execute(&database, by.as_deref(), args.command).await;
    database.close().await;
    output
}

async fn execute(database: &Database, by: Option<&str>, command: Command) -> Output {
    // Only changes need to know who makes them.
    let by = || by.ok_or_else(|| user_error("Your user name is unknown. Use --by NAME"));
    match command {
        Command::Company { id, name, policy_options, contact_options } => {
            if name.is_none() && policy_options.is_empty() && contact_options.is_empty() {
                return company::show(&mut database.begin_read().await?, id.as_deref()).await;
            }
            let id = id.ok_or_else(|| user_error("Which company? admin company ID …"))?;
            company::change(database, by()?, &id, name, (&policy_options, &contact_options)).await
        }
        Command::Import { company, file, dry_run, passwords, yes } => {
            let bytes = std::fs::read(&file).map_err(|error| user_error(format!("{}: {error}", file.display())))?;
            let options = ImportOptions { company: &company, dry_run, yes, passwords: passwords.as_deref() };
            import::import(database, if dry_run { "" } else { by()? }, &bytes, &options).await
        }
        Command::DryRun { company, policy_options } => {
            let mut tx = database.begin_read().await?;
            let policy = policy_options.apply_to(find_company(&mut tx, &company).await?.policy)?;
            Ok(people::preview(&people::read(&mut tx, &company).await?, &policy))
        }
        Command::Progress { company, format } => {
            let mut tx = database.begin_read().await?;
            find_company(&mut tx, &company).await?;
            Ok(people::progress(&people::read(&mut tx, &company).await?, format))
        }
        Command::VerifyAccounts { company, domain, yes } => {
            let by = if yes { by()? } else { "" };
            verify_accounts::verify_accounts(database, by, &company, domain.as_deref(), yes).await
        }
        Command::Deactivate { whom } => activation::deactivate(database, by()?, &whom).await,
        Command::Activate { whom } => activation::activate(database, by()?, &whom).await,
        Command::DeleteCompany { id, yes } => kept::delete_company(database, by()?, &id, yes).await,
        Command::Mails { company, format } => waiting_mails::list(database, &company, format).await,
        Command::RetryMails { company } => waiting_mails::retry(database, by()?, &company).await,
        Command::GiveUpMails { username } => waiting_mails::give_up(database, by()?, &username).await,
        Command::Bounce => bounce::read(database, io::stdin()).await,
        Command::Unlink { username } => employee::unlink(database, by()?, &username).await,
        Command::LeavingDate { username, date } => employee::leaving_date(database, by()?, &username, &date).await,
        Command::RetryLinking { username } => employee::retry_linking(database, by()?, &username).await,
        Command::LiftLock { username } => employee::lift_lock(database, by()?, &username).await,
        Command::Show { username } => kept::show(database, &username).await,
        Command::EndSessions { username } => employee::end_sessions(database, by()?, &username).await,
        Command::CancelLinking { username } => employee::cancel_linking(database, by()?, &username).await,
        Command::Export { username } => kept::export(database, &username).await,
        Command::Delete { username, yes } => kept::delete(database, by()?, &username, yes).await,
        Command::Audit { filter, format } => audit::list(&mut database.begin_read().await?, &filter, format).await,
        Command::HashPassword => Ok(String::new()),
    }
}
