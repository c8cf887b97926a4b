//! The contract between the app and the HRM backend, version 1. Both sides use these types.
//!
//! JSON with camelCase members, times in UTC as RFC 3339, errors as RFC 9457 `application/problem+json` with a stable
//! [`ProblemCode`]. Paths are in [`path`].

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod contact;
mod problem;
mod session;
mod settings_page;
mod state;

pub use contact::{Contact, ContactWay};
pub use problem::{Problem, ProblemCode};
pub use session::{Employee, SessionInfo, SignIn, SignedIn};
pub use settings_page::{SETTINGS_PAGE, settings_page, visma_page};
pub use state::{
    Account, Banner, Challenge, Company, Delivery, Language, Origin, SendCode, SettingsUrl, State, Status, TryLogin,
    TryLoginStarted, TryLoginStatus, VerifyCode,
};

/// How long the banner stays hidden, in hours. Part of the contract, because the app's button says it.
pub const SNOOZE_HOURS: i64 = 24;

/// Header that makes `POST /v1/me/visma-connect/codes` safe to repeat
/// (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The largest request body that the backend accepts.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// The paths of the contract.
pub mod path {
    /// `POST` signs in, `GET` returns the session, `DELETE` signs out.
    pub const SESSION: &str = "/v1/session";
    /// `GET` returns the [`State`](super::State) of the signed-in employee.
    pub const STATE: &str = "/v1/me/visma-connect";
    /// `POST` sends a code.
    pub const CODES: &str = "/v1/me/visma-connect/codes";
    /// `POST` verifies a code.
    pub const VERIFY: &str = "/v1/me/visma-connect/verify";
    /// `DELETE` starts over.
    pub const CHALLENGE: &str = "/v1/me/visma-connect/challenge";
    /// `PUT` hides the banner for a while.
    pub const SNOOZE: &str = "/v1/me/visma-connect/snooze";
    /// `POST` begins to practise the new login, `DELETE` gives it up.
    pub const TRY_LOGIN: &str = "/v1/me/visma-connect/try-login";
    /// `GET` takes the browser that comes back from Visma Connect.
    pub const CALLBACK: &str = "/v1/visma-connect/callback";
    /// `GET` opens a stream of events named `state`.
    pub const EVENTS: &str = "/v1/me/visma-connect/events";
    /// `GET` succeeds while the process is alive.
    pub const HEALTH: &str = "/healthz";
    /// `GET` succeeds while the database and the outbox are reachable.
    pub const READY: &str = "/readyz";
    /// `GET` returns metrics in the Prometheus text format.
    pub const METRICS: &str = "/metrics";
    /// `GET` returns the OpenAPI document.
    pub const OPENAPI: &str = "/openapi.json";
}
