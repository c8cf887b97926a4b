//! The State that follows from a snapshot. Pure.

use hrm_api::{Banner, Challenge, SettingsUrl, State, Status};

use crate::clock::{Millis, date};
use crate::rules::Rules;
use crate::snapshot::Snapshot;

/// The State that the app gets.
pub fn project(snapshot: &Snapshot, rules: &Rules, settings_url: &SettingsUrl, now: Millis) -> State {
    let challenge = snapshot.live_challenge(now).and_then(|(challenge, address)| {
        // Newest first, and displaced ones are older than live ones.
        let newest = snapshot.codes.iter().position(|code| code.challenge == challenge.id)?;
        Some(Challenge {
            email: address.as_typed().to_owned(),
            sent_at: date(snapshot.codes[newest].sent_at),
            expires_at: date(snapshot.codes[newest].expires_at),
            resend_at: date(rules.next_code_at(&snapshot.sent())),
            attempts_left: rules.attempts.saturating_sub(challenge.attempts),
            delivery: snapshot.code_details[newest].delivery,
        })
    });
    let status = match (&snapshot.link, snapshot.is_linking, &challenge) {
        (Some(_), _, _) => Status::Linked,
        (None, true, _) => Status::Linking,
        (None, false, Some(_)) => Status::CodeSent,
        (None, false, None) => Status::NotLinked,
    };
    let snoozed_until = snapshot.snoozed_until.filter(|until| *until > now && status != Status::Linked);
    State {
        server_time: date(now),
        status,
        suggestions: snapshot.addresses.iter().map(|address| address.as_typed().to_owned()).collect(),
        banner: Banner {
            visible: status != Status::Linked && snoozed_until.is_none(),
            snoozed_until: snoozed_until.map(date),
        },
        challenge: challenge.filter(|_| status == Status::CodeSent),
        account: snapshot.link.clone(),
        settings_url: settings_url.clone(),
    }
}

/// The next moment at which the State changes by time alone.
pub fn next_change(snapshot: &Snapshot, now: Millis) -> Option<Millis> {
    let expiries = snapshot.codes.iter().filter(|code| code.is_live(now)).map(|code| code.expires_at);
    expiries.chain(snapshot.snoozed_until).filter(|at| *at > now).min()
}
