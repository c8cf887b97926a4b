//! The State of the contract, projected from a snapshot. Pure.

use hrm_api::{Banner, Challenge, Company, Contact, ProblemCode, SettingsUrl, State, Status, TryLogin, TryLoginStatus};

use crate::challenge::ChallengeEnd;
use crate::clock::{Millis, date};
use crate::rules::Rules;
use crate::snapshot::{LoginTry, Snapshot};

pub fn project(snapshot: &Snapshot, rules: &Rules, settings_url: &SettingsUrl, now: Millis) -> State {
    let challenge = snapshot.live_challenge(now).and_then(|challenge| {
        // Codes are sorted newest first, and superseded ones are older than live ones.
        let newest = snapshot.codes.iter().find(|code| code.challenge_id == challenge.id)?;
        Some(Challenge {
            email: challenge.address.as_typed().to_owned(),
            sent_at: date(newest.sent_at),
            expires_at: date(newest.expires_at),
            resend_at: date(rules.next_code_at(&snapshot.sent(now))),
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
        revision: snapshot.revision,
        status,
        suggestions: snapshot.addresses.iter().map(|address| address.as_typed().to_owned()).collect(),
        banner: banner(status, rules.snoozed_until(snapshot.snoozed_until, now)),
        challenge: challenge.filter(|_| status == Status::CodeSent),
        account: snapshot.link.clone(),
        problem: problem(snapshot, status, rules, now).map(|code| code.as_str().to_owned()),
        try_login: rules.try_login.filter(|_| status == Status::Linked).map(|_| try_login(snapshot, now)),
        settings_url: settings_url.clone(),
        company: (snapshot.contact != Contact::default()).then(|| Company { contact: Some(snapshot.contact.clone()) }),
    }
}

/// What a call would end with, or why the last linking ended without a link, which nobody may have waited for.
fn problem(snapshot: &Snapshot, status: Status, rules: &Rules, now: Millis) -> Option<ProblemCode> {
    match status {
        Status::NotLinked | Status::CodeSent if snapshot.is_locked(rules, now) => {
            return Some(ProblemCode::LinkingLocked);
        }
        Status::NotLinked => {}
        Status::CodeSent | Status::Linking | Status::Linked => return None,
    }
    match snapshot.challenge.as_ref()?.end? {
        ChallengeEnd::AccountTaken | ChallengeEnd::AccountRefused => Some(ProblemCode::AccountTaken),
        ChallengeEnd::Verified | ChallengeEnd::AttemptsExhausted | ChallengeEnd::Abandoned => None,
    }
}

/// A try that waited for too long was not finished.
fn try_login(snapshot: &Snapshot, now: Millis) -> Option<TryLogin> {
    let LoginTry { status, at, until } = *snapshot.login_try.as_ref()?;
    Some(match until.filter(|_| status == TryLoginStatus::Waiting) {
        Some(until) if now < until => TryLogin { status, at: date(at), expires_at: Some(date(until)) },
        Some(until) => TryLogin { status: TryLoginStatus::NotFinished, at: date(until), expires_at: None },
        None => TryLogin { status, at: date(at), expires_at: None },
    })
}

/// The banner shows until the employee is linked, except while snoozed.
fn banner(status: Status, snoozed_until: Option<Millis>) -> Banner {
    let snoozed_until = snoozed_until.filter(|_| status != Status::Linked);
    Banner { visible: status != Status::Linked && snoozed_until.is_none(), snoozed_until: snoozed_until.map(date) }
}

/// When the State next changes by time alone.
pub fn next_change(snapshot: &Snapshot, now: Millis) -> Option<Millis> {
    let expiries = snapshot.codes.iter().filter(|code| code.is_live(now)).map(|code| code.expires_at);
    let login_try = snapshot.login_try.as_ref().and_then(|login_try| login_try.until);
    expiries.chain(snapshot.snoozed_until).chain(login_try).filter(|at| *at > now).min()
}

#[cfg(test)]
pub(crate) mod tests {
    use hrm_api::{Account, Delivery, Language, Origin};

    use super::*;
    use crate::challenge::{Challenge as ChallengeRow, CodeStatus, IssuedCode};
    use crate::clock::{HOUR, MINUTE};
    use crate::email::Address;
    use crate::keys::CodeMac;
    use crate::snapshot::Person;

    pub(crate) const NOW: Millis = 1_800_000_000_000;

    fn code(challenge: &str, sent_at: Millis) -> IssuedCode {
        IssuedCode {
            id: format!("{challenge}-{sent_at}"),
            challenge_id: challenge.into(),
            mailbox: "anna@company.com".into(),
            mac: CodeMac { key_id: String::new(), mac: String::new() },
            sent_at,
            expires_at: sent_at + 30 * MINUTE,
            status: CodeStatus::Active,
            delivery: Delivery::Accepted,
        }
    }

    /// With a live challenge, its two codes, and a newer code of another challenge.
    pub(crate) fn snapshot() -> Snapshot {
        let address = Address::parse("anna@company.com").unwrap();
        let text = String::new;
        Snapshot {
            person: Person {
                id: text(),
                company_id: text(),
                first_name: text(),
                last_name: text(),
                language: Language::En,
                country: text(),
            },
            revision: 7,
            addresses: vec![address.clone()],
            failed_attempts: 0,
            snoozed_until: None,
            is_deactivated: false,
            leaves_on: None,
            contact: Contact::default(),
            challenge: Some(ChallengeRow { id: "own".into(), address, attempts: 2, end: None, taken_user_id: None }),
            codes: vec![code("other", NOW), code("own", NOW - MINUTE), code("own", NOW - 5 * MINUTE)],
            is_linking: false,
            link: None,
            login_try: None,
        }
    }

    fn state(snapshot: &Snapshot) -> State {
        project(snapshot, &Rules::default(), &crate::settings::default_settings_url(), NOW)
    }

    #[test]
    fn a_live_challenge_shows_its_own_newest_code() {
        let state = state(&snapshot());
        let challenge = state.challenge.unwrap();
        assert_eq!(state.status, Status::CodeSent);
        assert_eq!(challenge.sent_at, date(NOW - MINUTE));
        assert_eq!(challenge.expires_at, date(NOW + 29 * MINUTE));
        assert_eq!(challenge.resend_at, date(NOW + MINUTE));
        assert_eq!(challenge.attempts_left, 3);
    }

    #[test]
    fn a_link_job_or_a_link_hides_the_challenge() {
        let mut snapshot = snapshot();
        snapshot.is_linking = true;
        assert_eq!((state(&snapshot).status, state(&snapshot).challenge), (Status::Linking, None));
        snapshot.link =
            Some(Account { email: "anna@company.com".into(), linked_at: date(NOW), origin: Origin::Created });
        assert_eq!((state(&snapshot).status, state(&snapshot).challenge), (Status::Linked, None));
        assert!(state(&snapshot).account.is_some());
    }

    #[test]
    fn a_lock_is_told_until_the_employee_is_linking() {
        let mut snapshot = snapshot();
        assert_eq!((state(&snapshot).status, state(&snapshot).problem), (Status::CodeSent, None));
        snapshot.failed_attempts = 100;
        let locked = Some("linking_locked".to_owned());
        assert_eq!((state(&snapshot).status, state(&snapshot).problem), (Status::CodeSent, locked.clone()));
        let mut without_codes = Snapshot { codes: Vec::new(), ..snapshot };
        let taken = without_codes.challenge.as_mut().unwrap();
        taken.end = Some(ChallengeEnd::AccountTaken);
        assert_eq!((state(&without_codes).status, state(&without_codes).problem), (Status::NotLinked, locked.clone()));
        without_codes.is_linking = true;
        assert_eq!((state(&without_codes).status, state(&without_codes).problem), (Status::Linking, None));
        (without_codes.is_linking, without_codes.failed_attempts) = (false, 0);
        assert_eq!(state(&without_codes).problem.as_deref(), Some("account_taken"));
        // Who left keeps no link, so that a call ends with the same problem.
        without_codes.leaves_on = Some("2020-01-01".into());
        assert_eq!(state(&without_codes).problem, locked);
    }

    #[test]
    fn a_company_without_a_contact_is_not_in_the_state() {
        let mut snapshot = snapshot();
        assert_eq!(state(&snapshot).company, None);
        snapshot.contact.phone = Some("08-555 010 00".into());
        let json = serde_json::to_value(state(&snapshot)).unwrap();
        assert_eq!(json["company"], serde_json::json!({ "contact": { "phone": "08-555 010 00" } }));
    }

    #[test]
    fn the_banner_shows_until_linked_except_while_snoozed() {
        for (status, snoozed_until, visible) in [
            (Status::NotLinked, None, true),
            (Status::CodeSent, Some(NOW), true),
            (Status::NotLinked, Some(NOW - 1), true),
            (Status::NotLinked, Some(NOW + 1), false),
            // Written while the clock was wrong.
            (Status::NotLinked, Some(NOW + 25 * HOUR), true),
            (Status::Linked, None, false),
            (Status::Linked, Some(NOW + 1), false),
        ] {
            let banner = banner(status, Rules::default().snoozed_until(snoozed_until, NOW));
            assert_eq!(banner.visible, visible, "{status:?} {snoozed_until:?}");
            let snoozed = !visible && status != Status::Linked;
            assert_eq!(banner.snoozed_until, snoozed_until.filter(|_| snoozed).map(date));
        }
    }

    #[test]
    fn the_state_next_changes_at_an_expiry_or_a_snoozes_end() {
        let mut snapshot = snapshot();
        assert_eq!(next_change(&snapshot, NOW), Some(NOW + 25 * MINUTE));
        snapshot.snoozed_until = Some(NOW + 1);
        assert_eq!(next_change(&snapshot, NOW), Some(NOW + 1));
        assert_eq!(next_change(&snapshot, NOW + 1), Some(NOW + 25 * MINUTE));
        assert_eq!(next_change(&snapshot, NOW + HOUR), None);
    }
}
