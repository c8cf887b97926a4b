//! The one value that the UI draws. Everything on a screen is in [`View`]; the UI keeps no state of its own.

use chrono::{DateTime, Utc};
use hrm_api::{Account, Challenge, Employee, Language, Status};
use serde::Serialize;

use crate::{
    problem::Problem,
    screen::{Edition, Screen},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Increases with every change: of two views the higher is the newer.
    pub revision: u32,
    pub edition: Edition,
    /// The language chosen in Settings; null means the device's language.
    pub language: Option<Language>,
    pub screen: Screen,
    /// Where the banner and the card on the home screen lead.
    pub flow_screen: Screen,
    /// Whether `screen` shows the linking flow.
    pub is_flow: bool,
    /// The server's clock when this view was made, as far as it is known.
    pub server_time: DateTime<Utc>,
    /// Why the cached state may be stale: the last background refresh failed. Cleared by the next success.
    pub sync_problem: Option<Problem>,
    /// Whether this device can open its e-mail app.
    pub can_open_email: bool,
    pub phase: Phase,
}

#[expect(clippy::large_enum_variant, reason = "only one exists at a time")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "name", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Phase {
    SignedOut {
        /// Prefills the server field.
        server: String,
        /// Prefills the user name field.
        username: String,
        /// Why the session ended, if the employee did not sign out.
        notice: Option<Notice>,
    },
    /// The credential store with the session could not be opened. What the employee typed is kept.
    Locked,
    SignedIn {
        employee: Employee,
        server: String,
        /// Null until the first state arrives from the server.
        linking: Option<Linking>,
        notice: Option<Notice>,
    },
}

/// Something the employee should know and did not ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Notice {
    /// The session expired or was ended elsewhere.
    SessionEnded,
    /// The credential store has no session for this employee and server.
    VaultUnreadable,
    /// There is no credential store: the session lasts until the app closes.
    SessionInMemoryOnly,
    /// The app's folder cannot be used: what is typed lasts until the app closes.
    NotSaved,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Linking {
    pub status: Status,
    /// Complete: no other condition applies.
    pub banner_visible: bool,
    /// The content of the address field: what was typed, else the challenge's address.
    pub email: String,
    /// Addresses on the HRM record, work address first.
    pub suggestions: Vec<String>,
    /// Only in `codeSent`.
    pub challenge: Option<Challenge>,
    /// Only in `linked`.
    pub account: Option<Account>,
    /// What the employee cannot change by trying again. Not of a call: those have their own answer.
    pub problem: Option<LinkingProblem>,
    /// Who can help; null if the company has told nothing that can be shown.
    pub contact: Option<Contact>,
    /// The practice of the new login; null if there is none.
    pub try_login: Option<TryLogin>,
    /// This edition's page for managing the account.
    pub settings_url: String,
}

/// The newest practice of the new login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TryLogin {
    NotTried,
    /// A browser is open with it, perhaps on another device. From `expiresAt` on it is `notFinished`.
    Waiting {
        expires_at: DateTime<Utc>,
    },
    Worked {
        at: DateTime<Utc>,
    },
    /// The employee signed in to an account that is not linked.
    OtherAccount,
    NotFinished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum LinkingProblem {
    /// Linking ended without a link: this address cannot be linked to this user. Only in `notLinked`.
    AccountTaken,
    /// Too many wrong codes: nothing can be sent or verified until the company unlocks it.
    LinkingLocked,
}

/// Who helps the company's people. What is here can be opened with `open_contact`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    pub name: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub url: Option<String>,
}
