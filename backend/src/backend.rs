//! What the routes and the worker share.

use std::sync::Arc;

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
use crate::password::Passwords;
use crate::queue::Permits;
use crate::settings::Settings;

pub struct Backend {
    pub settings: Settings,
    pub clock: Clock,
    pub keys: Keys,
    pub database: Database,
    pub events: Events,
    /// Visma Connect.
    pub directory: Arc<dyn Directory>,
    pub mailer: Mailer,
    pub metrics: Metrics,
    pub passwords: Passwords,
    pub permits: Permits,
    /// Wakes the worker.
    pub wake: Notify,
    /// Cancelled when the process has to stop.
    pub stopping: CancellationToken,
    /// Jobs, which must finish before the process stops.
    pub tasks: TaskTracker,
    /// The worker, which starts jobs.
    pub worker: TaskTracker,
}
