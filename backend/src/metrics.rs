//! Prometheus metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::challenge::Verdict;
use crate::clock::{Clock, SECOND};
use crate::database::Database;
use crate::mail::SendOutcome;
use crate::queue::Queue;

type Labels = Vec<(&'static str, String)>;

pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    codes: Counter,
    verdicts: Family<Labels, Counter>,
    mails: Family<Labels, Counter>,
    links: Family<Labels, Counter>,
    login_tries: Family<Labels, Counter>,
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
            login_tries: Family::default(),
            sweeps: Counter::default(),
            waiting: Family::default(),
            oldest_seconds: Family::default(),
            registry: Mutex::default(),
        };
        registry.register("http_requests", "Requests, by path and status", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to respond", metrics.seconds.clone());
        registry.register("codes_sent", "Codes issued", metrics.codes.clone());
        registry.register("codes_verified", "Codes entered, by verdict", metrics.verdicts.clone());
        registry.register("mails", "Mails offered to the mail server, by its answer", metrics.mails.clone());
        registry.register("links", "Link jobs finished, by origin of the account, or abandoned", metrics.links.clone());
        registry.register("login_tries", "Practices of the new login, by result", metrics.login_tries.clone());
        registry.register("sweeps", "Sweeps of old rows", metrics.sweeps.clone());
        registry.register("outbox_waiting", "Waiting jobs, by queue", metrics.waiting.clone());
        registry.register(
            "outbox_oldest_seconds",
            "Age of the oldest waiting job, by queue",
            metrics.oldest_seconds.clone(),
        );
        Self { registry: Mutex::new(registry), ..metrics }
    }
}

impl Metrics {
    pub fn request(&self, path: &str, status: u16, took: Duration) {
        let labels = vec![("path", path.to_owned()), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn code_sent(&self) {
        self.codes.inc();
    }

    pub fn verdict(&self, verdict: &Verdict) {
        self.verdicts.get_or_create(&label("verdict", verdict.into_str())).inc();
    }

    pub fn mail(&self, outcome: SendOutcome) {
        self.mails.get_or_create(&label("answer", outcome.into_str())).inc();
    }

    pub fn link(&self, origin: &str) {
        self.links.get_or_create(&label("origin", origin)).inc();
    }

    pub fn login_try(&self, result: &str) {
        self.login_tries.get_or_create(&label("result", result)).inc();
    }

    pub fn swept(&self) {
        self.sweeps.inc();
    }

    /// All metrics in the Prometheus text format. Reads the queues first.
    pub async fn text(&self, database: &Database) -> sqlx::Result<String> {
        let mut tx = database.begin_read().await?;
        for queue in Queue::ALL {
            let (waiting, oldest) = queue.waiting(&mut tx).await?;
            let labels = label("queue", queue.into_str());
            self.waiting.get_or_create(&labels).set(waiting);
            let age = oldest.map_or(0, |at| (Clock::system_now() - at).max(0) / SECOND);
            self.oldest_seconds.get_or_create(&labels).set(age);
        }
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        Ok(text)
    }
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}
