//! Health, readiness and metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::error::ApiError;

/// Alive
#[utoipa::path(get, path = hrm_api::path::HEALTH, tag = "operations", security(()),
    responses((status = 200, description = "Alive", body = Value)))]
pub(super) async fn health() -> Json<Value> {
    Json(json!({ "service": "flex-hrm-connect", "status": "ok" }))
}

/// The database, and so the outbox, is reachable
#[utoipa::path(get, path = hrm_api::path::READY, tag = "operations", security(()),
    responses((status = 200, description = "Ready", body = Value)))]
pub(super) async fn ready(State(backend): State<Arc<Backend>>) -> Result<Json<Value>, ApiError> {
    if backend.stopping.is_cancelled() {
        return Err(ApiError::unavailable());
    }
    let mut tx = backend.database.begin_read().await?;
    sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM outbox").fetch_one(&mut *tx).await?;
    Ok(Json(json!({ "status": "ready" })))
}

/// Prometheus metrics
#[utoipa::path(get, path = hrm_api::path::METRICS, tag = "operations", security(()),
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(backend): State<Arc<Backend>>) -> Result<impl IntoResponse, ApiError> {
    let text = backend.metrics.text(&backend.database).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
