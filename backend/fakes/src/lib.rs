//! The services that the HRM backend depends on, as fakes that run in the same process: a mail server and Visma Connect.
//!
//! Each takes a listener that the caller has bound, so no port can be taken in between.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod json_file;
pub mod mail_server;
pub mod visma_connect;
