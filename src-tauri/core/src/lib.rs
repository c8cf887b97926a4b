//! What the Flex HRM Connect app does, without Tauri, UI text, disk paths or a clock of its own.
//!
//! [`App`] holds one value and shows one [`View`]; its methods are the [`commands`](crate::commands!). What it needs from
//! the device comes in through [`ports`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod answer;
mod app;
mod client;
pub mod code;
mod commands;
mod diagnostics;
pub mod ports;
mod problem;
mod record;
pub mod server;
mod server_clock;
mod settings_link;
mod view;

pub use app::{App, Device, Start};
pub use hrm_api::Language;
pub use problem::Problem;
pub use secrecy::SecretString;
pub use view::{Edition, Linking, Notice, Phase, Place, View};

#[cfg(test)]
mod bridge;
