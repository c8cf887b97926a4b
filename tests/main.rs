//! The tests in a window, one program: each module is a topic. What needs a display and a WebDriver is in a module `e2e`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(not(windows))]
mod accessibility;
mod crash_recovery;
mod e2e_flow;
#[cfg(target_os = "linux")]
mod start;
mod support;
