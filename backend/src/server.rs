//! Start-up and shutdown.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::database::Database;
use crate::directory::Directory;
use crate::events::Events;
use crate::keys::Keys;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::password::Passwords;
use crate::queue::Permits;
use crate::settings::Settings;
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
    let events = Events::default();
    let database = Database::connect(&settings.database_url, events.clone()).await?;
    database.start_serving(&settings.database_url).await?;
    let backend = Arc::new(Backend {
        passwords: Passwords::new(settings.password_cost),
        settings,
        clock,
        keys,
        database,
        events,
        directory,
        mailer,
        metrics: Metrics::default(),
        permits: Permits::default(),
        wake: Notify::new(),
        stopping: CancellationToken::new(),
        tasks: TaskTracker::new(),
    });
    backend.tasks.spawn(worker::run(Arc::clone(&backend)));
    backend.tasks.spawn(unlinking::run(Arc::clone(&backend)));
    Ok(backend)
}

/// Answers requests until [`Backend::stopping`] is cancelled, then finishes what is running.
///
/// # Errors
/// When the listener fails.
pub async fn serve(backend: &Backend, listener: TcpListener, router: Router) -> std::io::Result<()> {
    let stopping = backend.stopping.clone();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(stopping.cancelled_owned());
    let result = tokio::select! {
        result = server.into_future() => result,
        // Idle connections must not keep the process alive.
        () = async {
            backend.stopping.cancelled().await;
            tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
        } => Ok(()),
    };
    backend.tasks.close();
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, backend.tasks.wait()).await;
    backend.database.close().await;
    result
}

/// Makes ring the rustls provider of this process. Idempotent.
pub fn install_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
