//! The services that the HRM backend depends on, as fakes that run in the same process: a mail server and Visma Connect.
//!
//! Each takes a listener that the caller has bound, so no port can be taken in between.

pub mod json_file;
pub mod mail_server;
pub mod visma_connect;
