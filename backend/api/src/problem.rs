//! Problem documents (RFC 9457).

use serde::{Deserialize, Serialize};

/// A problem document (RFC 9457). `code` is for programs, `title` for people who read logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `about:blank#<code>`, since RFC 9457 requires a URI.
    pub r#type: String,
    /// See [`ProblemCode::title`].
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// The kind of problem.
    pub code: ProblemCode,
    /// Incorrect codes that are still allowed, with `code_wrong` and `code_format`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u32>,
    /// Seconds until the same call can succeed, with every 429 and 503, and with `request_in_progress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

macro_rules! problem_codes {
    ($($variant:ident = $name:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong. The word on the wire never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $(#[doc = $title] #[serde(rename = $name)] $variant,)*
        }

        impl ProblemCode {
            /// Every code, in the contract's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The HTTP status. [`ProblemCode::BodyInvalid`] can also be 413 or 415.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// A sentence for logs. The app has its own messages.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

problem_codes! {
    BadCredentials = "bad_credentials", 401, "The user name or the password is wrong.";
    SignedOut = "signed_out", 401, "The session has ended. Sign in again.";
    EmailInvalid = "email_invalid", 422, "This is not an e-mail address that can receive a code.";
    DomainNotAllowed = "domain_not_allowed", 422, "The company does not accept addresses in this domain.";
    ResendTooSoon = "resend_too_soon", 429, "A code was sent a moment ago.";
    TooManyCodes = "too_many_codes", 429, "Too many codes have been sent.";
    TooManyRequests = "too_many_requests", 429, "Too many requests.";
    CodeFormat = "code_format", 422, "This does not have the form of a code. It costs no attempt.";
    CodeWrong = "code_wrong", 422, "The code is not correct.";
    CodeExpired = "code_expired", 410, "The code has expired.";
    AttemptsExhausted = "attempts_exhausted", 409, "Too many incorrect codes. Start over.";
    NoChallenge = "no_challenge", 409, "There is no code to verify.";
    AlreadyLinked = "already_linked", 409, "The user is linked to a Visma Connect account.";
    // Does not say whose account it is.
    AccountTaken = "account_taken", 409, "This account cannot be linked. The administrator can help.";
    LinkingLocked = "linking_locked", 423, "Linking is locked. The administrator can unlock it.";
    NotLinked = "not_linked", 409, "The user is not linked to a Visma Connect account.";
    TryLoginOff = "try_login_off", 404, "The new login cannot be tried at this server.";
    IdempotencyKeyMissing = "idempotency_key_missing", 400, "The header Idempotency-Key is missing.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "This Idempotency-Key was used for another request.";
    RequestInProgress = "request_in_progress", 409, "The same request is still in progress.";
    BodyInvalid = "body_invalid", 400, "The request body is not valid for this call.";
    NotFound = "not_found", 404, "There is nothing at this path.";
    MethodNotAllowed = "method_not_allowed", 405, "This path does not support this method.";
    Unavailable = "unavailable", 503, "Temporarily unavailable.";
}

/// Written by hand: the derive does not see the names that the macro above passes to serde.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ProblemCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some("What went wrong. The word on the wire never changes."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ProblemCode {}

impl Problem {
    /// The problem document for a code, without extra members.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            r#type: format!("about:blank#{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            attempts_left: None,
            retry_after_seconds: None,
        }
    }

    /// Adds the incorrect codes that are still allowed.
    #[must_use]
    pub fn attempts_left(mut self, left: u32) -> Self {
        self.attempts_left = Some(left);
        self
    }

    /// Adds the seconds until the call can succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_serialises_as_its_word_on_the_wire() {
        for &code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn a_problem_omits_members_that_do_not_apply() {
        let json = serde_json::to_value(Problem::new(ProblemCode::CodeWrong).attempts_left(4)).unwrap();
        assert_eq!(json["attemptsLeft"], 4);
        assert!(json.get("retryAfterSeconds").is_none());
    }
}
