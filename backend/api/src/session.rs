//! Sessions.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::state::Language;

/// The body of `POST /v1/session`. The password is not printed or serialised.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// Flex HRM user name, without regard to case.
    pub username: String,
    /// Flex HRM password.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: SecretString,
    /// [`SignedIn::device_token`] of this person's last sign-in on this device. With it, strangers who guess at the user
    /// name hold nobody up.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Password))]
    pub device_token: Option<SecretString>,
}

/// The response to a sign-in.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Bearer token of the new session. Only the backend's response serialises it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub token: SecretString,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub employee: Employee,
    /// For the next sign-in on this device. Signs nobody in by itself, and outlives the session. Empty from backends that
    /// have none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub device_token: String,
}

/// The response to `GET /v1/session`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
    /// Who is signed in.
    pub employee: Employee,
}

/// The signed-in employee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Employee {
    /// The HRM user id, opaque and stable.
    pub id: String,
    /// First name, as used in greetings.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The company's name.
    pub company: String,
    /// The language of the employee's mails.
    pub language: Language,
}
