//! How problems and bodies cross HTTP.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use hrm_api::{MAX_BODY_BYTES, Problem, ProblemCode};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A JSON body of at most 16 KiB.
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let invalid = |status: StatusCode| {
            ApiError(Problem { status: status.as_u16(), ..Problem::new(ProblemCode::BodyInvalid) })
        };
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        // Broken off or too long: for the one nobody is there to read the answer.
        let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await;
        let bytes = bytes.map_err(|_| invalid(StatusCode::PAYLOAD_TOO_LARGE))?;
        // The parser's words can quote the body, and so a password.
        serde_json::from_slice(&bytes).map(Self).map_err(|_| invalid(StatusCode::BAD_REQUEST))
    }
}
