//! What the device keeps between runs: enough to reopen on the right screen with the right text in the fields.
//!
//! Never a token, a password or a code: those have no place in these types.

use chrono::{DateTime, TimeDelta, Utc};
use hrm_api::{Employee, Language, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Place, ports::Clock, server_clock::ServerClock};

/// The whole record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Record {
    /// The last server, as it is shown.
    pub(crate) server: String,
    /// The last user name.
    pub(crate) username: String,
    /// The language that was chosen here.
    pub(crate) language: Option<Language>,
    /// The signed-in employee's part; wiped at sign-out.
    pub(crate) person: Option<Person>,
}

/// What belongs to the signed-in employee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person {
    pub(crate) employee: Employee,
    #[serde(default)]
    pub(crate) place: Place,
    /// The half-typed address.
    #[serde(default)]
    pub(crate) draft: Option<String>,
    /// The mirror of what the backend told last, and when that was.
    #[serde(default)]
    pub(crate) mirror: Option<Mirror>,
    /// A send whose answer never came.
    #[serde(default)]
    pub(crate) unanswered: Option<UnansweredSend>,
}

/// What the backend told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mirror {
    pub(crate) state: State,
    pub(crate) clock: ServerClock,
}

impl Mirror {
    /// Whether it says other things than `known` does, or the server's clock is elsewhere than that one supposes.
    pub(crate) fn is_news_to(&self, known: &Self, clock: &dyn Clock) -> bool {
        let State { server_time, .. } = known.state;
        let off = (self.state.server_time - known.clock.now(clock)).abs();
        off >= TimeDelta::seconds(1) || State { server_time, ..self.state.clone() } != known.state
    }
}

/// A send that may or may not have reached the backend. Repeating it with the same key makes one mail of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnansweredSend {
    pub(crate) email: String,
    pub(crate) key: Uuid,
    pub(crate) at: DateTime<Utc>,
}

impl UnansweredSend {
    /// Later than this, a repeat is a new wish for a code, not the old one again.
    const LIFE: TimeDelta = TimeDelta::minutes(10);

    pub(crate) fn is_the_same(&self, email: &str, now: DateTime<Utc>) -> bool {
        self.email == email && now >= self.at && now - self.at < Self::LIFE
    }
}

impl Person {
    pub(crate) fn new(employee: Employee) -> Self {
        Self { employee, place: Place::Home, draft: None, mirror: None, unanswered: None }
    }
}
