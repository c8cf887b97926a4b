//! Turns an HTTP response into a value or a [`Problem`].
//!
//! Proxies, captive portals and mistyped addresses answer in place of the backend: nothing here trusts its input.

use hrm_api::ProblemCode;
use serde::de::DeserializeOwned;

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
    match serde_json::from_slice::<hrm_api::Problem>(body) {
        Ok(problem) => Err(problem_from_response(&problem, retry_after_seconds)),
        Err(_) if status >= 500 => Err(Problem::Unavailable { retry_after_seconds }),
        Err(_) => Err(Problem::Unexpected),
    }
}

fn problem_from_response(problem: &hrm_api::Problem, header: Option<u32>) -> Problem {
    let wait = problem.retry_after_seconds.or(header);
    let retry_after_seconds = wait.unwrap_or(RETRY_AFTER_SECONDS);
    match problem.code {
        ProblemCode::BadCredentials => Problem::BadCredentials,
        ProblemCode::SignedOut => Problem::SignedOut,
        ProblemCode::EmailInvalid => Problem::EmailInvalid,
        ProblemCode::DomainNotAllowed => Problem::DomainNotAllowed,
        ProblemCode::ResendTooSoon => Problem::ResendTooSoon { retry_after_seconds },
        ProblemCode::TooManyCodes => Problem::TooManyCodes { retry_after_seconds },
        ProblemCode::TooManyRequests => Problem::TooManyRequests { retry_after_seconds },
        ProblemCode::CodeFormat => Problem::CodeFormat,
        ProblemCode::CodeWrong => Problem::CodeWrong { attempts_left: problem.attempts_left.unwrap_or_default() },
        ProblemCode::CodeExpired => Problem::CodeExpired,
        ProblemCode::AttemptsExhausted => Problem::AttemptsExhausted,
        ProblemCode::NoChallenge => Problem::NoChallenge,
        ProblemCode::AlreadyLinked => Problem::AlreadyLinked,
        ProblemCode::AccountTaken => Problem::AccountTaken,
        ProblemCode::LinkingLocked => Problem::LinkingLocked,
        ProblemCode::Unavailable | ProblemCode::RequestInProgress => Problem::Unavailable { retry_after_seconds: wait },
        ProblemCode::NotFound => Problem::NotHrmServer,
        ProblemCode::IdempotencyKeyMissing
        | ProblemCode::IdempotencyKeyReused
        | ProblemCode::BodyInvalid
        | ProblemCode::MethodNotAllowed => Problem::Unexpected,
    }
}
