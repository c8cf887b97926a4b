//! How problems and bodies cross HTTP.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hrm_api::{MAX_BODY_BYTES, Problem, ProblemCode};
use serde::de::DeserializeOwned;

use crate::flow::Refused;

/// A problem as an HTTP answer.
#[derive(Debug)]
pub struct Fault(pub Problem);

impl<T: Into<Refused>> From<T> for Fault {
    fn from(refused: T) -> Self {
        Self(refused.into().0)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = problem.retry_after_seconds;
        let is_signed_out = problem.code == ProblemCode::SignedOut;
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if is_signed_out {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A JSON body of at most 16 KiB.
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let invalid =
            |status: StatusCode| Fault(Problem { status: status.as_u16(), ..Problem::new(ProblemCode::BodyInvalid) });
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
