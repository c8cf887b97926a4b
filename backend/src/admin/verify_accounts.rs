//! Links everybody whose work address the company's policy trusts without a code, as the employee's own first press would.

use serde_json::{Value, json};

use super::audit;
use super::company::find_company;
use super::error::{Output, user_error};
use super::people::{self, Need};
use crate::challenge::ChallengeEnd;
use crate::clock::Clock;
use crate::database::Database;
use crate::email::domain_key;
use crate::rules::Rules;
use crate::{challenge_store, linking, snapshot};

/// `domain`: only addresses in it. Running backends make the links.
pub async fn verify_accounts(database: &Database, by: &str, company: &str, domain: Option<&str>, yes: bool) -> Output {
    let (policy, matching) = {
        let mut tx = database.begin_read().await?;
        let policy = find_company(&mut tx, company).await?.policy;
        let people = people::read(&mut tx, company).await?;
        let domain = match domain {
            Some(text) => Some(domain_key(text).ok_or_else(|| user_error(format!("{text} is not a domain.")))?),
            None => None,
        };
        let is_in_domain = |at: &str| domain.as_ref().is_none_or(|domain| domain == at);
        let matching: Vec<_> = people
            .needs(&policy)
            .filter(|(_, need)| *need == Need::NoCode)
            .map(|(snapshot, _)| snapshot)
            .filter(|snapshot| snapshot.addresses.first().is_some_and(|address| is_in_domain(address.domain())))
            .map(|snapshot| snapshot.person.id.clone())
            .filter(|id| !people.is_deactivated(id))
            .collect();
        (policy, matching)
    };
    if !yes {
        return Ok(format!(
            "{} people would be linked to their work address without a code. To do it: --yes",
            matching.len()
        ));
    }
    let (rules, mut begun) = (Rules::default(), 0);
    for id in &matching {
        let now = Clock::system_now();
        let mut tx = database.begin_locked(id).await?;
        // What the person did meanwhile counts.
        let Some(snapshot) = snapshot::read(&mut tx, id, now).await? else { continue };
        let Some(address) = snapshot.addresses.first() else { continue };
        if people::need(&snapshot, &policy) != Need::NoCode || snapshot.is_linking || snapshot.is_locked(&rules, now) {
            continue;
        }
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
