//! What an answer of the backend means, whoever gave it: a [`State`](hrm_api::State), or a [`Problem`].
//!
//! Between the app and the backend stand proxies, captive portals and mistyped addresses: nothing here trusts what it reads.

use hrm_api::ProblemCode;
use serde::de::DeserializeOwned;

use crate::Problem;

/// The media type of a `Content-Type`, without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a backend of the contract could have said it: only then is a body worth reading.
pub(crate) fn is_json(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "application/problem+json")
}

/// Reads a whole answer. `retry_after_seconds` is the header's.
///
/// # Errors
/// The [`Problem`] that the backend told, or what the answer shows of whoever gave it.
pub fn read<T: DeserializeOwned>(
    status: u16,
    media_type: &str,
    retry_after_seconds: Option<u32>,
    body: &[u8],
) -> Result<T, Problem> {
    if !is_json(media_type) {
        return Err(match status {
            500.. => Problem::Unavailable { retry_after_seconds },
            429 => Problem::TooManyRequests { retry_after_seconds: retry_after_seconds.unwrap_or(60) },
            _ => Problem::NotHrmServer,
        });
    }
    if (200..300).contains(&status) {
        return serde_json::from_slice(body).map_err(|_| Problem::Unexpected);
    }
    match serde_json::from_slice::<hrm_api::Problem>(body) {
        Ok(told) => Err(problem_told(&told, retry_after_seconds)),
        Err(_) if status >= 500 => Err(Problem::Unavailable { retry_after_seconds }),
        Err(_) => Err(Problem::Unexpected),
    }
}

fn problem_told(told: &hrm_api::Problem, header: Option<u32>) -> Problem {
    let wait = told.retry_after_seconds.or(header);
    let retry_after_seconds = wait.unwrap_or(60);
    match told.code {
        ProblemCode::BadCredentials => Problem::BadCredentials,
        ProblemCode::SignedOut => Problem::SignedOut,
        ProblemCode::EmailInvalid => Problem::EmailInvalid,
        ProblemCode::DomainNotAllowed => Problem::DomainNotAllowed,
        ProblemCode::ResendTooSoon => Problem::ResendTooSoon { retry_after_seconds },
        ProblemCode::TooManyCodes => Problem::TooManyCodes { retry_after_seconds },
        ProblemCode::TooManyRequests => Problem::TooManyRequests { retry_after_seconds },
        ProblemCode::CodeFormat => Problem::CodeFormat,
        ProblemCode::CodeWrong => Problem::CodeWrong { attempts_left: told.attempts_left.unwrap_or_default() },
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
