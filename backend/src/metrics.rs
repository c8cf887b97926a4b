//! Prometheus metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hrm_api::{Delivery, ProblemCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use strum::VariantArray as _;

use crate::challenge::{ChallengeEnd, Verdict};
use crate::clock::{Clock, SECOND};
use crate::database::Database;
use crate::health::{Health, Service};
use crate::mail::{NotSent, SendOutcome};
use crate::queue::{self, Queue};

/// How a mail left the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum MailEnd {
    Accepted,
    Bounced,
    /// Too old, or it cannot be sent any more.
    Failed,
    /// Handed over twice without an answer.
    Unconfirmed,
    /// A newer code took its place.
    Superseded,
}

impl MailEnd {
    pub fn of(delivery: Option<Delivery>) -> Self {
        match delivery {
            Some(Delivery::Accepted) => Self::Accepted,
            Some(Delivery::Bounced) => Self::Bounced,
            Some(Delivery::Deferred) => Self::Unconfirmed,
            Some(_) => Self::Failed,
            None => Self::Superseded,
        }
    }
}

type Labels = Vec<(&'static str, String)>;

pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    codes: Counter,
    verdicts: Family<Labels, Counter>,
    mails: Family<Labels, Counter>,
    mail_failures: Family<Labels, Counter>,
    mails_ended: Family<Labels, Counter>,
    links: Family<Labels, Counter>,
    login_tries: Family<Labels, Counter>,
    link_failures: Family<Labels, Counter>,
    sign_ins: Family<Labels, Counter>,
    sweeps: Counter,
    waiting: Family<Labels, Gauge>,
    oldest_seconds: Family<Labels, Gauge>,
    connections: Family<Labels, Gauge>,
    connections_max: Gauge,
    degraded: Family<Labels, Gauge>,
    worker_idle_seconds: Gauge,
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
            mail_failures: Family::default(),
            mails_ended: Family::default(),
            links: Family::default(),
            login_tries: Family::default(),
            link_failures: Family::default(),
            sign_ins: Family::default(),
            sweeps: Counter::default(),
            waiting: Family::default(),
            oldest_seconds: Family::default(),
            connections: Family::default(),
            connections_max: Gauge::default(),
            degraded: Family::default(),
            worker_idle_seconds: Gauge::default(),
            registry: Mutex::default(),
        };
        registry.register("http_requests", "Requests, by path and status", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to respond", metrics.seconds.clone());
        registry.register("codes_sent", "Codes issued", metrics.codes.clone());
        registry.register("codes_verified", "Codes entered, by verdict", metrics.verdicts.clone());
        registry.register("mails", "Mails offered to the mail server, by its answer", metrics.mails.clone());
        registry.register("mail_failures", "Attempts at a mail that failed, by cause", metrics.mail_failures.clone());
        registry.register("mails_ended", "Mails that left the outbox, by how", metrics.mails_ended.clone());
        registry.register("links", "Link jobs finished, by origin of the account, or abandoned", metrics.links.clone());
        registry.register("login_tries", "Practices of the new login, by result", metrics.login_tries.clone());
        registry.register("link_failures", "Attempts at a link that failed, by cause", metrics.link_failures.clone());
        registry.register("sign_ins", "Sign-ins, by answer", metrics.sign_ins.clone());
        registry.register("sweeps", "Sweeps of old rows", metrics.sweeps.clone());
        registry.register("outbox_waiting", "Waiting jobs, by queue", metrics.waiting.clone());
        registry.register(
            "outbox_oldest_seconds",
            "Age of the oldest waiting job, by queue",
            metrics.oldest_seconds.clone(),
        );
        registry.register("database_connections", "Connections to the database, by state", metrics.connections.clone());
        registry.register("database_connections_max", "The most connections", metrics.connections_max.clone());
        registry.register("degraded", "1 if this shared service fails, see /readyz", metrics.degraded.clone());
        registry.register(
            "worker_idle_seconds",
            "Time since the worker's last pass over the queues",
            metrics.worker_idle_seconds.clone(),
        );
        // Counters that alerts watch begin at 0: a series that appears with its first failure has no increase.
        for outcome in SendOutcome::VARIANTS {
            drop(metrics.mails.get_or_create(&label("answer", outcome.into_str())));
        }
        for end in MailEnd::VARIANTS {
            drop(metrics.mails_ended.get_or_create(&label("end", end.into_str())));
        }
        for end in [ChallengeEnd::AccountTaken, ChallengeEnd::AccountRefused, ChallengeEnd::Abandoned] {
            drop(metrics.links.get_or_create(&label("origin", end.into_str())));
        }
        let refusals = [ProblemCode::BadCredentials, ProblemCode::TooManyRequests, ProblemCode::Unavailable];
        for answer in refusals.map(ProblemCode::as_str).into_iter().chain(["signed_in"]) {
            drop(metrics.sign_ins.get_or_create(&label("answer", answer)));
        }
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

    pub fn mail(&self, result: Result<(), &NotSent>) {
        let outcome = result.map_or_else(|not_sent| not_sent.outcome, |()| SendOutcome::Accepted);
        self.mails.get_or_create(&label("answer", outcome.into_str())).inc();
        if let Err(not_sent) = result {
            self.mail_failures.get_or_create(&label("cause", not_sent.cause)).inc();
        }
    }

    pub fn mail_ended(&self, end: MailEnd) {
        self.mails_ended.get_or_create(&label("end", end.into_str())).inc();
    }

    pub fn link_failure(&self, cause: &str) {
        self.link_failures.get_or_create(&label("cause", cause)).inc();
    }

    pub fn sign_in(&self, answer: &str) {
        self.sign_ins.get_or_create(&label("answer", answer)).inc();
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

    /// All metrics in the OpenMetrics text format. Reads the queues first.
    pub async fn text(&self, database: &Database, health: &Health, worker_idle: Duration) -> sqlx::Result<String> {
        let mut tx = database.begin_read().await?;
        let mut waiting = vec![("unlink_jobs", queue::waiting(&mut tx, "unlink_jobs").await?)];
        for queue in Queue::ALL {
            waiting.push((queue.into_str(), queue.waiting(&mut tx).await?));
        }
        drop(tx);
        for (queue, (count, oldest)) in waiting {
            let labels = label("queue", queue);
            self.waiting.get_or_create(&labels).set(count);
            let age = oldest.map_or(0, |at| (Clock::system_now() - at).max(0) / SECOND);
            self.oldest_seconds.get_or_create(&labels).set(age);
        }
        let (used, idle, most) = database.connections();
        self.connections.get_or_create(&label("state", "used")).set(used.into());
        self.connections.get_or_create(&label("state", "idle")).set(idle.into());
        self.connections_max.set(most.into());
        for service in Service::ALL {
            let is_degraded = health.cause(service).is_some();
            self.degraded.get_or_create(&label("service", service.into_str())).set(is_degraded.into());
        }
        self.worker_idle_seconds.set(i64::try_from(worker_idle.as_secs()).unwrap_or(i64::MAX));
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
