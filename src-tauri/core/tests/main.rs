//! The core against a real backend, one program: each module is a topic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod connection;
mod contact;
mod device_token;
mod faults;
mod flow;
mod networks;
mod no_polling;
mod refused;
mod sessions;
mod state_order;
mod support;
mod try_login;
mod unknown_words;
