//! All that the backend knows of one employee's way to Visma Connect, and the State that follows from it.

use std::mem::take;

use hrm_api::{Account, Delivery, Language, Origin};
use sqlx::{AnyConnection, FromRow};

use crate::challenge::{Challenge, ChallengeEnd, Code, CodeStatus};
use crate::clock::{Millis, date};
use crate::email::Address;
use crate::keys::CodeMac;
use crate::policy::{CodePolicy, Policy};
use crate::rules::CODE_HISTORY;

/// Everything about one employee, read in one transaction.
#[derive(Debug)]
pub struct Snapshot {
    /// Who it is.
    pub person: Person,
    /// Addresses on the HRM record: the work address first, no duplicates.
    pub addresses: Vec<Address>,
    /// Wrong codes in a row.
    pub failed_attempts: u32,
    /// Until when the banner is hidden.
    pub snoozed_until: Option<Millis>,
    /// The current challenge, ended or not, with its address.
    pub challenge: Option<(Challenge, Address)>,
    /// The account that the current challenge met and could not have.
    pub taken_user_id: Option<String>,
    /// Codes of the last day, newest first.
    pub codes: Vec<Code>,
    /// The MACs, mailboxes and deliveries of `codes`, in the same order.
    pub code_details: Vec<CodeDetail>,
    /// The account is being linked.
    pub is_linking: bool,
    /// The link.
    pub link: Option<Account>,
}

/// The person behind a snapshot.
#[derive(Debug, Clone)]
pub struct Person {
    /// HRM user id.
    pub id: String,
    /// Company id.
    pub company_id: String,
    /// Company name.
    pub company: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Language of mails and of the account.
    pub language: Language,
    /// Country, ISO 3166 alpha-2.
    pub country: String,
}

/// What the rules need not know of a code.
#[derive(Debug)]
pub struct CodeDetail {
    /// Its MAC.
    pub mac: CodeMac,
    /// The mailbox it went to.
    pub mailbox: String,
    /// What is known of its mail.
    pub delivery: Delivery,
}

/// The employee, the challenge, the link, and one code of the last day: as many rows as there are codes, at least one.
#[derive(FromRow)]
struct Row {
    id: String,
    company_id: String,
    company: String,
    first_name: String,
    last_name: String,
    language: String,
    country: String,
    failed_attempts: i64,
    snoozed_until: Option<i64>,
    addresses: Option<String>,
    challenge_id: Option<String>,
    challenge_address: Option<String>,
    attempts: Option<i64>,
    end_reason: Option<String>,
    taken_user_id: Option<String>,
    linking_since: Option<i64>,
    link_address: Option<String>,
    origin: Option<String>,
    linked_at: Option<i64>,
    code_id: Option<String>,
    code_challenge: Option<String>,
    mailbox: Option<String>,
    key_id: Option<String>,
    mac: Option<String>,
    sent_at: Option<i64>,
    expires_at: Option<i64>,
    status: Option<String>,
    delivery: Option<String>,
}

impl Row {
    fn challenge(&mut self) -> Option<(Challenge, Address)> {
        let end = self.end_reason.as_deref().map(read_end);
        let challenge = Challenge { id: self.challenge_id.take()?, attempts: count(self.attempts?), end };
        Some((challenge, Address::parse(self.challenge_address.as_deref()?).ok()?))
    }

    fn link(&mut self) -> Option<Account> {
        let origin = if self.origin.as_deref()? == "existing" { Origin::Existing } else { Origin::Created };
        Some(Account { email: self.link_address.take()?, linked_at: date(self.linked_at?), origin })
    }

    fn code(self) -> Option<(Code, CodeDetail)> {
        let code = Code {
            id: self.code_id?,
            challenge: self.code_challenge?,
            sent_at: self.sent_at?,
            expires_at: self.expires_at?,
            status: read_code_status(&self.status?),
        };
        let mac = CodeMac { key_id: self.key_id?, mac: self.mac? };
        Some((code, CodeDetail { mac, mailbox: self.mailbox?, delivery: read_delivery(&self.delivery?) }))
    }
}

/// Separator in `string_agg`; no address can contain it.
const SEPARATOR: char = '\u{1f}';

/// One statement, since each is a way to the database and back: it is read at every call.
macro_rules! snapshot_sql {
    ($employee:literal) => {
        concat!(
            "SELECT e.id, e.company_id, c.name AS company, e.first_name, e.last_name, e.language, e.country,
                    e.failed_attempts, e.snoozed_until,
                    (SELECT string_agg(a.address, '\u{1f}' ORDER BY a.position) FROM employee_addresses a
                     WHERE a.employee_id = e.id) AS addresses,
                    h.id AS challenge_id, h.address AS challenge_address, h.attempts, h.end_reason, h.taken_user_id,
                    g.created_at AS linking_since, l.address AS link_address, l.origin, l.linked_at,
                    k.id AS code_id, k.challenge_id AS code_challenge, k.address AS mailbox, k.key_id, k.mac,
                    k.sent_at, k.expires_at, k.status, k.delivery
             FROM employees e JOIN companies c ON c.id = e.company_id
             LEFT JOIN challenges h ON h.id = e.challenge_id
             LEFT JOIN link_jobs g ON g.employee_id = e.id
             LEFT JOIN links l ON l.employee_id = e.id
             LEFT JOIN codes k ON k.employee_id = e.id AND k.sent_at > $2
             WHERE e.id = ",
            $employee,
            " ORDER BY k.sent_at DESC, k.id"
        )
    };
}

/// Reads the snapshot of one employee. `None`: there is no such employee.
///
/// # Errors
/// When the database is out of reach.
pub async fn read(db: &mut AnyConnection, employee: &str, now: Millis) -> sqlx::Result<Option<Snapshot>> {
    let rows = sqlx::query_as(snapshot_sql!("$1")).bind(employee).bind(now - CODE_HISTORY).fetch_all(db).await?;
    Ok(snapshot(rows))
}

/// Reads the snapshot of the employee whose session has this token. `None`: there is no such session any more.
///
/// # Errors
/// When the database is out of reach.
pub async fn read_of_session(db: &mut AnyConnection, token_hash: &str, now: Millis) -> sqlx::Result<Option<Snapshot>> {
    const OF_SESSION: &str =
        snapshot_sql!("(SELECT employee_id FROM sessions WHERE token_hash = $1 AND expires_at > $3)");
    let rows = sqlx::query_as(OF_SESSION).bind(token_hash).bind(now - CODE_HISTORY).bind(now).fetch_all(db).await?;
    Ok(snapshot(rows))
}

fn snapshot(rows: Vec<Row>) -> Option<Snapshot> {
    let mut rows = rows.into_iter();
    let mut first = rows.next()?;
    let mut addresses: Vec<Address> = Vec::new();
    let texts = first.addresses.take().unwrap_or_default();
    for address in texts.split(SEPARATOR).filter_map(|text| Address::parse(text).ok()) {
        if !addresses.iter().any(|known| known.is_same_without_case(&address)) {
            addresses.push(address);
        }
    }
    let (challenge, link) = (first.challenge(), first.link());
    let person = Person {
        id: take(&mut first.id),
        company_id: take(&mut first.company_id),
        company: take(&mut first.company),
        first_name: take(&mut first.first_name),
        last_name: take(&mut first.last_name),
        language: read_language(&first.language),
        country: take(&mut first.country),
    };
    let (failed_attempts, snoozed_until) = (count(first.failed_attempts), first.snoozed_until);
    let (taken_user_id, is_linking) = (first.taken_user_id.take(), first.linking_since.is_some());
    let (codes, code_details) = std::iter::once(first).chain(rows).filter_map(Row::code).unzip();
    Some(Snapshot {
        person,
        addresses,
        failed_attempts,
        snoozed_until,
        challenge,
        taken_user_id,
        codes,
        code_details,
        is_linking,
        link,
    })
}

/// Reads what a company says about addresses.
///
/// # Errors
/// When the database is out of reach, or there is no such company.
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
        code: CodePolicy::read(&code),
        verified_domains: of_kind("verified"),
        allowed_domains: of_kind("allowed"),
    })
}

impl Snapshot {
    /// The challenge, if a code of it can still be entered.
    pub fn live_challenge(&self, now: Millis) -> Option<&(Challenge, Address)> {
        self.challenge.as_ref().filter(|(challenge, _)| challenge.is_live(&self.codes, now))
    }

    /// When codes were sent to the employee, newest first.
    pub fn sent(&self) -> Vec<Millis> {
        self.codes.iter().map(|code| code.sent_at).collect()
    }
}

/// A count as the database has it.
fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// The word for a code's status in the database.
pub fn code_status_word(status: CodeStatus) -> &'static str {
    match status {
        CodeStatus::Active => "active",
        CodeStatus::Used => "used",
        CodeStatus::Superseded => "superseded",
        CodeStatus::Revoked => "revoked",
    }
}

fn read_code_status(word: &str) -> CodeStatus {
    // An unknown word must never be a code that works.
    [CodeStatus::Active, CodeStatus::Used, CodeStatus::Superseded]
        .into_iter()
        .find(|status| code_status_word(*status) == word)
        .unwrap_or(CodeStatus::Revoked)
}

/// The word for a challenge's end in the database.
pub fn end_word(end: ChallengeEnd) -> &'static str {
    match end {
        ChallengeEnd::Verified => "verified",
        ChallengeEnd::AttemptsExhausted => "attempts_exhausted",
        ChallengeEnd::AccountTaken => "account_taken",
        ChallengeEnd::Abandoned => "abandoned",
    }
}

fn read_end(word: &str) -> ChallengeEnd {
    [ChallengeEnd::Verified, ChallengeEnd::AccountTaken, ChallengeEnd::Abandoned]
        .into_iter()
        .find(|end| end_word(*end) == word)
        .unwrap_or(ChallengeEnd::AttemptsExhausted)
}

/// The word for a delivery in the database.
pub fn delivery_word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Queued => "queued",
        Delivery::Accepted => "accepted",
        Delivery::Deferred => "deferred",
        Delivery::Bounced => "bounced",
    }
}

fn read_delivery(word: &str) -> Delivery {
    [Delivery::Accepted, Delivery::Deferred, Delivery::Bounced]
        .into_iter()
        .find(|delivery| delivery_word(*delivery) == word)
        .unwrap_or(Delivery::Queued)
}

/// The language behind a tag in the database; English if it is none of the five.
pub fn read_language(tag: &str) -> Language {
    match tag {
        "sv" => Language::Sv,
        "nb" => Language::Nb,
        "da" => Language::Da,
        "fi" => Language::Fi,
        _ => Language::En,
    }
}

/// The tag of a language.
pub fn language_tag(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Sv => "sv",
        Language::Nb => "nb",
        Language::Da => "da",
        Language::Fi => "fi",
    }
}
