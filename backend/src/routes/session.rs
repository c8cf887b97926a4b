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
use crate::clock::MINUTE;
use crate::error::ApiError;
use crate::keys::sha256;
use crate::rules::USERNAME_PERIOD;
use crate::{rate_limit, session};

/// Sign in
#[utoipa::path(post, path = hrm_api::path::SESSION, tag = "session", request_body = SignIn, security(()),
    responses((status = 201, description = "Signed in", body = SignedIn)))]
pub(super) async fn sign_in(
    State(backend): State<Arc<Backend>>,
    ClientIp(client): ClientIp,
    Body(body): Body<SignIn>,
) -> Result<Response, ApiError> {
    rate_limit::check(&backend.database, &format!("sign-in {client}"), backend.settings.sign_ins, MINUTE).await?;
    // Hashed, so that the table stores no client-supplied text.
    let user = sha256(&session::username_key(&body.username));
    rate_limit::check(&backend.database, &format!("user {user}"), backend.settings.sign_ins, USERNAME_PERIOD).await?;
    let (token, info) = session::sign_in(&backend, &body.username, body.password).await?;
    let body = json!({
        "deviceToken": backend.keys.new_device_token(&session::username_key(&body.username)),
        "token": token.expose_secret(),
        "expiresAt": info.expires_at,
        "employee": info.employee,
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
