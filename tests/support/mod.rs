//! What the end-to-end tests stand on: a desk of their own (display, message bus, credential store, folders, WebDriver) with
//! the real app on it, and a real backend. Everything ends with the test, and nothing is left in the user's own folders.

// Each test binary uses a part of this.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod backend;
pub mod desk;
pub mod page;
pub mod report;
pub mod seed;
pub mod stage;
#[cfg_attr(not(windows), path = "linux.rs")]
#[cfg_attr(windows, path = "windows.rs")]
pub mod system;

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long a state may take to come on a slow machine. Tests poll; they wait this long only when they fail.
pub const PATIENCE: Duration = Duration::from_secs(20);
const BEAT: Duration = Duration::from_millis(50);

/// Polls until there is something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let began = Instant::now();
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(BEAT).await;
        }
    });
    let found = found.await;
    report::step(what, began);
    found.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}
