//! The log file. Only this app's own lines, which contain no personal data: libraries log addresses and headers.

use tauri::{Runtime, plugin::TauriPlugin};
use tauri_plugin_log::{Builder, RotationStrategy, Target, TargetKind, log::LevelFilter};

const MAX_BYTES: u128 = 256 * 1024;

/// Writes `flex-connect.log` in the system's log folder and starts over when it is full.
pub(crate) fn file_plugin<R: Runtime>() -> TauriPlugin<R> {
    Builder::new()
        .clear_targets()
        .target(Target::new(TargetKind::LogDir { file_name: Some("flex-connect".into()) }))
        .level(LevelFilter::Info)
        .filter(|line| line.target().starts_with("flex_connect"))
        .max_file_size(MAX_BYTES)
        .rotation_strategy(RotationStrategy::KeepOne)
        .build()
}
