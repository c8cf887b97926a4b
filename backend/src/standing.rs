//! All that the backend knows of one employee's way to Visma Connect, and the State that follows from it.

use std::mem::take;

use hrm_api::{Account, Banner, Challenge as ApiChallenge, Delivery, Language, Origin, SettingsUrl, State, Status};
use sqlx::{AnyConnection, FromRow};

use crate::challenge::{Challenge, Code, End, Fate, Rules};
use crate::clock::{DAY, Millis, date};
use crate::email::Address;
use crate::keys::CodeMac;
use crate::policy::{CodePolicy, Policy};

/// Everything about one employee, read in one transaction.
#[derive(Debug)]
pub struct Standing {
    /// Who it is.
    pub person: Person,
    /// Addresses on the HRM record: the work address first, no duplicates.
    pub addresses: Vec<Address>,
    /// Wrong codes in a row.
    pub failures: u32,
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

/// The person behind a standing.
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
    failures: i64,
    snoozed_until: Option<i64>,
    addresses: Option<String>,
    challenge_id: Option<String>,
    challenge_address: Option<String>,
    attempts: Option<i64>,
    ended: Option<String>,
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
    fate: Option<String>,
    delivery: Option<String>,
}

impl Row {
    fn challenge(&mut self) -> Option<(Challenge, Address)> {
        let end = self.ended.as_deref().map(read_end);
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
            fate: read_fate(&self.fate?),
        };
        let mac = CodeMac { key_id: self.key_id?, mac: self.mac? };
        Some((code, CodeDetail { mac, mailbox: self.mailbox?, delivery: read_delivery(&self.delivery?) }))
    }
}

/// Between the addresses of one employee, in the text that the database makes of them. No import has it.
const BETWEEN: char = '\u{1f}';

/// One statement, since each is a way to the database and back: it is read at every call.
macro_rules! standing_of {
    ($employee:literal) => {
        concat!(
            "SELECT e.id, e.company_id, c.name AS company, e.first_name, e.last_name, e.language, e.country,
                    e.failures, e.snoozed_until,
                    (SELECT string_agg(a.address, '\u{1f}' ORDER BY a.position) FROM employee_addresses a
                     WHERE a.employee_id = e.id) AS addresses,
                    h.id AS challenge_id, h.address AS challenge_address, h.attempts, h.ended, h.taken_user_id,
                    g.created_at AS linking_since, l.address AS link_address, l.origin, l.linked_at,
                    k.id AS code_id, k.challenge_id AS code_challenge, k.address AS mailbox, k.key_id, k.mac,
                    k.sent_at, k.expires_at, k.fate, k.delivery
             FROM employees e JOIN companies c ON c.id = e.company_id
             LEFT JOIN challenges h ON h.id = e.challenge_id
             LEFT JOIN linkings g ON g.employee_id = e.id
             LEFT JOIN links l ON l.employee_id = e.id
             LEFT JOIN codes k ON k.employee_id = e.id AND k.sent_at > $2
             WHERE e.id = ",
            $employee,
            " ORDER BY k.sent_at DESC, k.id"
        )
    };
}

/// Reads the standing of one employee. `None`: there is no such employee.
///
/// # Errors
/// When the database is out of reach.
pub async fn read(db: &mut AnyConnection, employee: &str, now: Millis) -> sqlx::Result<Option<Standing>> {
    let rows = sqlx::query_as(standing_of!("$1")).bind(employee).bind(now - DAY).fetch_all(db).await?;
    Ok(standing(rows))
}

/// Reads the standing of the employee whose session has this token. `None`: there is no such session any more.
///
/// # Errors
/// When the database is out of reach.
pub async fn read_of_session(db: &mut AnyConnection, token_hash: &str, now: Millis) -> sqlx::Result<Option<Standing>> {
    const OF_SESSION: &str =
        standing_of!("(SELECT employee_id FROM sessions WHERE token_hash = $1 AND expires_at > $3)");
    let rows = sqlx::query_as(OF_SESSION).bind(token_hash).bind(now - DAY).bind(now).fetch_all(db).await?;
    Ok(standing(rows))
}

fn standing(rows: Vec<Row>) -> Option<Standing> {
    let mut rows = rows.into_iter();
    let mut first = rows.next()?;
    let mut addresses: Vec<Address> = Vec::new();
    let texts = first.addresses.take().unwrap_or_default();
    for address in texts.split(BETWEEN).filter_map(|text| Address::parse(text).ok()) {
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
    let (failures, snoozed_until) = (count(first.failures), first.snoozed_until);
    let (taken_user_id, is_linking) = (first.taken_user_id.take(), first.linking_since.is_some());
    let (codes, code_details) = std::iter::once(first).chain(rows).filter_map(Row::code).unzip();
    Some(Standing {
        person,
        addresses,
        failures,
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

impl Standing {
    /// The challenge, if a code of it can still be entered.
    pub fn live_challenge(&self, now: Millis) -> Option<&(Challenge, Address)> {
        self.challenge.as_ref().filter(|(challenge, _)| challenge.is_live(&self.codes, now))
    }

    /// When codes were sent to the employee, newest first.
    pub fn sent(&self) -> Vec<Millis> {
        self.codes.iter().map(|code| code.sent_at).collect()
    }

    /// The State that the app gets.
    pub fn state(&self, rules: &Rules, settings_url: &SettingsUrl, now: Millis) -> State {
        let challenge = self.live_challenge(now).and_then(|(challenge, address)| {
            // Newest first, and displaced ones are older than live ones.
            let newest = self.codes.iter().position(|code| code.challenge == challenge.id)?;
            Some(ApiChallenge {
                email: address.as_typed().to_owned(),
                sent_at: date(self.codes[newest].sent_at),
                expires_at: date(self.codes[newest].expires_at),
                resend_at: date(rules.next_code_at(&self.sent())),
                attempts_left: rules.attempts.saturating_sub(challenge.attempts),
                delivery: self.code_details[newest].delivery,
            })
        });
        let status = match (&self.link, self.is_linking, &challenge) {
            (Some(_), _, _) => Status::Linked,
            (None, true, _) => Status::Linking,
            (None, false, Some(_)) => Status::CodeSent,
            (None, false, None) => Status::NotLinked,
        };
        let snoozed_until = self.snoozed_until.filter(|until| *until > now && status != Status::Linked);
        State {
            server_time: date(now),
            status,
            suggestions: self.addresses.iter().map(|address| address.as_typed().to_owned()).collect(),
            banner: Banner {
                visible: status != Status::Linked && snoozed_until.is_none(),
                snoozed_until: snoozed_until.map(date),
            },
            challenge: challenge.filter(|_| status == Status::CodeSent),
            account: self.link.clone(),
            settings_url: settings_url.clone(),
        }
    }

    /// The next moment at which the State changes by time alone.
    pub fn next_change(&self, now: Millis) -> Option<Millis> {
        let expiries = self.codes.iter().filter(|code| code.is_live(now)).map(|code| code.expires_at);
        expiries.chain(self.snoozed_until).filter(|at| *at > now).min()
    }
}

/// A count as the database has it.
fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// The word for a code's fate in the database.
pub fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Live => "live",
        Fate::Used => "used",
        Fate::Displaced => "displaced",
        Fate::Dead => "dead",
    }
}

fn read_fate(word: &str) -> Fate {
    // An unknown word must never be a code that works.
    [Fate::Live, Fate::Used, Fate::Displaced].into_iter().find(|fate| fate_word(*fate) == word).unwrap_or(Fate::Dead)
}

/// The word for a challenge's end in the database.
pub fn end_word(end: End) -> &'static str {
    match end {
        End::Proved => "proved",
        End::Exhausted => "exhausted",
        End::Taken => "taken",
        End::GivenUp => "given_up",
    }
}

fn read_end(word: &str) -> End {
    [End::Proved, End::Taken, End::GivenUp].into_iter().find(|end| end_word(*end) == word).unwrap_or(End::Exhausted)
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
