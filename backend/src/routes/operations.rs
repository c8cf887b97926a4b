//! Health, readiness and metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::ApiError;

/// The worker makes a pass at least every second; a pass waits for the database for 10 s at most, twice.
const WORKER_LIMIT: Duration = Duration::from_mins(1);

/// A database that needs longer for one small change cannot serve a company.
const CHECK_LIMIT: Duration = Duration::from_secs(3);

/// How long a successful check of the database counts.
const CHECK_LIFE: Duration = Duration::from_secs(1);

/// Alive
#[utoipa::path(get, path = hrm_api::path::HEALTH, tag = "operations", security(()),
    responses((status = 200, description = "Alive", body = Value)))]
pub(super) async fn health() -> Json<Value> {
    Json(json!({ "service": "flex-hrm-connect", "status": "ok" }))
}

/// The database takes changes, and the worker runs
#[utoipa::path(get, path = hrm_api::path::READY, tag = "operations", security(()),
    responses((status = 200, description = "Ready", body = Value)))]
pub(super) async fn ready(State(backend): State<Arc<Backend>>) -> Result<Json<Value>, ApiError> {
    if backend.stopping.is_cancelled() {
        return Err(ApiError::unavailable());
    }
    if backend.worker_pass.elapsed() > WORKER_LIMIT {
        tracing::error!("the worker has stopped: no mail is sent, and nobody is linked");
        return Err(ApiError::unavailable());
    }
    // Only the wait ends with the limit: sqlx cannot cancel the work of a connection.
    let check = backend.tasks.spawn(check_database(Arc::clone(&backend)).in_current_span());
    let Ok(checked) = tokio::time::timeout(CHECK_LIMIT, check).await else {
        tracing::error!("the database takes longer than {} s for a change: is the disk slow?", CHECK_LIMIT.as_secs());
        return Err(ApiError::unavailable());
    };
    checked.map_err(|_| ApiError::unavailable())??;
    Ok(Json(json!({ "status": "ready" })))
}

/// Changes the database. One check at a time, and not at every probe: each is a commit.
async fn check_database(backend: Arc<Backend>) -> sqlx::Result<()> {
    let mut checked_at = backend.database_checked_at.lock().await;
    if checked_at.is_none_or(|at| at.elapsed() > CHECK_LIFE) {
        let mut tx = backend.database.begin_write().await?;
        sqlx::query(
            "INSERT INTO readiness (id, checked_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET checked_at = $1",
        )
        .bind(Clock::system_now())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        *checked_at = Some(Instant::now());
    }
    Ok(())
}

/// Prometheus metrics
#[utoipa::path(get, path = hrm_api::path::METRICS, tag = "operations", security(()),
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(backend): State<Arc<Backend>>) -> Result<impl IntoResponse, ApiError> {
    let text = backend.metrics.text(&backend.database).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
