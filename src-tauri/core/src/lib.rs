//! The app without Tauri, UI text, disk paths or a clock of its own.
//!
//! [`App`] holds the state and publishes it as one [`View`]; its methods are the [`commands`](crate::commands!). The
//! device is reached through [`ports`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod app;
mod app_state;
mod call_queue;
mod client;
pub mod code;
mod commands;
mod diagnostics;
mod event_limit;
mod login_page;
mod network_error;
pub mod ports;
mod problem;
mod projection;
mod record;
mod resolver;
pub mod response;
mod screen;
mod server_clock;
pub mod server_url;
mod session;
mod sync;
mod view;

pub use app::{App, LaunchOptions};
pub use hrm_api::{ContactWay, Language};
pub use problem::Problem;
pub use screen::{Edition, Screen};
pub use secrecy::SecretString;
pub use view::{Contact, Linking, LinkingProblem, Notice, Phase, TryLogin, View};

#[cfg(test)]
mod bridge;
