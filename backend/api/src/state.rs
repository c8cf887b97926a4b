//! An employee's progress towards a Visma Connect account.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::contact::Contact;

/// Everything that the app shows of an employee's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The time of this response by the backend's clock, as are all other times here.
    pub server_time: DateTime<Utc>,
    /// Rises with every change of this employee; passing time alone does not raise it. Of two States the newer one has the
    /// higher `revision`, then the later `serverTime`. 0 from backends that have none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub revision: u64,
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
    /// The code of a problem that the next call would end with, or the last linking ended with. So far `account_taken`, only in
    /// [`Status::NotLinked`] and until the employee starts another: this address cannot be linked to this user; and
    /// `linking_locked`, in [`Status::NotLinked`] and [`Status::CodeSent`]: only the company can unlock it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The employee's practice of the new login: absent if it cannot be tried (the server is not set up for it, or the employee
    /// is not linked), null if it was not tried yet.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub try_login: Option<Option<TryLogin>>,
    /// The page where the employee manages the Visma Connect account.
    pub settings_url: SettingsUrl,
    /// The employee's company; absent if there is nothing to show of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Company>,
}

/// Tells a null from an absent member.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The newest practice of the new login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TryLogin {
    /// How it went.
    pub status: TryLoginStatus,
    /// When it ended; while it waits, when it began.
    pub at: DateTime<Utc>,
    /// Until when it waits; only in [`TryLoginStatus::Waiting`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub expires_at: Option<DateTime<Utc>>,
}

/// How a practice of the new login went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::EnumString)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum TryLoginStatus {
    /// A browser is open with it.
    Waiting,
    /// The employee signed in to the linked account.
    Worked,
    /// The employee signed in to an account that is not linked.
    OtherAccount,
    /// Cancelled, failed, or not finished in time.
    NotFinished,
}

/// The answer of `POST /v1/me/visma-connect/try-login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TryLoginStarted {
    /// To be opened in the system's browser.
    pub authorize_url: String,
    /// Until when the backend waits for the browser.
    pub expires_at: DateTime<Utc>,
}

/// What the app shows of the employee's company.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Company {
    /// Who helps the company's people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

/// The step that an employee is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::EnumString)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::EnumString)]
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
    /// Not sent, and not because of the address: the company's mail server was out of order for too long.
    Failed,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::EnumString)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, strum::IntoStaticStr, strum::EnumString)]
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

/// Reads a word that this version does not know as `$fallback`: a newer backend must not stop an older app.
macro_rules! unknown_words {
    ($($(#[doc = $why:literal])* $ty:ident => $fallback:ident;)*) => {$(
        $(#[doc = $why])*
        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Ok(word.parse().unwrap_or(Self::$fallback))
            }
        }
    )*};
}

unknown_words! {
    /// The employee can act, and the backend decides. [`State::read_unknown_status`] knows more.
    Status => NotLinked;
    /// Tells where to look for the mail, and does not blame the address.
    Delivery => Accepted;
    /// Promises no new account.
    Origin => Existing;
    /// Offers to try again.
    TryLoginStatus => NotFinished;
    /// As for a company without a language.
    Language => En;
}

impl State {
    /// A status that was read as [`Status::NotLinked`] next to an account or a challenge was an unknown word: the members
    /// say which of the known steps it is most like.
    pub fn read_unknown_status(&mut self) {
        if self.status == Status::NotLinked {
            self.status = match (&self.account, &self.challenge) {
                (Some(_), _) => Status::Linked,
                (None, Some(_)) => Status::CodeSent,
                (None, None) => Status::NotLinked,
            };
        }
    }
}
