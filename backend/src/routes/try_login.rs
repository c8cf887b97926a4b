//! `/v1/me/visma-connect/try-login`, and the page that the browser ends on.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hrm_api::{Language, State as ApiState, TryLoginStarted};

use super::extract::Caller;
use crate::backend::Backend;
use crate::error::ApiError;
use crate::try_login::{self, Callback};
use crate::try_login_page::{self, Outcome};

/// Begin to practise the new login
#[utoipa::path(post, path = hrm_api::path::TRY_LOGIN, tag = "try-login",
    responses((status = 201, description = "The address to open in the system's browser", body = TryLoginStarted)))]
pub(super) async fn begin(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
) -> Result<(StatusCode, Json<TryLoginStarted>), ApiError> {
    Ok((StatusCode::CREATED, Json(try_login::begin(&backend, &session.employee_id).await?)))
}

/// Give up a try that waits
#[utoipa::path(delete, path = hrm_api::path::TRY_LOGIN, tag = "try-login",
    responses((status = 200, description = "The State", body = ApiState)))]
pub(super) async fn cancel(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
) -> Result<Json<ApiState>, ApiError> {
    Ok(Json(try_login::cancel(&backend, &session.employee_id).await?))
}

/// Where the browser comes back to
#[utoipa::path(get, path = hrm_api::path::CALLBACK, tag = "try-login", security(()),
    params(("state" = Option<String>, Query), ("code" = Option<String>, Query), ("error" = Option<String>, Query),
           ("iss" = Option<String>, Query)),
    responses(
        (status = 200, description = "A page that says how the try ended", body = String, content_type = "text/html"),
        (status = 400, description = "A page: no such try waits", body = String, content_type = "text/html"),
    ))]
pub(super) async fn callback(
    State(backend): State<Arc<Backend>>,
    headers: HeaderMap,
    query: Result<Query<Callback>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let ended = match query {
        Ok(Query(callback)) => try_login::finish(&backend, callback).await?,
        // Not two of one member either (RFC 6749, 3.1).
        Err(_) => None,
    };
    let (status, outcome, language) = match ended {
        Some((status, language)) => (StatusCode::OK, Outcome::Ended(status), language),
        None => (StatusCode::BAD_REQUEST, Outcome::Unknown, accepted(&headers)),
    };
    Ok((status, Html(try_login_page::page(outcome, language))).into_response())
}

/// The first of our languages that the browser names. Without one, English.
fn accepted(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tags = wanted.split(',').map(|tag| tag.split(['-', ';']).next().unwrap_or_default().trim().to_lowercase());
    let ours = |tag: String| if tag == "no" || tag == "nn" { Some(Language::Nb) } else { tag.parse().ok() };
    tags.filter_map(ours).next().unwrap_or_default()
}
