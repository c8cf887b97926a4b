//! The backend's tests, one program: each module is a topic. One program is linked once and fills both cores.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod backup;
mod budgets;
mod company;
mod contract;
mod database_faults;
mod database_pool;
mod directory;
mod edge_input;
mod event_stream;
mod half_requests;
mod hang_ups;
mod idempotency;
mod import;
mod interleavings;
#[cfg(unix)]
mod log;
mod many_backends;
mod notifications;
mod oidc_provider;
mod operations;
mod operators;
mod recovery;
mod relay;
mod relay_tls;
mod revisions;
mod rolling_upgrade;
mod scenarios;
mod sign_in;
mod support;
mod try_login;
