//! Harness of the end-to-end tests: the real app in a sandbox of its own (display, message bus, credential store, folders,
//! WebDriver) and a real backend. Everything ends with the test, and nothing is written to the user's own folders.

// Each test binary uses only a part of this.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod backend;
pub mod expected_copy;
pub mod fixture;
pub mod page;
pub mod programs;
pub mod report;
pub mod sandbox;
#[cfg_attr(not(windows), path = "linux.rs")]
#[cfg_attr(windows, path = "windows.rs")]
pub mod system;

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Long enough for a slow machine: only a failing test waits this long.
pub const TIMEOUT: Duration = Duration::from_secs(20);
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Polls until the probe returns something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let began = Instant::now();
    let found = tokio::time::timeout(TIMEOUT, async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    });
    let found = found.await;
    report::step(what, began);
    found.unwrap_or_else(|_| panic!("timed out after {TIMEOUT:?}: {what}"))
}
