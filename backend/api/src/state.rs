//! Where an employee stands on the way to a Visma Connect account.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Everything that the app shows about the employee's way to Visma Connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The backend's clock when this answer was made. Every other time here is by the same clock.
    pub server_time: DateTime<Utc>,
    /// Where the employee stands.
    pub status: Status,
    /// Addresses on the HRM record: the work address first, no duplicates (compared without case).
    pub suggestions: Vec<String>,
    /// Whether the banner shows.
    pub banner: Banner,
    /// The live challenge; only in [`Status::CodeSent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// The linked account; only in [`Status::Linked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The page where the employee manages the Visma Connect account.
    pub settings_url: SettingsUrl,
}

/// Where an employee stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// No link and no live challenge.
    NotLinked,
    /// A code was sent and can still be entered.
    CodeSent,
    /// The address is proved; the account is being created or linked.
    Linking,
    /// The lasting pair of HRM user and Visma Connect account exists.
    Linked,
}

/// The banner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Banner {
    /// True while the employee is not linked and has not snoozed, by the server's clock.
    pub visible: bool,
    /// When the banner comes back, if it is hidden.
    pub snoozed_until: Option<DateTime<Utc>>,
}

/// One attempt to prove one e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// The address that is being proved.
    pub email: String,
    /// When the newest code was made.
    pub sent_at: DateTime<Utc>,
    /// When the newest code stops working.
    pub expires_at: DateTime<Utc>,
    /// From when another code can be asked for.
    pub resend_at: DateTime<Utc>,
    /// Wrong codes that are still allowed.
    pub attempts_left: u32,
    /// What is known of the newest mail.
    pub delivery: Delivery,
}

/// What is known of a mail on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// In the outbox.
    Queued,
    /// The mail server took it.
    Accepted,
    /// The mail server asked to try later, or could not be reached; it is tried again.
    Deferred,
    /// The mail server refused it for good, or it could no longer arrive in time.
    Bounced,
}

/// The linked Visma Connect account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The address it was linked with.
    pub email: String,
    /// When.
    pub linked_at: DateTime<Utc>,
    /// Whether the account was made for this link or was there before.
    pub origin: Origin,
}

/// Where a linked account came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Created in the employee's name.
    Created,
    /// The employee had it already.
    Existing,
}

/// Where the employee manages the account, per edition of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SettingsUrl {
    /// For Linux, macOS and Windows.
    pub desktop: String,
    /// For Android and iOS.
    pub mobile: String,
}

/// The body of `POST /v1/me/visma-connect/codes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SendCode {
    /// The address to prove.
    pub email: String,
}

/// The body of `POST /v1/me/visma-connect/verify`. The code is readable and not printable.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VerifyCode {
    /// The six digits from the mail.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "123456"))]
    pub code: secrecy::SecretString,
}

/// A language of the interface and of the mails (BCP 47).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Swedish.
    Sv,
    /// Norwegian Bokmål.
    Nb,
    /// Danish.
    Da,
    /// Finnish.
    Fi,
}
