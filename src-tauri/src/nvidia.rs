//! WebKitGTK's DMA-BUF renderer leaves the window empty on NVIDIA's own driver (tauri-apps/tauri#9304). It can be told to
//! do without only by the environment, before GTK starts.

use std::{ffi::OsStr, os::unix::process::CommandExt as _, path::Path, process::Command};

const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// There when the driver of NVIDIA is loaded; the free one has no such file.
const DRIVER: &str = "/proc/driver/nvidia/version";

/// Starts this program anew in the same process with the variable set, where it is needed. Whoever has set it has decided.
///
/// Anew, because changing the environment of a running program is not safe in Rust.
pub(crate) fn avoid_the_empty_window() {
    if needed(std::env::var_os(VARIABLE).as_deref(), Path::new(DRIVER)) {
        let error = Command::new("/proc/self/exe").args(std::env::args_os().skip(1)).env(VARIABLE, "1").exec();
        tracing::warn!(kind = ?error.kind(), "the renderer that works with this driver could not be chosen");
    }
}

fn needed(set: Option<&OsStr>, driver: &Path) -> bool {
    set.is_none() && driver.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_with_the_driver_and_only_if_nobody_has_decided() {
        let folder = tempfile::tempdir().unwrap();
        let driver = folder.path().join("version");
        assert!(!needed(None, &driver));
        std::fs::write(&driver, "NVRM version").unwrap();
        assert!(needed(None, &driver));
        assert!(!needed(Some(OsStr::new("0")), &driver), "0 is a decision too");
    }
}
