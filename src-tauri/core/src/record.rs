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
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedInRecord {
    pub(crate) employee: Employee,
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
        Self { employee, screen: Screen::Home, email_draft: None, cached_state: None, pending_send: None }
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
