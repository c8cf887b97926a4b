//! The one value that the screens draw.
//!
//! Everything a screen shows is in [`View`]; the UI keeps no second truth. Rust makes a new one after every
//! command and every change from outside, and the UI draws it.

use chrono::{DateTime, Utc};
use hrm_api::{Account, Challenge, Employee, Language, Status};
use serde::{Deserialize, Serialize};

use crate::Problem;

/// Everything that the screens show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Counts up with every change: of two views the higher is the newer.
    pub revision: u32,
    /// Which face of the screens.
    pub edition: Edition,
    /// The language that the employee chose here; without one, the device's decides.
    pub language: Option<Language>,
    /// The screen.
    pub place: Place,
    /// The server's clock when this view was made, as well as it is known.
    pub server_time: DateTime<Utc>,
    /// Why what is shown may be old: the last background refresh failed. Cleared by the next that works.
    pub trouble: Option<Problem>,
    /// Signed out or signed in.
    pub phase: Phase,
}

/// Which wording, which places: the same flow with two faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Edition {
    /// Android and iOS.
    Mobile,
    /// Linux, macOS and Windows.
    Desktop,
}

/// A screen that the employee can be on while signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// Home, with the banner.
    #[default]
    Home,
    /// Settings.
    Settings,
    /// Settings > Visma Connect: the flow, on both editions.
    VismaConnect,
    /// My profile, on desktop.
    Profile,
    /// My profile > Account settings: the flow, on desktop.
    AccountSettings,
}

impl Place {
    /// Whether the flow itself is on this screen.
    pub fn is_flow(self) -> bool {
        matches!(self, Self::VismaConnect | Self::AccountSettings)
    }
}

/// Signed out or signed in.
#[expect(clippy::large_enum_variant, reason = "one of these exists at a time; a box would only be in the way")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "name", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Phase {
    /// The sign-in screen.
    SignedOut {
        /// The last server address, to fill the field.
        server: String,
        /// The last user name, to fill the field.
        username: String,
        /// Why the employee is here without having asked for it.
        notice: Option<Notice>,
    },
    /// Home, settings and the flow.
    SignedIn {
        /// Who.
        employee: Employee,
        /// The server address, for Settings.
        server: String,
        /// Where the employee stands; nothing until the backend, or the mirror on the device, has told.
        linking: Option<Linking>,
        /// Something that is worth a calm line while signed in.
        notice: Option<Notice>,
    },
}

/// Something the employee should know and did not ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Notice {
    /// The session was ended elsewhere, or has run out.
    SessionEnded,
    /// The device's credential store could not be read, so the session is gone.
    VaultUnreadable,
    /// The device has no credential store: the session lasts until the app closes.
    SessionInMemoryOnly,
}

/// Where the employee stands on the way to Visma Connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Linking {
    /// Where.
    pub status: Status,
    /// Whether the banner shows now.
    pub banner_visible: bool,
    /// What the address field holds: what was typed, else the challenge's address.
    pub email: String,
    /// Addresses on the HRM record, work address first.
    pub suggestions: Vec<String>,
    /// The live challenge; only in [`Status::CodeSent`].
    pub challenge: Option<Challenge>,
    /// The linked account; only in [`Status::Linked`].
    pub account: Option<Account>,
    /// The page where the account is managed, for this edition.
    pub settings_url: String,
}
