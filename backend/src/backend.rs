//! What the routes and the worker share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
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
use crate::settings::Settings;
use crate::snapshot_cache::SnapshotCache;

pub struct Backend {
    pub settings: Settings,
    pub clock: Clock,
    pub keys: Keys,
    pub database: Database,
    pub snapshots: SnapshotCache,
    pub events: Events,
    /// Visma Connect.
    pub directory: Arc<dyn Directory>,
    /// None: the new login cannot be tried.
    pub login_provider: Option<LoginProvider>,
    pub mailer: Mailer,
    pub metrics: Metrics,
    pub health: Health,
    pub passwords: Passwords,
    pub permits: Permits,
    /// When the worker last made a pass over the queues.
    pub worker_pass: LastPass,
    /// When `GET /readyz` last changed the database.
    pub database_checked_at: Mutex<Option<Instant>>,
    /// Wakes the worker.
    pub wake: Notify,
    /// Cancelled when the process has to stop.
    pub stopping: CancellationToken,
    /// Jobs, which must finish before the process stops.
    pub tasks: TaskTracker,
    /// The worker, which starts jobs.
    pub worker: TaskTracker,
}

/// When something last happened.
#[derive(Debug)]
pub struct LastPass(RwLock<Instant>);

impl Default for LastPass {
    fn default() -> Self {
        Self(RwLock::new(Instant::now()))
    }
}

impl LastPass {
    pub fn record(&self) {
        self.set(Instant::now());
    }

    pub(crate) fn set(&self, at: Instant) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = at;
    }

    pub fn elapsed(&self) -> Duration {
        self.0.read().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
