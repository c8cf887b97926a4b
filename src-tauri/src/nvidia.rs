//! WebKitGTK's DMA-BUF renderer leaves the window empty with NVIDIA's proprietary driver (tauri-apps/tauri#9304).
//! Only an environment variable, set before GTK starts, disables it.

use std::{ffi::OsStr, os::unix::process::CommandExt as _, path::Path, process::Command};

const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// Exists when NVIDIA's proprietary driver is loaded; nouveau has no such file.
const DRIVER: &str = "/proc/driver/nvidia/version";

/// Re-executes this program with the variable set, if the driver needs it and the user has not set it.
///
/// Changing the environment of a running program is not safe in Rust.
pub(crate) fn disable_dmabuf_renderer() {
    if needed(std::env::var_os(VARIABLE).as_deref(), Path::new(DRIVER)) {
        let error = Command::new("/proc/self/exe").args(std::env::args_os().skip(1)).env(VARIABLE, "1").exec();
        tracing::warn!(kind = ?error.kind(), "could not disable the DMA-BUF renderer");
    }
}

fn needed(set: Option<&OsStr>, driver: &Path) -> bool {
    set.is_none() && driver.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_with_the_driver_and_if_the_variable_is_not_set() {
        let folder = tempfile::tempdir().unwrap();
        let driver = folder.path().join("version");
        assert!(!needed(None, &driver));
        std::fs::write(&driver, "NVRM version").unwrap();
        assert!(needed(None, &driver));
        assert!(!needed(Some(OsStr::new("0")), &driver), "0 is a choice too");
    }
}
