//! The reference HRM backend of Flex HRM Connect.
//!
//! A request's way: [`routes`] (HTTP) → [`flow`] (one transaction per call) → [`challenge`] and [`policy`] (the rules,
//! pure) → [`snapshot`] (what is known of the employee, and the State that follows). What takes longer than a
//! transaction waits in the database: mails in [`outbox`], links in [`linking`]. [`demo`] is everything in one process.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admin;
pub mod challenge;
pub mod clock;
pub mod database;
#[cfg(feature = "demo")]
pub mod demo;
pub mod directory;
pub mod email;
pub mod error;
pub mod events;
pub mod flow;
pub mod idempotency;
pub mod keys;
pub mod linking;
pub mod mail;
pub mod metrics;
pub mod outbox;
pub mod password;
pub mod policy;
pub mod rate_limit;
pub mod routes;
pub mod rules;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod state;
pub mod sweep;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::database::Database;
use crate::directory::Directory;
use crate::events::Events;
use crate::keys::Keys;
use crate::mail::Mailer;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// Everything that the routes and the workers share.
pub struct Backend {
    /// The numbers and addresses that a company chooses.
    pub settings: Settings,
    /// The clock of the rules.
    pub clock: Clock,
    /// The keys outside the database.
    pub keys: Keys,
    /// The database.
    pub database: Database,
    /// Who hears of changes.
    pub events: Events,
    /// Visma Connect.
    pub directory: Arc<dyn Directory>,
    /// The mail server.
    pub mailer: Mailer,
    /// What is counted.
    pub metrics: Metrics,
    /// Passwords are checked a few at a time: each takes memory.
    pub passwords: password::Passwords,
    /// How much is done at once.
    pub permits: outbox::Permits,
    /// Wakes the workers when there is something new.
    pub wake: Notify,
    /// Cancelled when the process is to stop.
    pub stopping: CancellationToken,
    /// What must be finished before the process stops.
    pub tasks: TaskTracker,
}

impl Backend {
    /// Connects to the database and starts the workers.
    ///
    /// # Errors
    /// When the database cannot be reached or its schema not brought up to date.
    pub async fn start(
        settings: Settings,
        keys: Keys,
        directory: Arc<dyn Directory>,
        mailer: Mailer,
        clock: Clock,
    ) -> sqlx::Result<Arc<Self>> {
        let events = Events::default();
        let database = Database::connect(&settings.database_url, events.clone()).await?;
        database.start_serving(&settings.database_url).await?;
        let backend = Arc::new(Self {
            passwords: password::Passwords::new(settings.password_cost),
            settings,
            clock,
            keys,
            database,
            events,
            directory,
            mailer,
            metrics: Metrics::default(),
            permits: outbox::Permits::default(),
            wake: Notify::new(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        backend.tasks.spawn(outbox::work(Arc::clone(&backend)));
        Ok(backend)
    }

    /// Answers requests until [`Backend::stopping`] is cancelled, then finishes what is under way.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: &Arc<Self>, listener: TcpListener, router: axum::Router) -> std::io::Result<()> {
        let stopping = self.stopping.clone();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move { stopping.cancelled().await });
        let mut server = std::pin::pin!(server.into_future());
        let result = tokio::select! {
            result = &mut server => result,
            // An idle connection is no reason to stay.
            () = async {
                self.stopping.cancelled().await;
                tokio::time::sleep(Duration::from_secs(10)).await;
            } => Ok(()),
        };
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(10), self.tasks.wait()).await;
        self.database.close().await;
        result
    }
}

/// Chooses rustls' cryptography once for the process. Calling it again changes nothing.
pub fn install_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
