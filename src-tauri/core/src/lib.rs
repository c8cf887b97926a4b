//! What the app does, without Tauri.
mod commands;
mod problem;
mod view;
pub use hrm_api::Language;
pub use problem::Problem;
pub use secrecy::SecretString;
pub use view::{Edition, Linking, Notice, Phase, Place, View};

#[cfg(test)]
mod bridge;
