//! `/demo/…`, which `serve` does not have.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::faults::FaultChange;
use super::inbox::{self, InboxMail};
use super::scenario::{self, SCENARIOS, Scenario};
use super::state::DemoState;
use crate::error::ApiError;
use crate::routes::extract::Body;

pub fn routes<S: Clone + Send + Sync + 'static>(state: Arc<DemoState>) -> Router<S> {
    Router::new()
        .route("/demo/inbox", get(inbox_page))
        .route("/demo/inbox.json", get(inbox_json))
        .route("/demo/clock", post(advance_clock))
        .route("/demo/faults", post(set_faults))
        .route("/demo/reset", post(reset))
        .route("/demo/scenarios", get(scenarios))
        .route("/demo/scenario", post(play))
        .with_state(state)
}

async fn inbox_page(State(state): State<Arc<DemoState>>) -> Html<String> {
    Html(inbox::page(&state.inbox))
}

async fn inbox_json(State(state): State<Arc<DemoState>>) -> Json<Vec<InboxMail>> {
    Json(inbox::json(&state.inbox))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Advance {
    advance_seconds: u32,
}

async fn advance_clock(State(state): State<Arc<DemoState>>, Body(body): Body<Advance>) -> StatusCode {
    state.advance_clock(body.advance_seconds);
    StatusCode::NO_CONTENT
}

async fn set_faults(State(state): State<Arc<DemoState>>, Body(change): Body<FaultChange>) -> StatusCode {
    state.faults.set(change);
    StatusCode::NO_CONTENT
}

async fn reset(State(state): State<Arc<DemoState>>) -> Result<StatusCode, ApiError> {
    let _playing = state.playing.lock().await;
    state.reset().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn scenarios() -> Json<&'static [Scenario]> {
    Json(SCENARIOS)
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

async fn play(State(state): State<Arc<DemoState>>, Body(Name { name }): Body<Name>) -> Response {
    let Some(scenario) = scenario::named(&name) else {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return (StatusCode::NOT_FOUND, format!("No such scenario. Known: {}", names.join(" "))).into_response();
    };
    match scenario::play(&state, scenario).await {
        Ok(()) => Json(scenario).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}
