//! All that the backend knows of one employee's way to Visma Connect, and the State that follows from it.

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
    /// What the company says about addresses.
    pub policy: Policy,
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

#[derive(FromRow)]
struct EmployeeRow {
    company_id: String,
    company: String,
    first_name: String,
    last_name: String,
    language: String,
    country: String,
    failures: i64,
    snoozed_until: Option<i64>,
    challenge_id: Option<String>,
}

#[derive(FromRow)]
struct ChallengeRow {
    id: String,
    address: String,
    attempts: i64,
    ended: Option<String>,
    taken_user_id: Option<String>,
}

#[derive(FromRow)]
struct CodeRow {
    id: String,
    challenge_id: String,
    address: String,
    key_id: String,
    mac: String,
    sent_at: i64,
    expires_at: i64,
    fate: String,
    delivery: String,
}

/// Reads the standing of one employee. `None`: there is no such employee.
///
/// # Errors
/// When the database is out of reach.
pub async fn read(db: &mut AnyConnection, employee: &str, now: Millis) -> sqlx::Result<Option<Standing>> {
    let row: Option<EmployeeRow> = sqlx::query_as(
        "SELECT e.company_id, c.name AS company, e.first_name, e.last_name, e.language, e.country,
                e.failures, e.snoozed_until, e.challenge_id
         FROM employees e JOIN companies c ON c.id = e.company_id WHERE e.id = $1",
    )
    .bind(employee)
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };

    let policy = read_policy(db, &row.company_id).await?;

    let texts: Vec<String> =
        sqlx::query_scalar("SELECT address FROM employee_addresses WHERE employee_id = $1 ORDER BY position")
            .bind(employee)
            .fetch_all(&mut *db)
            .await?;
    let mut addresses: Vec<Address> = Vec::new();
    for address in texts.iter().filter_map(|text| Address::parse(text).ok()) {
        if !addresses.iter().any(|known| known.is_same_without_case(&address)) {
            addresses.push(address);
        }
    }

    let challenge_row: Option<ChallengeRow> =
        sqlx::query_as("SELECT id, address, attempts, ended, taken_user_id FROM challenges WHERE id = $1")
            .bind(&row.challenge_id)
            .fetch_optional(&mut *db)
            .await?;
    let taken_user_id = challenge_row.as_ref().and_then(|row| row.taken_user_id.clone());
    let challenge = challenge_row.and_then(|row| {
        let end = row.ended.as_deref().map(read_end);
        let challenge = Challenge { id: row.id, attempts: count(row.attempts), end };
        Some((challenge, Address::parse(&row.address).ok()?))
    });

    let rows: Vec<CodeRow> = sqlx::query_as(
        "SELECT id, challenge_id, address, key_id, mac, sent_at, expires_at, fate, delivery
         FROM codes WHERE employee_id = $1 AND sent_at > $2 ORDER BY sent_at DESC, id",
    )
    .bind(employee)
    .bind(now - DAY)
    .fetch_all(&mut *db)
    .await?;
    let (codes, code_details) = rows
        .into_iter()
        .map(|row| {
            let code = Code {
                id: row.id,
                challenge: row.challenge_id,
                sent_at: row.sent_at,
                expires_at: row.expires_at,
                fate: read_fate(&row.fate),
            };
            let mac = CodeMac { key_id: row.key_id, mac: row.mac };
            (code, CodeDetail { mac, mailbox: row.address, delivery: read_delivery(&row.delivery) })
        })
        .unzip();

    let is_linking: Option<i64> = sqlx::query_scalar("SELECT created_at FROM linkings WHERE employee_id = $1")
        .bind(employee)
        .fetch_optional(&mut *db)
        .await?;
    let link: Option<(String, String, i64)> =
        sqlx::query_as("SELECT address, origin, linked_at FROM links WHERE employee_id = $1")
            .bind(employee)
            .fetch_optional(&mut *db)
            .await?;

    Ok(Some(Standing {
        person: Person {
            id: employee.to_owned(),
            company_id: row.company_id,
            company: row.company,
            first_name: row.first_name,
            last_name: row.last_name,
            language: read_language(&row.language),
            country: row.country,
        },
        policy,
        addresses,
        failures: count(row.failures),
        snoozed_until: row.snoozed_until,
        challenge,
        taken_user_id,
        codes,
        code_details,
        is_linking: is_linking.is_some(),
        link: link.map(|(email, origin, at)| Account {
            email,
            linked_at: date(at),
            origin: if origin == "existing" { Origin::Existing } else { Origin::Created },
        }),
    }))
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
