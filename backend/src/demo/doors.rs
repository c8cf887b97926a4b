//! `/demo/…`: the doors that only the demo has.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::Stage;
use super::faults::Change;
use super::inbox::{self, Caught};
use super::scenario::{self, SCENARIOS, Scenario};
use crate::routes::answer::{Body, Fault};

/// The doors.
pub fn doors<S: Clone + Send + Sync + 'static>(stage: Arc<Stage>) -> Router<S> {
    Router::new()
        .route("/demo/inbox", get(inbox_page))
        .route("/demo/inbox.json", get(inbox_json))
        .route("/demo/clock", post(advance_clock))
        .route("/demo/faults", post(set_faults))
        .route("/demo/reset", post(reset))
        .route("/demo/scenarios", get(scenarios))
        .route("/demo/scenario", post(play))
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
    stage.pass(body.advance_seconds);
    StatusCode::NO_CONTENT
}

async fn set_faults(State(stage): State<Arc<Stage>>, Body(change): Body<Change>) -> StatusCode {
    stage.faults.set(change);
    StatusCode::NO_CONTENT
}

async fn reset(State(stage): State<Arc<Stage>>) -> Result<StatusCode, Fault> {
    stage.reset().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn scenarios() -> Json<&'static [Scenario]> {
    Json(SCENARIOS)
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

async fn play(State(stage): State<Arc<Stage>>, Body(Name { name }): Body<Name>) -> Response {
    let Some(scenario) = scenario::named(&name) else {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return (StatusCode::NOT_FOUND, format!("No scenario has that name: {}", names.join(" "))).into_response();
    };
    match scenario::play(&stage, scenario).await {
        Ok(()) => Json(scenario).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}
