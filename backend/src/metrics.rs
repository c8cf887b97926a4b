//! What is counted, as Prometheus text.

use std::sync::Mutex;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::Backend;
use crate::challenge::Verdict;
use crate::clock::Clock;
use crate::mail::SendOutcome;

type Labels = Vec<(&'static str, String)>;

/// The counters.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    codes: Counter,
    verdicts: Family<Labels, Counter>,
    mails: Family<Labels, Counter>,
    links: Family<Labels, Counter>,
    sweeps: Counter,
    waiting: Family<Labels, Gauge>,
    oldest_seconds: Family<Labels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hrm");
        let metrics = Self {
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            codes: Counter::default(),
            verdicts: Family::default(),
            mails: Family::default(),
            links: Family::default(),
            sweeps: Counter::default(),
            waiting: Family::default(),
            oldest_seconds: Family::default(),
            registry: Mutex::default(),
        };
        registry.register("http_requests", "Requests, by path and status", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to answer", metrics.seconds.clone());
        registry.register("codes_sent", "Codes issued", metrics.codes.clone());
        registry.register("codes_verified", "Codes entered, by verdict", metrics.verdicts.clone());
        registry.register("mails", "Mails handed over, by answer", metrics.mails.clone());
        registry.register("links", "Links made, by origin", metrics.links.clone());
        registry.register("sweeps", "Times that old rows were swept away", metrics.sweeps.clone());
        registry.register("outbox_waiting", "Jobs that wait", metrics.waiting.clone());
        registry.register("outbox_oldest_seconds", "Age of the oldest job", metrics.oldest_seconds.clone());
        Self { registry: Mutex::new(registry), ..metrics }
    }
}

impl Metrics {
    /// A request was answered.
    pub fn request(&self, path: &str, status: u16, took: Duration) {
        let labels = vec![("path", path.to_owned()), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// A code was issued.
    pub fn code_sent(&self) {
        self.codes.inc();
    }

    /// A code was entered.
    pub fn verdict(&self, verdict: &Verdict) {
        let word = match verdict {
            Verdict::Correct(_) => "correct",
            Verdict::Incorrect(_) => "incorrect",
            Verdict::Exhausting | Verdict::Exhausted => "exhausted",
            Verdict::Expired => "expired",
            Verdict::NoChallenge => "no_challenge",
        };
        self.verdicts.get_or_create(&vec![("verdict", word.to_owned())]).inc();
    }

    /// A mail was offered to the mail server.
    pub fn mail(&self, outcome: SendOutcome) {
        let word = match outcome {
            SendOutcome::Accepted => "accepted",
            SendOutcome::Deferred => "deferred",
            SendOutcome::Bounced => "bounced",
        };
        self.mails.get_or_create(&vec![("answer", word.to_owned())]).inc();
    }

    /// A link was made.
    pub fn link(&self, origin: &str) {
        self.links.get_or_create(&vec![("origin", origin.to_owned())]).inc();
    }

    /// Old rows were swept away.
    pub fn swept(&self) {
        self.sweeps.inc();
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

/// The Prometheus text, with the outbox as it is now.
///
/// # Errors
/// When the database is out of reach.
pub async fn text(backend: &Backend) -> sqlx::Result<String> {
    let mut tx = backend.database.begin_read().await?;
    for (queue, count_and_oldest) in [
        ("mails", "SELECT COUNT(*), MIN(created_at) FROM outbox"),
        ("link_jobs", "SELECT COUNT(*), MIN(created_at) FROM link_jobs"),
    ] {
        let (waiting, oldest): (i64, Option<i64>) = sqlx::query_as(count_and_oldest).fetch_one(&mut *tx).await?;
        let labels = vec![("queue", queue.to_owned())];
        backend.metrics.waiting.get_or_create(&labels).set(waiting);
        let age = oldest.map_or(0, |at| (Clock::system_now() - at).max(0) / 1_000);
        backend.metrics.oldest_seconds.get_or_create(&labels).set(age);
    }
    Ok(backend.metrics.text())
}
