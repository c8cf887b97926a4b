//! Problems, RFC 9457, with a `code` that never changes.

use serde::{Deserialize, Serialize};

/// A problem document (RFC 9457). `code` is for programs, `title` and `detail` for people who read logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `about:blank#<code>`: RFC 9457 wants a URI, the code is what counts.
    pub r#type: String,
    /// What this kind of problem is.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// What happened.
    pub code: ProblemCode,
    /// Wrong codes that are still allowed, with `code_wrong` and `code_format`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u32>,
    /// After how many seconds the same call can work, with every 429 and 503, and with
    /// `request_in_progress`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, as a stable word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ProblemCode {
            /// Every code, in the contract's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The HTTP status that goes with it. [`ProblemCode::BodyInvalid`] can also be 413 or 415.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// A sentence for people who read logs. The app has its own sentences.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

problem_codes! {
    /// The user name or the password is wrong.
    BadCredentials = "bad_credentials", 401, "The user name or the password is wrong.";
    /// No session, or it has ended.
    SignedOut = "signed_out", 401, "The session has ended. Sign in again.";
    /// Not an e-mail address, or one that cannot get mail from here.
    EmailInvalid = "email_invalid", 422, "This is not an e-mail address that can receive a code.";
    /// The company does not accept addresses in this domain.
    DomainNotAllowed = "domain_not_allowed", 422, "The company does not accept addresses in this domain.";
    /// Less than 60 s since the last code.
    ResendTooSoon = "resend_too_soon", 429, "A code was sent a moment ago.";
    /// 5 codes in an hour, or 10 in a day.
    TooManyCodes = "too_many_codes", 429, "Too many codes have been sent.";
    /// Too many calls from this client.
    TooManyRequests = "too_many_requests", 429, "Too many requests.";
    /// Not six digits; costs no attempt.
    CodeFormat = "code_format", 422, "A code is six digits.";
    /// Not the code.
    CodeWrong = "code_wrong", 422, "The code is not right.";
    /// A code that was really issued to this employee and is over.
    CodeExpired = "code_expired", 410, "The code has expired.";
    /// Five wrong codes: the challenge is over.
    AttemptsExhausted = "attempts_exhausted", 409, "Too many wrong codes. Start over.";
    /// There is nothing to verify.
    NoChallenge = "no_challenge", 409, "No code is waiting to be entered.";
    /// The employee is linked.
    AlreadyLinked = "already_linked", 409, "The user is linked to a Visma Connect account.";
    /// The account cannot be linked to this user. Says nothing about whose it is.
    AccountTaken = "account_taken", 409, "This account cannot be linked. The administrator can help.";
    /// 100 failures in a row; an administrator lifts it.
    LinkingLocked = "linking_locked", 423, "Linking is locked. The administrator can lift it.";
    /// The header is not there.
    IdempotencyKeyMissing = "idempotency_key_missing", 400, "The header Idempotency-Key is missing.";
    /// The key was used with another body.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "This Idempotency-Key was used for another request.";
    /// A call with the same key and body still runs: come back for its answer.
    RequestInProgress = "request_in_progress", 409, "The same request is still being worked on.";
    /// Not JSON, the wrong shape, or over 16 KiB.
    BodyInvalid = "body_invalid", 400, "The request body is not what this call takes.";
    /// Nothing lives at this address.
    NotFound = "not_found", 404, "Nothing lives at this address.";
    /// The address exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "This address does not take this method.";
    /// Something behind the backend is out of reach.
    Unavailable = "unavailable", 503, "Out of reach for the moment.";
}

/// By hand: the derive does not see the names that the macro above gives to serde.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ProblemCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some("What went wrong, as a stable word."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ProblemCode {}

impl Problem {
    /// The problem document for a code, with no extra members.
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

    /// The same problem with the wrong codes that are still allowed.
    #[must_use]
    pub fn attempts_left(mut self, left: u32) -> Self {
        self.attempts_left = Some(left);
        self
    }

    /// The same problem with the seconds after which the call can work.
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
    fn a_code_is_written_as_its_stable_word() {
        for &code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn a_problem_leaves_out_members_that_do_not_apply() {
        let json = serde_json::to_value(Problem::new(ProblemCode::CodeWrong).attempts_left(4)).unwrap();
        assert_eq!(json["attemptsLeft"], 4);
        assert!(json.get("retryAfterSeconds").is_none());
    }
}
