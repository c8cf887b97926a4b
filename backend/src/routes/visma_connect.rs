//! `/v1/me/visma-connect`

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use hrm_api::{IDEMPOTENCY_KEY, ProblemCode, SendCode, State as ApiState, VerifyCode};

use super::extract::{Bearer, Body, Caller};
use crate::backend::Backend;
use crate::clock::Millis;
use crate::error::ApiError;
use crate::events::Changes;
use crate::flow;
use crate::rules::READ_AGAIN;

/// The State
#[utoipa::path(get, path = hrm_api::path::STATE, tag = "visma-connect",
    responses((status = 200, description = "The State", body = ApiState)))]
pub(super) async fn get_state(
    State(backend): State<Arc<Backend>>,
    Bearer(token_hash): Bearer,
) -> Result<Json<ApiState>, ApiError> {
    Ok(Json(flow::state_of_session(&backend, &token_hash).await?.0))
}

/// Send a code, or link at once where none is needed
#[utoipa::path(post, path = hrm_api::path::CODES, tag = "visma-connect", request_body = SendCode,
    params(("Idempotency-Key" = String, Header, pattern = r"^[!-~]([ -~]{0,253}[!-~])?$", example = "8e03978e-40d5-43e8-bc93-6894a57f9324",
        description = "1 to 255 printable ASCII characters; the same key and body get the same response, or 409 while the first call still runs")),
    responses(
        (status = 202, description = "A code is on its way", body = ApiState),
        (status = 200, description = "No code is needed: linked, or linking", body = ApiState),
    ))]
pub(super) async fn send_code(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
    headers: HeaderMap,
    Body(body): Body<SendCode>,
) -> Result<Response, ApiError> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()).map(str::trim);
    let key = key.filter(|key| (1..=255).contains(&key.len()) && !key.contains('\t'));
    let key = key.ok_or_else(|| ApiError::from(ProblemCode::IdempotencyKeyMissing))?;
    let response = flow::send(&backend, &session.employee_id, key, &body.email).await?;
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::OK);
    Ok((status, [(header::CONTENT_TYPE, "application/json")], response.body).into_response())
}

/// Enter a code
#[utoipa::path(post, path = hrm_api::path::VERIFY, tag = "visma-connect", request_body = VerifyCode,
    responses((status = 200, description = "Linked, or linking while Visma Connect is out of reach", body = ApiState)))]
pub(super) async fn verify(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
    Body(body): Body<VerifyCode>,
) -> Result<Json<ApiState>, ApiError> {
    Ok(Json(flow::verify(&backend, &session.employee_id, &body.code).await?))
}

/// Start over
#[utoipa::path(delete, path = hrm_api::path::CHALLENGE, tag = "visma-connect",
    responses((status = 200, description = "The State, without a challenge", body = ApiState)))]
pub(super) async fn start_over(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
) -> Result<Json<ApiState>, ApiError> {
    Ok(Json(flow::start_over(&backend, &session.employee_id).await?))
}

/// Hide the banner
#[utoipa::path(put, path = hrm_api::path::SNOOZE, tag = "visma-connect",
    responses((status = 200, description = "The State, with the banner hidden", body = ApiState)))]
pub(super) async fn snooze(
    State(backend): State<Arc<Backend>>,
    Caller(session): Caller,
) -> Result<Json<ApiState>, ApiError> {
    Ok(Json(flow::snooze(&backend, &session.employee_id).await?))
}

/// The State at once and at every change, from any device, as events named `state`. One person's oldest stream ends when
/// there are too many
#[utoipa::path(get, path = hrm_api::path::EVENTS, tag = "visma-connect",
    responses((status = 200, description = "Events named `state`, each with a State", body = String, content_type = "text/event-stream")))]
pub(super) async fn events(State(backend): State<Arc<Backend>>, Caller(session): Caller) -> Result<Response, ApiError> {
    let changes = backend.events.subscribe(&session.employee_id);
    let stream = Stream { backend, token_hash: session.token_hash, changes, last: None };
    let events = futures_util::stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    // nginx holds a response back to fill its buffers, and other proxies to compress it, unless told not to.
    let headers = [("x-accel-buffering", "no"), ("cache-control", "no-store, no-transform")];
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

struct Stream {
    backend: Arc<Backend>,
    token_hash: String,
    changes: Changes,
    last: Option<ApiState>,
}

impl Stream {
    /// The State, and when it changes next. Read in a task, as in a call, since the client can hang up.
    async fn read(&self) -> Option<(ApiState, Option<Millis>)> {
        let (backend, token_hash) = (Arc::clone(&self.backend), self.token_hash.clone());
        let read = async move { flow::state_of_session(&backend, &token_hash).await };
        self.backend.tasks.spawn(read).await.ok()?.ok()
    }

    /// The next event; `None` when the session or the process ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let (state, next_change) = self.read().await?;
            let without_time = ApiState { server_time: chrono::DateTime::UNIX_EPOCH, ..state.clone() };
            if self.last.as_ref() != Some(&without_time) {
                self.last = Some(without_time);
                return Event::default().event("state").json_data(state).ok();
            }
            let now = self.backend.clock.now();
            // Expiring codes and ending snoozes change the State too.
            let wait = next_change.map_or(READ_AGAIN, |at| (at - now).clamp(1, READ_AGAIN));
            tokio::select! {
                more = self.changes.next() => if !more { return None },
                () = tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())) => {}
                () = self.backend.stopping.cancelled() => return None,
            }
        }
    }
}
