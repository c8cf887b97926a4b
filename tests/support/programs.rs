//! Where the programs of a test are, and how they end.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Child,
    sync::atomic::{AtomicU32, Ordering},
};

/// Kills the process when dropped.
pub struct ChildGuard(pub Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The program under test: `FLEX_CONNECT_APP`, or the one that cargo built next to the tests.
pub fn app() -> PathBuf {
    match std::env::var_os("FLEX_CONNECT_APP") {
        Some(app) => PathBuf::from(app),
        None => profile_folder().join(format!("flex-connect{}", std::env::consts::EXE_SUFFIX)),
    }
}

/// `target/debug`, from `target/debug/deps/e2e_flow-…` or `target/debug/examples/screenshots`.
fn profile_folder() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// A program in `target/tools`, where `cargo xtask` installs it, or else on the PATH.
pub fn tool(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let installed = profile_folder().parent().unwrap().join("tools/bin").join(file);
    if installed.exists() { installed } else { name.into() }
}

/// Below the ports that systems assign to outgoing connections, and never the same twice, so that it is still free when its
/// server starts.
pub fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = std::process::id().wrapping_mul(97).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (next % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
