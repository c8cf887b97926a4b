//! What is stored between runs: enough to reopen the right screen with the right text in the fields.
//!
//! Never a token, a password or a code: these types have no field for them.

use chrono::{DateTime, TimeDelta, Utc};
use hrm_api::{Employee, Language, State, Status};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ports::Clock,
    screen::{Edition, Screen},
    server_clock::ServerClock,
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Record {
    pub(crate) server: String,
    pub(crate) username: String,
    /// The language chosen in Settings.
    pub(crate) language: Option<Language>,
    /// Wiped at sign-out.
    pub(crate) signed_in: Option<SignedInRecord>,
    /// A credential store may hold tokens of ended sessions: they are deleted when it can be opened.
    pub(crate) tokens_to_delete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedInRecord {
    pub(crate) employee: Employee,
    /// Names the token of this sign-in in the credential store. Not a secret.
    #[serde(default)]
    pub(crate) sign_in: Uuid,
    #[serde(default)]
    pub(crate) screen: Screen,
    /// The half-typed address.
    #[serde(default)]
    pub(crate) email_draft: Option<String>,
    #[serde(default)]
    pub(crate) cached_state: Option<CachedState>,
    /// A send that got no answer.
    #[serde(default)]
    pub(crate) pending_send: Option<PendingSend>,
}

impl SignedInRecord {
    pub(crate) fn new(employee: Employee) -> Self {
        let sign_in = Uuid::nil();
        Self { employee, sign_in, screen: Screen::Home, email_draft: None, cached_state: None, pending_send: None }
    }

    /// Chooses the screen that the app reopens on.
    pub(crate) fn reopen(&mut self, edition: Edition) {
        // QA can start either edition with the same record; these two screens are desktop only.
        if edition == Edition::Mobile && matches!(self.screen, Screen::Profile | Screen::AccountSettings) {
            self.screen = Screen::VismaConnect;
        }
        // Phones end apps while people read their mail: come back to the code field.
        let code_sent = self.cached_state.as_ref().is_some_and(|cached| cached.state.status == Status::CodeSent);
        if code_sent && !self.screen.is_flow() {
            self.screen = edition.flow_screen();
        }
    }
}

/// The last state from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CachedState {
    pub(crate) state: State,
    pub(crate) clock: ServerClock,
}

impl CachedState {
    /// Decided here and not by the server, so that a snooze also ends while offline.
    pub(crate) fn banner_visible(&self, now: DateTime<Utc>) -> bool {
        self.state.status != Status::Linked && self.state.banner.snoozed_until.is_none_or(|until| until <= now)
    }

    /// Whether the content differs, or the server's clock is off by a second or more from what `known` predicts.
    pub(crate) fn differs_from(&self, known: &Self, clock: &dyn Clock) -> bool {
        let State { server_time, .. } = known.state;
        let drift = (self.state.server_time - known.clock.now(clock)).abs();
        drift >= TimeDelta::seconds(1) || State { server_time, ..self.state.clone() } != known.state
    }
}

/// A send that may or may not have reached the backend. Repeating it with the same idempotency key sends one mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingSend {
    pub(crate) email: String,
    pub(crate) key: Uuid,
    pub(crate) at: DateTime<Utc>,
}

impl PendingSend {
    /// After this, sending to the same address asks for a new code and does not repeat the old request.
    const LIFETIME: TimeDelta = TimeDelta::minutes(10);

    pub(crate) fn matches(&self, email: &str, now: DateTime<Utc>) -> bool {
        self.email == email && now >= self.at && now - self.at < Self::LIFETIME
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::server_clock::tests::FakeClock;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn device() -> FakeClock {
        FakeClock(Mutex::new((start(), Duration::ZERO)))
    }

    fn cached(status: &str, snoozed_until: Option<DateTime<Utc>>, clock: &FakeClock) -> CachedState {
        let state = json!({
            "serverTime": clock.wall(), "status": status, "suggestions": [],
            "banner": { "visible": true, "snoozedUntil": snoozed_until },
            "settingsUrl": { "desktop": "https://d.example/", "mobile": "https://m.example/" },
        });
        CachedState { state: serde_json::from_value(state).unwrap(), clock: ServerClock::synced(clock.wall(), clock) }
    }

    fn reopened(screen: Screen, status: &str, edition: Edition) -> Screen {
        let employee = json!({ "id": "1", "firstName": "A", "lastName": "B", "company": "C", "language": "en" });
        let mut record = SignedInRecord::new(serde_json::from_value(employee).unwrap());
        (record.screen, record.cached_state) = (screen, Some(cached(status, None, &device())));
        record.reopen(edition);
        record.screen
    }

    #[test]
    fn the_app_reopens_where_the_employee_left_it() {
        for edition in [Edition::Mobile, Edition::Desktop] {
            assert_eq!(reopened(Screen::Settings, "notLinked", edition), Screen::Settings);
        }
        assert_eq!(reopened(Screen::Profile, "notLinked", Edition::Desktop), Screen::Profile);
    }

    #[test]
    fn while_a_code_is_out_the_app_reopens_on_the_flow() {
        assert_eq!(reopened(Screen::Home, "codeSent", Edition::Mobile), Screen::VismaConnect);
        assert_eq!(reopened(Screen::Home, "codeSent", Edition::Desktop), Screen::AccountSettings);
        assert_eq!(reopened(Screen::VismaConnect, "codeSent", Edition::Desktop), Screen::VismaConnect);
    }

    #[test]
    fn desktop_screens_reopen_on_the_flow_of_the_mobile_edition() {
        for screen in [Screen::Profile, Screen::AccountSettings] {
            assert_eq!(reopened(screen, "notLinked", Edition::Mobile), Screen::VismaConnect);
        }
    }

    #[test]
    fn the_banner_shows_until_linked_except_while_snoozed() {
        let (clock, second) = (device(), TimeDelta::seconds(1));
        let now = start();
        for status in ["notLinked", "codeSent", "linking"] {
            assert!(cached(status, None, &clock).banner_visible(now));
            assert!(!cached(status, Some(now + second), &clock).banner_visible(now));
            assert!(cached(status, Some(now), &clock).banner_visible(now));
        }
        assert!(!cached("linked", None, &clock).banner_visible(now));
        assert!(!cached("linked", Some(now - second), &clock).banner_visible(now));
    }

    #[test]
    fn a_state_differs_by_content_or_by_a_second_of_drift() {
        let clock = device();
        let known = cached("notLinked", None, &clock);
        clock.advance(60);
        assert!(!cached("notLinked", None, &clock).differs_from(&known, &clock));
        assert!(cached("codeSent", None, &clock).differs_from(&known, &clock));
        let mut late = cached("notLinked", None, &clock);
        late.state.server_time -= TimeDelta::seconds(1);
        assert!(late.differs_from(&known, &clock));
        late.state.server_time += TimeDelta::milliseconds(1);
        assert!(!late.differs_from(&known, &clock));
    }

    #[test]
    fn a_pending_send_repeats_for_its_address_and_ten_minutes() {
        let send = PendingSend { email: "a@b.example".into(), key: Uuid::nil(), at: start() };
        let last = start() + TimeDelta::minutes(10);
        assert!(send.matches("a@b.example", start()));
        assert!(send.matches("a@b.example", last - TimeDelta::milliseconds(1)));
        assert!(!send.matches("a@b.example", last));
        assert!(!send.matches("a@b.example", start() - TimeDelta::milliseconds(1)));
        assert!(!send.matches("c@b.example", start()));
    }
}
