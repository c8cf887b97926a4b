//! Start-up and shutdown.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::{Backend, LastPass};
use crate::clock::Clock;
use crate::connection::{self, HEAD_LIMIT};
use crate::database::Database;
use crate::directory::Directory;
use crate::events::Events;
use crate::health::Health;
use crate::keys::Keys;
use crate::login_provider::LoginProvider;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::password::Passwords;
use crate::queue::Permits;
use crate::rules::LONGEST_PASSWORD_WAIT;
use crate::settings::Settings;
use crate::snapshot_cache::SnapshotCache;
use crate::{unlinking, worker};

/// How long calls, and after them tasks, may take to finish after a stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to the database, migrates it, and starts the worker.
pub async fn start(
    settings: Settings,
    keys: Keys,
    directory: Arc<dyn Directory>,
    mailer: Mailer,
    clock: Clock,
) -> sqlx::Result<Arc<Backend>> {
    let login_provider = settings.login.clone().map(LoginProvider::new).transpose();
    let login_provider = login_provider.map_err(|error| sqlx::Error::Configuration(error.into()))?;
    let events = Events::default();
    let database =
        Database::connect_with(&settings.database_url, events.clone(), settings.database_connections).await?;
    database.start_serving(&settings.database_url).await?;
    let backend = Arc::new(Backend {
        passwords: Passwords::new(settings.password_cost, settings.password_checks, LONGEST_PASSWORD_WAIT),
        settings,
        clock,
        keys,
        snapshots: SnapshotCache::of(database.clone()),
        database,
        events,
        directory,
        login_provider,
        mailer,
        metrics: Metrics::default(),
        health: Health::default(),
        permits: Permits::default(),
        worker_pass: LastPass::default(),
        database_checked_at: Mutex::default(),
        wake: Notify::new(),
        stopping: CancellationToken::new(),
        tasks: TaskTracker::new(),
        worker: TaskTracker::new(),
    });
    backend.worker.spawn(worker::run(Arc::clone(&backend)));
    backend.worker.spawn(unlinking::run(Arc::clone(&backend)));
    Ok(backend)
}

/// Answers requests until [`Backend::stopping`] is cancelled, then finishes what is running.
pub async fn serve(backend: &Backend, mut listener: TcpListener, router: Router) {
    let connections = TaskTracker::new();
    // axum's `accept` waits where the process has too many open files.
    while let Some((stream, peer)) = backend.stopping.run_until_cancelled(Listener::accept(&mut listener)).await {
        let stopping = backend.stopping.clone();
        connections.spawn(connection::handle(stream, peer, router.clone(), stopping, HEAD_LIMIT));
    }
    drop(listener);
    connections.close();
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.wait()).await;
    backend.worker.close();
    backend.tasks.close();
    let stopped = async {
        // Only then does nothing start another job.
        backend.worker.wait().await;
        backend.tasks.wait().await;
    };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, stopped).await;
    backend.database.close().await;
}

/// Makes ring the rustls provider of this process. Idempotent.
pub fn install_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
