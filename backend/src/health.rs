//! What `/readyz` says of this process: the one place with the rule.
//!
//! *Not ready* (503): this process cannot serve, so another one may do better. A load balancer stops sending it calls.
//! *Degraded* (told in the body of the 200, and by `hrm_degraded`): a service that all backends share fails. With a 503
//! every backend would go at the same time, and employees would lose the whole app for a mail that comes later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::directory::DirectoryError;
use crate::mail::NotSent;

/// The worker makes a pass at least every second; a pass waits for the database for 10 s at most, twice.
const WORKER_LIMIT: Duration = Duration::from_mins(1);

/// How long a failure counts. What waits is tried again at least every minute, but another backend may have had success.
const TOLD_FOR: Duration = Duration::from_mins(10);

/// What all backends share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Service {
    Relay,
    VismaConnect,
}

impl Service {
    pub const ALL: [Self; 2] = [Self::Relay, Self::VismaConnect];
}

/// Why a service failed the last time that this process used it, and when.
#[derive(Debug, Default)]
pub struct Health {
    relay: Mutex<Option<(&'static str, Instant)>>,
    visma_connect: Mutex<Option<(&'static str, Instant)>>,
}

impl Health {
    /// A mail that was refused itself is no trouble of the relay.
    pub fn mail(&self, result: Result<(), &NotSent>) {
        let cause = result.err().filter(|not_sent| not_sent.is_relays_trouble).map(|not_sent| not_sent.cause);
        self.set(Service::Relay, cause, Instant::now());
    }

    /// An answer about one person is no trouble of the service.
    pub fn directory<T>(&self, result: Result<T, &DirectoryError>) {
        let cause = match result {
            // It works, and asked us to be slower.
            Err(DirectoryError::Paused(_)) => return,
            Err(error) if error.is_trouble_for_all() => Some(error.cause()),
            Ok(_) | Err(_) => None,
        };
        self.set(Service::VismaConnect, cause, Instant::now());
    }

    fn set(&self, service: Service, cause: Option<&'static str>, at: Instant) {
        *self.of(service).lock().unwrap_or_else(PoisonError::into_inner) = cause.map(|cause| (cause, at));
    }

    /// Why it is degraded.
    pub fn cause(&self, service: Service) -> Option<&'static str> {
        let failed = *self.of(service).lock().unwrap_or_else(PoisonError::into_inner);
        failed.filter(|(_, at)| at.elapsed() < TOLD_FOR).map(|(cause, _)| cause)
    }

    fn of(&self, service: Service) -> &Mutex<Option<(&'static str, Instant)>> {
        match service {
            Service::Relay => &self.relay,
            Service::VismaConnect => &self.visma_connect,
        }
    }
}

/// Why this process is not ready; whether the database takes a change is asked after that.
/// `worker_idle`: since the worker's last pass.
pub fn not_ready(is_stopping: bool, worker_idle: Duration) -> Option<&'static str> {
    if is_stopping {
        Some("it stops")
    } else if worker_idle > WORKER_LIMIT {
        Some("the worker has stopped: no mail is sent, and nobody is linked")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_until_a_success_or_for_ten_minutes() {
        let health = Health::default();
        let login = NotSent { cause: "login", is_relays_trouble: true, ..NotSent::default() };
        health.mail(Err(&login));
        assert_eq!(health.cause(Service::Relay), Some("login"));
        assert_eq!(health.cause(Service::VismaConnect), None);
        health.mail(Err(&NotSent { cause: "recipient", ..NotSent::default() }));
        assert_eq!(health.cause(Service::Relay), None, "the relay spoke about the recipient, so it took the login");
        let long_ago = Instant::now().checked_sub(TOLD_FOR).unwrap();
        health.set(Service::Relay, Some("login"), long_ago);
        assert_eq!(health.cause(Service::Relay), None);
    }

    #[test]
    fn a_no_about_one_person_is_no_trouble_of_visma_connect() {
        let health = Health::default();
        let rejected = |status| DirectoryError::Rejected { status, code: String::new() };
        health.directory::<()>(Err(&rejected(400)));
        assert_eq!(health.cause(Service::VismaConnect), None);
        health.directory::<()>(Err(&DirectoryError::NoToken(String::new())));
        health.directory::<()>(Err(&DirectoryError::Paused(Duration::ZERO)));
        assert_eq!(health.cause(Service::VismaConnect), Some("no_token"));
        for status in [401, 403, 500] {
            health.directory::<()>(Err(&rejected(status)));
            assert!(health.cause(Service::VismaConnect).is_some(), "{status}");
        }
        health.directory(Ok(()));
        assert_eq!(health.cause(Service::VismaConnect), None);
    }
}
