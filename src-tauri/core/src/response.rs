//! Turns an HTTP response into a value or a [`Problem`].
//!
//! Proxies, captive portals and mistyped addresses answer in place of the backend: nothing here trusts its input.

use hrm_api::ProblemCode;
use serde::{Deserialize, de::DeserializeOwned};

use crate::problem::Problem;

/// The default when a 429 names no time.
const RETRY_AFTER_SECONDS: u32 = 60;

/// The media type of a `Content-Type`, without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether the HRM backend could have sent it: no other body is read.
pub(crate) fn is_json(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "application/problem+json")
}

/// Parses a complete response. `retry_after_seconds` comes from the header.
///
/// # Errors
/// The backend's own problem, or the one that fits a response from something else.
pub fn parse<T: DeserializeOwned>(
    status: u16,
    media_type: &str,
    retry_after_seconds: Option<u32>,
    body: &[u8],
) -> Result<T, Problem> {
    if !is_json(media_type) {
        return Err(match status {
            500.. => Problem::Unavailable { retry_after_seconds },
            407 => Problem::ProxyRefused,
            429 => Problem::TooManyRequests { retry_after_seconds: retry_after_seconds.unwrap_or(RETRY_AFTER_SECONDS) },
            _ => Problem::NotHrmServer,
        });
    }
    if (200..300).contains(&status) {
        return serde_json::from_slice(body).map_err(|_| Problem::Unexpected);
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => Err(problem_of(&refusal, status, retry_after_seconds)),
        Err(_) if status >= 500 => Err(Problem::Unavailable { retry_after_seconds }),
        Err(_) => Err(Problem::Unexpected),
    }
}

/// What the app reads of a [`hrm_api::Problem`], whose code may be newer than this app.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    code: String,
    attempts_left: Option<u32>,
    retry_after_seconds: Option<u32>,
}

fn problem_of(refusal: &Refusal, status: u16, header: Option<u32>) -> Problem {
    let wait = refusal.retry_after_seconds.or(header);
    let retry_after_seconds = wait.unwrap_or(RETRY_AFTER_SECONDS);
    let Some(code) = ProblemCode::ALL.iter().find(|code| code.as_str() == refusal.code) else {
        // The status says what kind of problem an unknown one is (RFC 9110, 15).
        return match status {
            401 => Problem::SignedOut,
            429 => Problem::TooManyRequests { retry_after_seconds },
            500.. => Problem::Unavailable { retry_after_seconds: wait },
            _ => Problem::Unexpected,
        };
    };
    match code {
        ProblemCode::BadCredentials => Problem::BadCredentials,
        ProblemCode::SignedOut => Problem::SignedOut,
        ProblemCode::EmailInvalid => Problem::EmailInvalid,
        ProblemCode::DomainNotAllowed => Problem::DomainNotAllowed,
        ProblemCode::ResendTooSoon => Problem::ResendTooSoon { retry_after_seconds },
        ProblemCode::TooManyCodes => Problem::TooManyCodes { retry_after_seconds },
        ProblemCode::TooManyRequests => Problem::TooManyRequests { retry_after_seconds },
        ProblemCode::CodeFormat => Problem::CodeFormat,
        ProblemCode::CodeWrong => Problem::CodeWrong { attempts_left: refusal.attempts_left.unwrap_or_default() },
        ProblemCode::CodeExpired => Problem::CodeExpired,
        ProblemCode::AttemptsExhausted => Problem::AttemptsExhausted,
        ProblemCode::NoChallenge => Problem::NoChallenge,
        ProblemCode::AlreadyLinked => Problem::AlreadyLinked,
        ProblemCode::AccountTaken => Problem::AccountTaken,
        ProblemCode::LinkingLocked => Problem::LinkingLocked,
        ProblemCode::Unavailable | ProblemCode::RequestInProgress => Problem::Unavailable { retry_after_seconds: wait },
        ProblemCode::NotFound => Problem::NotHrmServer,
        // The State that comes next says what is true now.
        ProblemCode::NotLinked
        | ProblemCode::TryLoginOff
        | ProblemCode::IdempotencyKeyMissing
        | ProblemCode::IdempotencyKeyReused
        | ProblemCode::BodyInvalid
        | ProblemCode::MethodNotAllowed => Problem::Unexpected,
    }
}
