//! The contract over HTTP. Handlers parse the request and call [`crate::flow`] or [`crate::session`].

pub mod extract;
mod openapi;
mod operations;
mod session;
mod try_login;
mod visma_connect;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use hrm_api::ProblemCode;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::backend::Backend;
use crate::error::ApiError;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

fn contract() -> OpenApiRouter<Arc<Backend>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(session::sign_in, session::get_session, session::sign_out))
        .routes(routes!(visma_connect::get_state))
        .routes(routes!(visma_connect::send_code))
        .routes(routes!(visma_connect::verify))
        .routes(routes!(visma_connect::start_over))
        .routes(routes!(visma_connect::snooze))
        .routes(routes!(visma_connect::events))
        .routes(routes!(try_login::begin, try_login::cancel))
        .routes(routes!(try_login::callback))
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
        .routes(routes!(get_openapi))
}

/// The OpenAPI document of the contract.
pub fn document() -> OpenApi {
    openapi::with_problems(contract().into_openapi())
}

/// This document
#[utoipa::path(get, path = hrm_api::path::OPENAPI, tag = "operations", security(()),
    responses((status = 200, description = "The OpenAPI document", body = Value)))]
async fn get_openapi() -> Json<OpenApi> {
    Json(document())
}

/// The routes of the contract, and `more` under the same middleware.
pub fn router(backend: &Arc<Backend>, more: Router<Arc<Backend>>) -> Router {
    let (contract, _) = contract().split_for_parts();
    contract
        .layer(middleware::from_fn_with_state(Arc::clone(backend), run_to_the_end))
        .merge(more)
        .fallback(async || ApiError::from(ProblemCode::NotFound))
        .method_not_allowed_fallback(async || ApiError::from(ProblemCode::MethodNotAllowed))
        // Inside the middleware, so that a panic is counted and logged like any other response.
        .layer(CatchPanicLayer::custom(|_: Box<dyn Any + Send>| ApiError::unavailable().into_response()))
        .layer(middleware::from_fn_with_state(Arc::clone(backend), request_middleware))
        .with_state(Arc::clone(backend))
}

/// Runs a call to its end even when its client hangs up or has waited long enough: sqlx cannot cancel the work of a
/// connection (launchbadge/sqlx#4393), and a send whose client is gone is repeated with the same key.
async fn run_to_the_end(State(backend): State<Arc<Backend>>, request: Request, next: Next) -> Response {
    let call = backend.tasks.spawn(next.run(request).in_current_span());
    call.await.unwrap_or_else(|_| ApiError::unavailable().into_response())
}

/// Request id, timeout, log line, metrics, and the headers of every response.
async fn request_middleware(State(backend): State<Arc<Backend>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = uuid::Uuid::new_v4().to_string();
    let method = request.method().clone();
    // The route, not the path: a path can contain anything.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, %method, route);
    let response = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).instrument(span.clone()).await;
    let mut response = response.unwrap_or_else(|_| ApiError::unavailable().into_response());
    let status = response.status().as_u16();
    backend.metrics.request(&route, status, started.elapsed());
    span.in_scope(|| tracing::info!(status, ms = started.elapsed().as_millis(), "answered"));

    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
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

#[cfg(test)]
mod tests {
    use hrm_api::ProblemCode;

    use super::document;
    use super::openapi::PROBLEMS;

    #[test]
    fn every_call_of_the_document_has_its_row_of_problems() {
        let document = serde_json::to_value(document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let calls: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
        assert_eq!(calls, PROBLEMS.len());
        for (path, item) in paths {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["responses"]["503"].is_object(), "{method} {path}");
            }
        }
    }

    #[test]
    fn the_document_has_the_problem_codes_of_the_wire() {
        let document = serde_json::to_value(document()).unwrap();
        let names: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(document["components"]["schemas"]["ProblemCode"]["enum"], serde_json::json!(names));
    }

    #[test]
    fn every_problem_of_the_contract_is_in_the_document() {
        let of_every_call = [ProblemCode::NotFound, ProblemCode::MethodNotAllowed, ProblemCode::Unavailable];
        for code in ProblemCode::ALL.iter().filter(|code| !of_every_call.contains(code)) {
            assert!(PROBLEMS.iter().any(|(_, _, codes)| codes.contains(code)), "{code:?}");
        }
    }
}
