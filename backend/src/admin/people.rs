//! The progress of a company's people, and a preview of another policy.

use std::collections::{BTreeMap, HashMap};

use hrm_api::{Delivery, Status, TryLoginStatus};
use serde_json::json;
use sqlx::FromRow;

use super::format::{Format, format_rows};
use crate::challenge::ChallengeEnd;
use crate::clock::{Clock, Millis};
use crate::database::Tx;
use crate::email::Address;
use crate::policy::{Policy, Proof};
use crate::rules::Rules;
use crate::settings::default_settings_url;
use crate::snapshot::{self, Snapshot};
use crate::state;

/// Sorted by user name.
pub struct People {
    list: Vec<(String, Snapshot)>,
    /// By id: what the linking or unlinking waits for, or why there is no link.
    causes: HashMap<String, String>,
    now: Millis,
}

pub async fn read(tx: &mut Tx, company: &str) -> sqlx::Result<People> {
    let now = Clock::system_now();
    let ids: Vec<(String, String)> =
        sqlx::query_as("SELECT id, username_key FROM employees WHERE company_id = $1 ORDER BY username_key")
            .bind(company)
            .fetch_all(&mut **tx)
            .await?;
    let mut list = Vec::with_capacity(ids.len());
    for (id, username) in ids {
        if let Some(snapshot) = snapshot::read(tx, &id, now).await? {
            list.push((username, snapshot));
        }
    }
    let causes = read_causes(tx, company).await?;
    Ok(People { list, causes, now })
}

async fn read_causes(tx: &mut Tx, company: &str) -> sqlx::Result<HashMap<String, String>> {
    #[derive(FromRow)]
    struct Row {
        id: String,
        link_problem: Option<String>,
        linking_since: Option<i64>,
        linking_error: Option<String>,
        unlinking_since: Option<i64>,
        unlinking_error: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT employees.id, employees.link_problem,
                link_jobs.created_at AS linking_since, link_jobs.last_error AS linking_error,
                unlink_jobs.created_at AS unlinking_since, unlink_jobs.last_error AS unlinking_error
         FROM employees LEFT JOIN link_jobs ON link_jobs.employee_id = employees.id
         LEFT JOIN unlink_jobs ON unlink_jobs.employee_id = employees.id
         WHERE employees.company_id = $1",
    )
    .bind(company)
    .fetch_all(&mut **tx)
    .await?;
    let cause = |row: &Row| {
        if row.unlinking_since.is_some() {
            return Some(format!("unlinking: {}", row.unlinking_error.as_deref().unwrap_or("under way")));
        }
        if row.linking_since.is_some() {
            return Some(format!("waiting: {}", row.linking_error.as_deref().unwrap_or("under way")));
        }
        row.link_problem.clone()
    };
    Ok(rows.into_iter().filter_map(|row| Some((cause(&row)?, row.id))).map(|(cause, id)| (id, cause)).collect())
}

impl People {
    /// How many people have each address.
    fn owners(&self) -> HashMap<String, usize> {
        let mut owners = HashMap::new();
        for address in self.list.iter().flat_map(|(_, snapshot)| &snapshot.addresses) {
            *owners.entry(address_key(address)).or_default() += 1;
        }
        owners
    }
}

/// Addresses on the HRM record are compared without case.
fn address_key(address: &Address) -> String {
    address.mailbox().to_lowercase()
}

/// What a person's work address needs under a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Linked,
    /// There is no address.
    Address,
    /// Somebody else's record has the address too.
    OfTwo,
    NoCode,
    Code,
    DomainNotAllowed,
}

/// Without a look at others' records.
pub fn need(snapshot: &Snapshot, policy: &Policy) -> Need {
    match snapshot.addresses.first() {
        _ if snapshot.link.is_some() => Need::Linked,
        None => Need::Address,
        Some(address) => match policy.proof_for(address, &snapshot.addresses) {
            Ok(Proof::Company) => Need::NoCode,
            Ok(Proof::Code) => Need::Code,
            Err(_) => Need::DomainNotAllowed,
        },
    }
}

impl People {
    pub fn needs(&self, policy: &Policy) -> impl Iterator<Item = (&Snapshot, Need)> {
        let owners = self.owners();
        self.list.iter().map(move |(_, snapshot)| {
            let is_shared = snapshot.addresses.first().is_some_and(|address| owners[&address_key(address)] > 1);
            match need(snapshot, policy) {
                Need::NoCode | Need::Code | Need::DomainNotAllowed if is_shared => (snapshot, Need::OfTwo),
                need => (snapshot, need),
            }
        })
    }
}

/// Counts what the work addresses would need under a policy.
pub fn preview(people: &People, policy: &Policy) -> String {
    let (mut at_once, mut code, mut none, mut shared, mut refused, mut linked) = (0, 0, 0, 0, 0, 0);
    for (_, need) in people.needs(policy) {
        let counter = match need {
            Need::Linked => &mut linked,
            Need::Address => &mut none,
            Need::OfTwo => &mut shared,
            Need::NoCode => &mut at_once,
            Need::Code => &mut code,
            Need::DomainNotAllowed => &mut refused,
        };
        *counter += 1;
    }
    format!(
        "{at_once} would be linked at once, {code} need a code, {none} have no address, {shared} share one, \
         {refused} are in a domain that is not allowed, {linked} are linked already"
    )
}

pub fn progress(people: &People, format: Format) -> String {
    const COLUMNS: [&str; 9] = [
        "username",
        "first_name",
        "last_name",
        "status",
        "snoozed",
        "bounced",
        "no_address",
        "shared_address",
        "problem",
    ];
    let (rules, url, owners) = (Rules::default(), default_settings_url(), people.owners());
    let mut causes: BTreeMap<String, u32> = BTreeMap::new();
    let mut totals = vec![("linked", 0), ("linking", 0), ("code sent", 0), ("not started", 0)];
    let mut flags = vec![("snoozed", 0), ("bounced", 0), ("no address", 0), ("shared address", 0)];
    let mut tries = vec![("tried the new login", 0), ("tried with another account", 0)];
    let mut rows = Vec::with_capacity(people.list.len());
    for (username, snapshot) in &people.list {
        let state = state::project(snapshot, &rules, &url, people.now);
        let at = match state.status {
            Status::Linked => 0,
            Status::Linking => 1,
            Status::CodeSent => 2,
            Status::NotLinked => 3,
        };
        totals[at].1 += 1;
        let is = [
            state.banner.snoozed_until.is_some(),
            state.challenge.is_some_and(|challenge| challenge.delivery == Delivery::Bounced),
            snapshot.addresses.is_empty(),
            snapshot.addresses.first().is_some_and(|address| owners[&address_key(address)] > 1),
        ];
        for (total, is) in flags.iter_mut().zip(is) {
            total.1 += u32::from(is);
        }
        match snapshot.login_try.as_ref().map(|login_try| login_try.status) {
            Some(TryLoginStatus::Worked) => tries[0].1 += 1,
            Some(TryLoginStatus::OtherAccount) => tries[1].1 += 1,
            Some(TryLoginStatus::Waiting | TryLoginStatus::NotFinished) | None => {}
        }
        let end = snapshot.challenge.as_ref().and_then(|challenge| challenge.end);
        let person = &snapshot.person;
        let cause = people.causes.get(&person.id).map_or("", String::as_str);
        let problem = match end {
            _ if snapshot.is_deactivated => "deactivated",
            _ if rules.is_locked(snapshot.failed_attempts) => "locked",
            _ if !cause.is_empty() => cause,
            _ if snapshot.has_left(people.now) => "has left",
            Some(ChallengeEnd::AttemptsExhausted) => "too many wrong codes",
            _ => "",
        };
        if !problem.is_empty() {
            *causes.entry(problem.to_owned()).or_insert(0) += 1;
        }
        let mut row =
            vec![username.clone(), person.first_name.clone(), person.last_name.clone(), totals[at].0.to_owned()];
        row.extend(is.map(|is| if is { "yes" } else { "" }.to_owned()));
        row.push(problem.to_owned());
        rows.push(row);
    }
    totals.extend(flags);
    // Nobody asks where it cannot be tried.
    totals.extend(tries.into_iter().filter(|(_, sum)| *sum > 0));
    match format {
        Format::Table => {
            let sums: Vec<_> = totals.iter().map(|(name, sum)| format!("{sum} {name}")).collect();
            let causes: String = causes.iter().map(|(cause, sum)| format!("\n{sum} {cause}")).collect();
            format!("{}\n\n{}{causes}", format_rows(&COLUMNS, &rows, format), sums.join(", "))
        }
        Format::Csv => format_rows(&COLUMNS, &rows, format),
        Format::Json => {
            let people: serde_json::Value =
                serde_json::from_str(&format_rows(&COLUMNS, &rows, format)).unwrap_or_default();
            let sums: serde_json::Map<_, _> =
                totals.iter().map(|(name, sum)| (name.replace(' ', "_"), json!(sum))).collect();
            format!("{:#}", json!({ "sums": sums, "causes": causes, "people": people }))
        }
    }
}
