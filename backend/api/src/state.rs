//! An employee's progress towards a Visma Connect account.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Everything that the app shows of an employee's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The time of this response by the backend's clock, as are all other times here.
    pub server_time: DateTime<Utc>,
    /// The step that the employee is at.
    pub status: Status,
    /// Addresses on the HRM record: work address first, no duplicates (compared without case).
    pub suggestions: Vec<String>,
    /// The banner.
    pub banner: Banner,
    /// The live challenge; only in [`Status::CodeSent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// The linked account; only in [`Status::Linked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The code of the problem that ended the last linking, until the employee starts another; only in
    /// [`Status::NotLinked`]. So far `account_taken`: this address cannot be linked to this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The page where the employee manages the Visma Connect account.
    pub settings_url: SettingsUrl,
}

/// The step that an employee is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// No link and no live challenge.
    NotLinked,
    /// A code was sent and still works.
    CodeSent,
    /// The address is verified, and the account is being created or linked.
    Linking,
    /// The HRM user is linked to a Visma Connect account.
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

/// One attempt to verify one e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// The address to verify.
    pub email: String,
    /// When the newest code was sent.
    pub sent_at: DateTime<Utc>,
    /// When the newest code stops working.
    pub expires_at: DateTime<Utc>,
    /// When another code can be sent.
    pub resend_at: DateTime<Utc>,
    /// Incorrect codes that are still allowed.
    pub attempts_left: u32,
    /// The delivery of the newest mail.
    pub delivery: Delivery,
}

/// The delivery of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "lowercase")]
pub enum Delivery {
    /// In the outbox.
    Queued,
    /// The mail server accepted it.
    Accepted,
    /// The mail server asked to try later, or could not be reached. It will be retried.
    Deferred,
    /// The mail server rejected it for good, or it could no longer arrive in time.
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
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// Whether the account was created for this link.
    pub origin: Origin,
}

/// Where a linked account came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "lowercase")]
pub enum Origin {
    /// Created for this link.
    Created,
    /// The employee already had it.
    Existing,
}

/// Where the employee manages the account, by edition of the app.
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
    /// The address to verify.
    pub email: String,
}

/// The body of `POST /v1/me/visma-connect/verify`. The code is not printed or serialised.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VerifyCode {
    /// The six digits from the mail.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "123456"))]
    pub code: secrecy::SecretString,
}

/// A language of the interface and of the mails (BCP 47).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
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
