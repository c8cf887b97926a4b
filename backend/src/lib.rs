//! The reference HRM backend of Flex HRM Connect.
//!
//! A request goes through [`routes`] (HTTP), [`flow`] (one transaction per call), [`challenge`] and [`policy`] (the rules,
//! pure), [`snapshot`] (what the database knows of the employee) and [`state`] (the State that follows from it). Slower
//! work waits in a [`queue`] in the database: mails in [`outbox`], links in [`linking`]. Every number is in [`rules`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod admin;
pub mod backend;
pub mod challenge;
pub mod challenge_store;
pub mod client_address;
pub mod clock;
pub mod connection;
pub mod database;
#[cfg(feature = "demo")]
pub mod demo;
pub mod directory;
pub mod email;
pub mod error;
pub mod events;
pub mod flow;
pub mod health;
pub mod idempotency;
pub mod keys;
pub mod linking;
pub mod login_provider;
pub mod mail;
pub mod metrics;
pub mod outbox;
pub mod password;
pub mod policy;
pub mod queue;
pub mod rate_limit;
pub mod revisions;
pub mod routes;
pub mod rules;
pub mod server;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod snapshot_cache;
pub mod state;
pub mod stored_hash;
pub mod sweep;
pub mod text;
pub mod try_login;
pub mod try_login_page;
pub mod unlinking;
pub mod upgrade;
pub mod worker;

pub use backend::Backend;
pub use server::install_cryptography;
