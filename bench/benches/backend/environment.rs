//! What every measurement uses.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::databases::Databases;
use crate::programs::Program;
use crate::relay::Relay;

pub(crate) struct Bench {
    pub databases: Databases,
    pub relay: Arc<Relay>,
    pub visma: SocketAddr,
}

impl Bench {
    pub(crate) fn backend(&self, url: &str) -> anyhow::Result<Program> {
        self.backend_with(url, &self.relay)
    }

    pub(crate) fn backend_with(&self, url: &str, relay: &Relay) -> anyhow::Result<Program> {
        Program::backend(url, relay.address, self.visma)
    }
}

pub(crate) fn quick() -> bool {
    std::env::var_os("BENCH_QUICK").is_some_and(|value| value == "1")
}

pub(crate) fn milliseconds(seconds: f64) -> f64 {
    seconds * 1_000.0
}
