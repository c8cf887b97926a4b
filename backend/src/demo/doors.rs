//! `/demo/…`: the doors that only the demo has.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::Stage;
use super::faults::{DirectoryFault, MailFault};
use super::inbox::{self, Caught};
use crate::clock::SECOND;
use crate::routes::answer::{Body, Fault};

/// The doors.
pub fn doors<S: Clone + Send + Sync + 'static>(stage: Arc<Stage>) -> Router<S> {
    Router::new()
        .route("/demo/inbox", get(inbox_page))
        .route("/demo/inbox.json", get(inbox_json))
        .route("/demo/clock", post(advance_clock))
        .route("/demo/faults", post(set_faults))
        .route("/demo/reset", post(reset))
        .with_state(stage)
}

async fn inbox_page(State(stage): State<Arc<Stage>>) -> Html<String> {
    Html(inbox::page(&stage.inbox))
}

async fn inbox_json(State(stage): State<Arc<Stage>>) -> Json<Vec<Caught>> {
    Json(inbox::json(&stage.inbox))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Advance {
    /// At most ten years at a time, so that no sum of times overflows.
    advance_seconds: u32,
}

async fn advance_clock(State(stage): State<Arc<Stage>>, Body(body): Body<Advance>) -> StatusCode {
    let by = i64::from(body.advance_seconds.min(315_360_000)) * SECOND;
    let ahead = stage.ahead.change(|ahead| {
        *ahead = ahead.saturating_add(by);
        *ahead
    });
    stage.backend.clock.set_ahead(ahead);
    stage.backend.events.tell_all();
    stage.backend.wake.notify_one();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct NewFaults {
    mail: Option<MailFault>,
    directory: Option<DirectoryFault>,
}

async fn set_faults(State(stage): State<Arc<Stage>>, Body(body): Body<NewFaults>) -> StatusCode {
    stage.faults.set(body.mail, body.directory);
    StatusCode::NO_CONTENT
}

async fn reset(State(stage): State<Arc<Stage>>) -> Result<StatusCode, Fault> {
    stage.reset().await?;
    Ok(StatusCode::NO_CONTENT)
}
