//! Health, readiness and metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::ApiError;
use crate::health::{self, Service};

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

/// The database takes changes, and the worker runs. `degraded` names shared services that fail, and why
#[utoipa::path(get, path = hrm_api::path::READY, tag = "operations", security(()),
    responses((status = 200, description = "Ready", body = Value)))]
pub(super) async fn ready(State(backend): State<Arc<Backend>>) -> Result<Json<Value>, ApiError> {
    if let Some(why) = health::not_ready(backend.stopping.is_cancelled(), backend.worker_pass.elapsed()) {
        tracing::error!("not ready: {why}");
        return Err(ApiError::unavailable());
    }
    // Only the wait ends with the limit: sqlx cannot cancel the work of a connection.
    let check = backend.tasks.spawn(check_database(Arc::clone(&backend)).in_current_span());
    let Ok(checked) = tokio::time::timeout(CHECK_LIMIT, check).await else {
        tracing::error!("the database takes longer than {} s for a change: is the disk slow?", CHECK_LIMIT.as_secs());
        return Err(ApiError::unavailable());
    };
    checked.map_err(|_| ApiError::unavailable())??;
    let causes = Service::ALL.map(|service| (service.into_str(), backend.health.cause(service)));
    let degraded: Map<String, Value> =
        causes.into_iter().filter_map(|(service, cause)| Some((service.to_owned(), cause?.into()))).collect();
    Ok(Json(json!({ "status": if degraded.is_empty() { "ready" } else { "degraded" }, "degraded": degraded })))
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
    responses((status = 200, description = "Metrics", body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(backend): State<Arc<Backend>>) -> Result<impl IntoResponse, ApiError> {
    let text = backend.metrics.text(&backend.database, &backend.health, backend.worker_pass.elapsed()).await?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::response::IntoResponse as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::Clock;
    use crate::directory::{DirectorySettings, PublicApi, UNLINK_PATH};
    use crate::keys::Keys;
    use crate::mail::Mailer;
    use crate::server::{install_cryptography, start};
    use crate::settings::Settings;

    #[tokio::test]
    async fn a_process_whose_worker_has_stopped_is_not_ready() {
        install_cryptography();
        let folder = tempfile::tempdir().unwrap();
        let nowhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        let url = |scheme: &str| format!("{scheme}://{nowhere}/").parse().unwrap();
        let directory = PublicApi::new(DirectorySettings {
            token_url: url("http"),
            api_url: url("http"),
            unlink_path: UNLINK_PATH.to_owned(),
            client_id: "id".to_owned(),
            client_secret: "secret".into(),
            timeout: Duration::from_secs(1),
        });
        let mailer = Mailer::new(&url("smtp"), None, "hrm@company.com".parse().unwrap()).unwrap();
        let keys = Keys::parse(&"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".into()).unwrap();
        let settings = Settings {
            // So that the worker makes no second pass.
            poll: Duration::from_hours(1),
            ..Settings::new(format!("sqlite://{}?mode=rwc", folder.path().join("hrm.sqlite").display()))
        };
        let backend = start(settings, keys, Arc::new(directory.unwrap()), mailer, Clock::default()).await.unwrap();
        let status = async || ready(State(Arc::clone(&backend))).await.into_response().status();
        assert_eq!(status().await, 200);
        backend.worker_pass.set(Instant::now().checked_sub(Duration::from_secs(61)).unwrap());
        assert_eq!(status().await, 503);
        backend.stopping.cancel();
    }
}
