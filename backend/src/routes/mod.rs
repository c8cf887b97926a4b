//! The contract over HTTP. Handlers read the request into types and hand it on; what they answer is in [`response`].

mod openapi;
mod operations;
pub mod response;
mod session;
mod visma_connect;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hrm_api::ProblemCode;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::keys::sha256;
use crate::session::Session;
use crate::{Backend, rate_limit};

pub use openapi::document;

/// For so long a request is worked on.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The contract's routes.
fn contract() -> OpenApiRouter<Arc<Backend>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(session::sign_in, session::get_session, session::sign_out))
        .routes(routes!(visma_connect::get_state))
        .routes(routes!(visma_connect::send_code))
        .routes(routes!(visma_connect::verify))
        .routes(routes!(visma_connect::start_over))
        .routes(routes!(visma_connect::snooze))
        .routes(routes!(visma_connect::events))
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
        .routes(routes!(operations::openapi))
}

/// The contract's routes and `more`, with what holds for all of them.
pub fn router(backend: &Arc<Backend>, more: Router<Arc<Backend>>) -> Router {
    let (contract, _) = contract().split_for_parts();
    contract
        .merge(more)
        .fallback(async || ApiError::from(ProblemCode::NotFound))
        .method_not_allowed_fallback(async || ApiError::from(ProblemCode::MethodNotAllowed))
        // Inside the middleware, so that a panic is counted and logged like any other answer.
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| ApiError::unavailable().into_response()))
        .layer(middleware::from_fn_with_state(Arc::clone(backend), request_middleware))
        .with_state(Arc::clone(backend))
}

/// Request id, time limit, log line, count, and the headers of every answer.
async fn request_middleware(State(backend): State<Arc<Backend>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = uuid::Uuid::new_v4().to_string();
    let method = request.method().clone();
    // The route, not the path: a stranger's path could hold anything.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, %method, route);
    let answered = tokio::time::timeout(TIME_LIMIT, next.run(request)).instrument(span.clone()).await;
    let mut response = answered.unwrap_or_else(|_| ApiError::unavailable().into_response());
    let status = response.status().as_u16();
    backend.metrics.request(&route, status, began.elapsed());
    span.in_scope(|| tracing::info!(status, ms = began.elapsed().as_millis(), "answered"));

    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The session of the request's bearer token.
struct Caller(Session);

impl FromRequestParts<Arc<Backend>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, ApiError> {
        let Bearer(token_hash) = Bearer::from_request_parts(parts, backend).await?;
        Ok(Self(crate::session::find(backend, token_hash).await?))
    }
}

/// The hash of the request's bearer token. Whether there is such a session is not asked yet.
struct Bearer(String);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.split_once(' ')).filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
        let (_, token) = token.ok_or_else(|| ApiError::from(ProblemCode::SignedOut))?;
        Ok(Self(sha256(token.trim())))
    }
}

/// The address of the client, as limits count it.
struct ClientIp(String);

impl FromRequestParts<Arc<Backend>> for ClientIp {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.ok_or_else(ApiError::unavailable)?;
        let forwarded = forwarded_for(&parts.headers);
        Ok(Self(rate_limit::client(peer, forwarded.as_deref(), &backend.settings.trusted_proxies)))
    }
}

fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let values: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
