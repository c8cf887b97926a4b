//! The log: a small file that starts anew when it is full. Only our own lines go in, and those name codes, not people;
//! libraries would log addresses and headers.

use tauri::{Runtime, plugin::TauriPlugin};
use tauri_plugin_log::{Builder, RotationStrategy, Target, TargetKind, log::LevelFilter};

const LARGEST_BYTES: u128 = 256 * 1024;

/// Writes to `flex-connect.log` in the system's folder for logs.
pub(crate) fn in_a_file<R: Runtime>() -> TauriPlugin<R> {
    Builder::new()
        .clear_targets()
        .target(Target::new(TargetKind::LogDir { file_name: Some("flex-connect".into()) }))
        .level(LevelFilter::Info)
        .filter(|line| line.target().starts_with("flex_connect"))
        .max_file_size(LARGEST_BYTES)
        .rotation_strategy(RotationStrategy::KeepOne)
        .build()
}
