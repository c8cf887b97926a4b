//! What the database knows of one employee, read in one statement.

use std::mem::take;

use hrm_api::{Account, Contact, Delivery, Language, Origin, TryLoginStatus};
use sqlx::{AnyConnection, FromRow};

use crate::challenge::{Challenge, CodeStatus, IssuedCode};
use crate::clock::{Millis, date};
use crate::email::Address;
use crate::keys::CodeMac;
use crate::policy::Policy;
use crate::rules::{CLOCK_TOLERANCE, CODE_HISTORY, Rules};

#[derive(Debug, PartialEq)]
pub struct Snapshot {
    pub person: Person,
    /// See [`hrm_api::State::revision`].
    pub revision: u64,
    /// The addresses on the HRM record: work address first, no duplicates.
    pub addresses: Vec<Address>,
    /// Incorrect codes in a row.
    pub failed_attempts: u32,
    pub snoozed_until: Option<Millis>,
    /// The person or the company cannot sign in.
    pub is_deactivated: bool,
    /// The last day of employment, as `2026-12-31`.
    pub leaves_on: Option<String>,
    /// The company's.
    pub contact: Contact,
    /// The current challenge, ended or not.
    pub challenge: Option<Challenge>,
    /// The codes within [`CODE_HISTORY`], newest first.
    pub codes: Vec<IssuedCode>,
    pub is_linking: bool,
    pub link: Option<Account>,
    /// The newest practice of the new login.
    pub login_try: Option<LoginTry>,
}

#[derive(Debug, PartialEq)]
pub struct LoginTry {
    pub status: TryLoginStatus,
    pub at: Millis,
    pub until: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub id: String,
    pub company_id: String,
    pub first_name: String,
    pub last_name: String,
    /// Language of mails and of the account.
    pub language: Language,
    /// ISO 3166 alpha-2.
    pub country: String,
}

/// The employee, repeated for each code; one row without a code if there is none.
#[derive(FromRow)]
struct Row {
    id: String,
    company_id: String,
    first_name: String,
    last_name: String,
    language: String,
    country: String,
    failed_attempts: i64,
    revision: i64,
    snoozed_until: Option<i64>,
    leaves_on: Option<String>,
    deactivated_at: Option<i64>,
    login_status: Option<String>,
    login_at: Option<i64>,
    login_until: Option<i64>,
    contact_name: Option<String>,
    contact_phone: Option<String>,
    contact_email: Option<String>,
    contact_url: Option<String>,
    addresses: Option<String>,
    challenge_id: Option<String>,
    challenge_address: Option<String>,
    attempts: Option<i64>,
    end_reason: Option<String>,
    taken_user_id: Option<String>,
    link_job_created_at: Option<i64>,
    link_address: Option<String>,
    origin: Option<String>,
    linked_at: Option<i64>,
    code_id: Option<String>,
    code_challenge_id: Option<String>,
    mailbox: Option<String>,
    key_id: Option<String>,
    mac: Option<String>,
    sent_at: Option<i64>,
    expires_at: Option<i64>,
    status: Option<String>,
    delivery: Option<String>,
}

impl Row {
    fn challenge(&mut self) -> Option<Challenge> {
        Some(Challenge {
            id: self.challenge_id.take()?,
            address: Address::parse(self.challenge_address.as_deref()?).ok()?,
            attempts: count(self.attempts?),
            end: self.end_reason.as_deref().map(|word| word.parse().unwrap_or_default()),
            taken_user_id: self.taken_user_id.take(),
        })
    }

    fn link(&mut self) -> Option<Account> {
        Some(Account {
            email: self.link_address.take()?,
            linked_at: date(self.linked_at?),
            origin: self.origin.as_deref()?.parse().unwrap_or(Origin::Created),
        })
    }

    fn login_try(&mut self) -> Option<LoginTry> {
        Some(LoginTry {
            status: self.login_status.take()?.parse().unwrap_or(TryLoginStatus::NotFinished),
            at: self.login_at?,
            until: self.login_until,
        })
    }

    fn code(self) -> Option<IssuedCode> {
        Some(IssuedCode {
            id: self.code_id?,
            challenge_id: self.code_challenge_id?,
            mailbox: self.mailbox?,
            mac: CodeMac { key_id: self.key_id?, mac: self.mac? },
            sent_at: self.sent_at?,
            expires_at: self.expires_at?,
            status: self.status?.parse().unwrap_or(CodeStatus::Revoked),
            delivery: self.delivery?.parse().unwrap_or(Delivery::Queued),
        })
    }
}

/// Separator in `string_agg`; no address can contain it.
const SEPARATOR: char = '\u{1f}';

/// One statement, because every call of the API runs it and each statement is a round trip.
macro_rules! snapshot_sql {
    ($employee_id:literal) => {
        concat!(
            "SELECT employees.id, employees.company_id, employees.first_name, employees.last_name, employees.language,
                    employees.country, employees.failed_attempts, employees.snoozed_until, employees.leaves_on,
                    employees.revision, COALESCE(employees.deactivated_at, companies.deactivated_at) AS deactivated_at,
                    employees.login_status, employees.login_at, employees.login_until, companies.contact_name, companies.contact_phone, companies.contact_email,
                    companies.contact_url,
                    (SELECT string_agg(employee_addresses.address, '\u{1f}' ORDER BY employee_addresses.position)
                     FROM employee_addresses WHERE employee_addresses.employee_id = employees.id) AS addresses,
                    challenges.id AS challenge_id, challenges.address AS challenge_address, challenges.attempts,
                    challenges.end_reason, challenges.taken_user_id,
                    link_jobs.created_at AS link_job_created_at,
                    links.address AS link_address, links.origin, links.linked_at,
                    codes.id AS code_id, codes.challenge_id AS code_challenge_id, codes.address AS mailbox,
                    codes.key_id, codes.mac, codes.sent_at, codes.expires_at, codes.status, codes.delivery
             FROM employees
             JOIN companies ON companies.id = employees.company_id
             LEFT JOIN challenges ON challenges.id = employees.challenge_id
             LEFT JOIN link_jobs ON link_jobs.employee_id = employees.id
             LEFT JOIN links ON links.employee_id = employees.id
             LEFT JOIN codes ON codes.employee_id = employees.id AND codes.sent_at > $2
             WHERE employees.id = ",
            $employee_id,
            " ORDER BY codes.sent_at DESC, codes.id"
        )
    };
}

/// `None`: no such employee.
pub async fn read(db: &mut AnyConnection, employee: &str, now: Millis) -> sqlx::Result<Option<Snapshot>> {
    let rows = sqlx::query_as(snapshot_sql!("$1")).bind(employee).bind(now - CODE_HISTORY).fetch_all(db).await?;
    Ok(from_rows(rows))
}

/// The employee whose session has this token. `None`: no such session, or it has expired.
pub async fn read_of_session(db: &mut AnyConnection, token_hash: &str, now: Millis) -> sqlx::Result<Option<Snapshot>> {
    const SQL: &str = snapshot_sql!("(SELECT employee_id FROM sessions WHERE token_hash = $1 AND expires_at > $3)");
    let rows = sqlx::query_as(SQL).bind(token_hash).bind(now - CODE_HISTORY).bind(now).fetch_all(db).await?;
    Ok(from_rows(rows))
}

fn from_rows(rows: Vec<Row>) -> Option<Snapshot> {
    let mut rows = rows.into_iter();
    let mut first = rows.next()?;
    let mut addresses: Vec<Address> = Vec::new();
    let texts = first.addresses.take().unwrap_or_default();
    for address in texts.split(SEPARATOR).filter_map(|text| Address::parse(text).ok()) {
        if !addresses.iter().any(|known| known.is_same_without_case(&address)) {
            addresses.push(address);
        }
    }
    Some(Snapshot {
        person: Person {
            id: take(&mut first.id),
            company_id: take(&mut first.company_id),
            first_name: take(&mut first.first_name),
            last_name: take(&mut first.last_name),
            language: first.language.parse().unwrap_or_default(),
            country: take(&mut first.country),
        },
        addresses,
        revision: first.revision.unsigned_abs(),
        failed_attempts: count(first.failed_attempts),
        snoozed_until: first.snoozed_until,
        is_deactivated: first.deactivated_at.is_some(),
        leaves_on: first.leaves_on.take(),
        contact: Contact {
            name: first.contact_name.take(),
            phone: first.contact_phone.take(),
            email: first.contact_email.take(),
            url: first.contact_url.take(),
        },
        challenge: first.challenge(),
        is_linking: first.link_job_created_at.is_some(),
        login_try: first.login_try(),
        link: first.link(),
        codes: std::iter::once(first).chain(rows).filter_map(Row::code).collect(),
    })
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// # Errors
/// Also when there is no such company.
pub async fn read_contact(db: &mut AnyConnection, company: &str) -> sqlx::Result<Contact> {
    let (name, phone, email, url) =
        sqlx::query_as("SELECT contact_name, contact_phone, contact_email, contact_url FROM companies WHERE id = $1")
            .bind(company)
            .fetch_one(db)
            .await?;
    Ok(Contact { name, phone, email, url })
}

/// # Errors
/// Also when there is no such company.
pub async fn read_policy(db: &mut AnyConnection, company: &str) -> sqlx::Result<Policy> {
    let code: String =
        sqlx::query_scalar("SELECT code_policy FROM companies WHERE id = $1").bind(company).fetch_one(&mut *db).await?;
    let domains: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, domain FROM company_domains WHERE company_id = $1 ORDER BY domain")
            .bind(company)
            .fetch_all(&mut *db)
            .await?;
    let of_kind = |wanted: &str| domains.iter().filter(|(kind, _)| kind == wanted).map(|(_, d)| d.clone()).collect();
    Ok(Policy {
        code: code.parse().unwrap_or_default(),
        verified_domains: of_kind("verified"),
        allowed_domains: of_kind("allowed"),
    })
}

impl Snapshot {
    /// The challenge, if one of its codes still works.
    pub fn live_challenge(&self, now: Millis) -> Option<&Challenge> {
        self.challenge.as_ref().filter(|challenge| challenge.is_live(&self.codes, now))
    }

    /// The last day of employment is over.
    pub fn has_left(&self, now: Millis) -> bool {
        let today = date(now).format("%Y-%m-%d").to_string();
        self.leaves_on.as_ref().is_some_and(|day| *day < today)
    }

    /// Too many incorrect codes, or left so long ago that a link would be taken away again.
    pub fn is_locked(&self, rules: &Rules, now: Millis) -> bool {
        let has_left = |date: &String| *date < rules.unlinked_if_left_before(now);
        rules.is_locked(self.failed_attempts) || self.leaves_on.as_ref().is_some_and(has_left)
    }

    /// When codes were sent to the employee, newest first. Not those that a clock that was wrong dates in the future.
    pub fn sent(&self, now: Millis) -> Vec<Millis> {
        self.codes.iter().map(|code| code.sent_at).filter(|at| *at <= now + CLOCK_TOLERANCE).collect()
    }
}
