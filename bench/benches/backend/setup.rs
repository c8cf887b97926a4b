//! What the parts share: the databases, the mail server, Visma Connect, and the sizes of the population.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::databases::{Databases, Population};
use crate::programs::Program;
use crate::relay::Relay;

pub const SMALL: Population = Population { employees: 1_000, challenged: 3, addresses: 2, clients: 1_000 };
/// 300,000 of them have a live challenge.
pub const MILLION: Population = Population { employees: 1_000_000, ..SMALL };

pub struct Bench {
    pub databases: Databases,
    pub relay: Arc<Relay>,
    pub visma: SocketAddr,
}

impl Bench {
    pub fn backend(&self, url: &str) -> anyhow::Result<Program> {
        self.backend_with(url, &self.relay)
    }

    pub fn backend_with(&self, url: &str, relay: &Relay) -> anyhow::Result<Program> {
        Program::backend(url, relay.address, self.visma)
    }
}

pub fn quick() -> bool {
    std::env::var_os("BENCH_QUICK").is_some_and(|value| value == "1")
}

pub fn milliseconds(seconds: f64) -> f64 {
    seconds * 1_000.0
}
