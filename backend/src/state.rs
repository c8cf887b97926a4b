//! The State of the contract, projected from a snapshot. Pure.

use hrm_api::{Banner, Challenge, SettingsUrl, State, Status};

use crate::clock::{Millis, date};
use crate::rules::Rules;
use crate::snapshot::Snapshot;

pub fn project(snapshot: &Snapshot, rules: &Rules, settings_url: &SettingsUrl, now: Millis) -> State {
    let challenge = snapshot.live_challenge(now).and_then(|challenge| {
        // Codes are sorted newest first, and superseded ones are older than live ones.
        let newest = snapshot.codes.iter().find(|code| code.challenge_id == challenge.id)?;
        Some(Challenge {
            email: challenge.address.as_typed().to_owned(),
            sent_at: date(newest.sent_at),
            expires_at: date(newest.expires_at),
            resend_at: date(rules.next_code_at(&snapshot.sent())),
            attempts_left: rules.attempts.saturating_sub(challenge.attempts),
            delivery: newest.delivery,
        })
    });
    let status = match (&snapshot.link, snapshot.is_linking, &challenge) {
        (Some(_), _, _) => Status::Linked,
        (None, true, _) => Status::Linking,
        (None, false, Some(_)) => Status::CodeSent,
        (None, false, None) => Status::NotLinked,
    };
    State {
        server_time: date(now),
        status,
        suggestions: snapshot.addresses.iter().map(|address| address.as_typed().to_owned()).collect(),
        banner: banner(status, snapshot.snoozed_until, now),
        challenge: challenge.filter(|_| status == Status::CodeSent),
        account: snapshot.link.clone(),
        settings_url: settings_url.clone(),
    }
}

/// The banner shows until the employee is linked, except while snoozed.
fn banner(status: Status, snoozed_until: Option<Millis>, now: Millis) -> Banner {
    let snoozed_until = snoozed_until.filter(|until| *until > now && status != Status::Linked);
    Banner { visible: status != Status::Linked && snoozed_until.is_none(), snoozed_until: snoozed_until.map(date) }
}

/// When the State next changes by time alone.
pub fn next_change(snapshot: &Snapshot, now: Millis) -> Option<Millis> {
    let expiries = snapshot.codes.iter().filter(|code| code.is_live(now)).map(|code| code.expires_at);
    expiries.chain(snapshot.snoozed_until).filter(|at| *at > now).min()
}
