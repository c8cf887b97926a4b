//! Who is signed in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::Language;

/// The body of `POST /v1/session`. The password can be read from JSON and is never written back or printed.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// Flex HRM user name, compared without case.
    pub username: String,
    /// Flex HRM password.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub password: SecretString,
}

/// The answer to a sign-in.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Bearer token of the new session. Printed and serialised by nobody but the backend's own answer.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password))]
    pub token: SecretString,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub employee: Employee,
}

/// The answer to `GET /v1/session`.
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
    /// The HRM user id: opaque, stable.
    pub id: String,
    /// First name, as the mail greets.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The company's name.
    pub company: String,
    /// The language of the employee's mails.
    pub language: Language,
}
