//! `/v1/session`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hrm_api::{SessionInfo, SignIn, SignedIn};
use secrecy::ExposeSecret;
use serde_json::json;

use super::extract::{Body, Caller, ClientIp};
use crate::backend::Backend;
use crate::error::ApiError;
use crate::session::{self, NewSession};

/// Sign in
#[utoipa::path(post, path = hrm_api::path::SESSION, tag = "session", request_body = SignIn, security(()),
    responses((status = 201, description = "Signed in", body = SignedIn)))]
pub(super) async fn sign_in(
    State(backend): State<Arc<Backend>>,
    ClientIp(client): ClientIp,
    Body(body): Body<SignIn>,
) -> Result<Response, ApiError> {
    let answer = session::sign_in(&backend, body, &client).await;
    backend.metrics.sign_in(answer.as_ref().err().map_or("signed_in", |ApiError(problem)| problem.code.as_str()));
    let NewSession { token, device_token, info } = answer?;
    let body = json!({
        "token": token.expose_secret(),
        "expiresAt": info.expires_at,
        "employee": info.employee,
        "deviceToken": device_token,
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Who is signed in
#[utoipa::path(get, path = hrm_api::path::SESSION, tag = "session",
    responses((status = 200, description = "The session", body = SessionInfo)))]
pub(super) async fn get_session(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
) -> Result<Json<SessionInfo>, ApiError> {
    Ok(Json(session::info(&backend, &session).await?))
}

/// Sign out
#[utoipa::path(delete, path = hrm_api::path::SESSION, tag = "session",
    responses((status = 204, description = "Signed out")))]
pub(super) async fn sign_out(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
) -> Result<StatusCode, ApiError> {
    session::sign_out(&backend, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}
