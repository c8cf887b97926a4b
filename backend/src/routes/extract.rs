//! Extractors: body, bearer token, session, client address.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use hrm_api::{MAX_BODY_BYTES, Problem, ProblemCode};
use serde::de::DeserializeOwned;

use crate::backend::Backend;
use crate::client_address;
use crate::connection::{BODY_LIMIT, Stopping};
use crate::error::ApiError;
use crate::keys::sha256;
use crate::session::{self, Session};

/// A JSON body of at most [`MAX_BODY_BYTES`].
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
        let stopping = request.extensions().get::<Stopping>().cloned();
        let stopped = async {
            match stopping {
                Some(stopping) => stopping.wait().await,
                None => std::future::pending().await,
            }
        };
        let bytes = tokio::select! {
            bytes = to_bytes(request.into_body(), MAX_BODY_BYTES) => bytes,
            () = tokio::time::sleep(BODY_LIMIT) => return Err(ApiError::unavailable()),
            () = stopped => return Err(ApiError::unavailable()),
        };
        // Also fails when the client disconnects, which then reads no response.
        let bytes = bytes.map_err(|_| invalid(StatusCode::PAYLOAD_TOO_LARGE))?;
        // The parser's message can quote the body, including a password.
        serde_json::from_slice(&bytes).map(Self).map_err(|_| invalid(StatusCode::BAD_REQUEST))
    }
}

/// The session of the request's bearer token.
pub(super) struct Caller(pub Session);

impl FromRequestParts<Arc<Backend>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, ApiError> {
        let Bearer(token_hash) = Bearer::from_request_parts(parts, backend).await?;
        Ok(Self(session::find(backend, token_hash).await?))
    }
}

/// The hash of the request's bearer token, not checked yet.
pub(super) struct Bearer(pub String);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_once(' ')).filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
        Ok(Self(sha256(token.trim())))
    }
}

/// The client's address, as rate limits count it.
pub(super) struct ClientIp(pub String);

impl FromRequestParts<Arc<Backend>> for ClientIp {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.ok_or_else(ApiError::unavailable)?;
        let forwarded = forwarded_for(&parts.headers);
        Ok(Self(client_address::client(peer, forwarded.as_deref(), &backend.settings.trusted_proxies)))
    }
}

fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let values: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
