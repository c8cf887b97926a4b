//! Links everybody whose work address the company's policy trusts without a code, as the employee's own first press would.

use serde_json::{Value, json};

use super::audit;
use super::company::find_company;
use super::error::{Output, user_error};
use super::people::{self, Need};
use crate::challenge::ChallengeEnd;
use crate::clock::{Clock, Millis};
use crate::database::Database;
use crate::email::domain_key;
use crate::policy::Policy;
use crate::rules::Rules;
use crate::snapshot::{self, Snapshot};
use crate::{challenge_store, linking};

/// Nobody who cannot sign in, has left, is locked or being linked.
fn may_be_linked(snapshot: &Snapshot, policy: &Policy, now: Millis) -> bool {
    let is_out = snapshot.has_left(now) || snapshot.is_deactivated || snapshot.is_linking;
    !is_out && !snapshot.is_locked(&Rules::default(), now) && people::need(snapshot, policy) == Need::NoCode
}

/// `domain`: only addresses in it. Running backends make the links.
pub async fn verify_accounts(database: &Database, by: &str, company: &str, domain: Option<&str>, yes: bool) -> Output {
    let domain = match domain {
        Some(text) => Some(domain_key(text).ok_or_else(|| user_error(format!("{text} is not a domain.")))?),
        None => None,
    };
    let matching: Vec<String> = {
        let mut tx = database.begin_read().await?;
        let policy = find_company(&mut tx, company).await?.policy;
        let people = people::read(&mut tx, company).await?;
        let is_in_domain = |at: &str| domain.as_ref().is_none_or(|domain| domain == at);
        people
            .needs(&policy)
            // Not of two: their records have the same address.
            .filter(|(snapshot, need)| *need == Need::NoCode && may_be_linked(snapshot, &policy, Clock::system_now()))
            .map(|(snapshot, _)| snapshot)
            .filter(|snapshot| snapshot.addresses.first().is_some_and(|address| is_in_domain(address.domain())))
            .map(|snapshot| snapshot.person.id.clone())
            .collect()
    };
    if !yes {
        let count = matching.len();
        return Ok(format!("{count} people would be linked to their work address without a code. To do it: --yes"));
    }
    let mut begun = 0;
    for id in &matching {
        let now = Clock::system_now();
        let mut tx = database.begin_locked(id).await?;
        // What happened meanwhile counts.
        let policy = snapshot::read_policy(&mut tx, company).await?;
        let Some(snapshot) = snapshot::read(&mut tx, id, now).await? else { continue };
        let Some(address) = snapshot.addresses.first().filter(|_| may_be_linked(&snapshot, &policy, now)) else {
            continue;
        };
        // Codes on their way to another address would be for a challenge that is over.
        challenge_store::drop_challenge(&mut tx, id, now).await?;
        let end = Some(ChallengeEnd::Verified);
        let challenge = challenge_store::create_challenge(&mut tx, id, address, end, now).await?;
        linking::begin(&mut tx, id, &challenge, address, 0).await?;
        let new = json!({ "email": address.as_typed() });
        audit::record(&mut tx, by, "verify-accounts", &format!("employee {id}"), &Value::Null, &new).await?;
        tx.commit().await?;
        begun += 1;
    }
    Ok(format!("{begun} people are being linked by the running backends. admin progress shows how it went."))
}
