//! The services that the HRM backend depends on, as fakes that run in the same process: a mail server and Visma Connect.
//!
//! Each takes a bound listener: the caller knows its port before it serves.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod accounts;
pub mod json_file;
pub mod login;
pub mod mail_server;
pub mod program;
pub mod visma_connect;
