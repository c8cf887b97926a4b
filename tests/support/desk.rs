//! A desk: the machine around the app, made anew for each test. What differs from system to system is in [`System`].

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use fantoccini::{Client, ClientBuilder};
use serde_json::json;
use tempfile::TempDir;

use super::{
    eventually,
    page::Page,
    report::{self, Witness},
    system::System,
};

/// A display, a message bus, a credential store and a home folder, all of its own where the system has such.
pub struct Desk {
    /// Goes first: nothing may write into the folder when it is removed.
    pub system: System,
    home: TempDir,
}

/// A program that ends with whoever holds this.
pub struct Servant(pub Child);

impl Drop for Servant {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The app under test with the WebDriver that holds it.
pub struct Running {
    /// Goes first, while the page is still there.
    _witness: Witness,
    pub page: Page,
    client: Client,
    driver: Servant,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(false, None)
    }

    pub fn dark() -> Self {
        Self::with(true, None)
    }

    /// A desk whose windows are on this display, if one is given, for a person to see.
    pub fn shown_on(display: Option<String>) -> Self {
        Self::with(false, display)
    }

    fn with(dark: bool, display: Option<String>) -> Self {
        let home = tempfile::Builder::new().prefix("flex-connect-desk-").tempdir().unwrap();
        let system = System::start(home.path(), dark, display);
        Self { system, home }
    }

    /// A folder of the desk, for a backend's data for example.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What the app has kept of where the employee was.
    pub fn record(&self) -> String {
        fs::read_to_string(self.system.app_folder().join("record.json")).unwrap_or_default()
    }

    /// A command that lives on this desk.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.system.command(program)
    }

    /// Starts tauri-driver on this port, and says where it listens.
    pub fn driver(&self, port: u16) -> (Servant, String) {
        let mut driver = self.command(tool("tauri-driver"));
        driver.args(["--port", &port.to_string(), "--native-port", &free_port().to_string()]).stdout(Stdio::null());
        if let Some(native) = std::env::var_os("FLEX_CONNECT_NATIVE_DRIVER") {
            driver.arg("--native-driver").arg(native);
        }
        let driver = Servant(driver.spawn().expect("tauri-driver starts: cargo xtask test installs it"));
        (driver, format!("http://127.0.0.1:{port}"))
    }

    /// Starts the app through tauri-driver, as QA does.
    pub async fn start(&self, arguments: &[&str]) -> Running {
        let (driver, url) = self.driver(free_port());
        let capabilities = capabilities(arguments);
        let client = eventually("a WebDriver session", || async {
            let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
            builder.capabilities(capabilities.as_object().unwrap().clone());
            builder.connect(&url).await.ok()
        })
        .await;
        let session = client.session_id().await.ok().flatten().unwrap_or_default();
        let camera = self.system.camera();
        let witness = Witness { camera: camera.clone(), session: format!("{url}/session/{session}") };
        Running { page: Page::new(client.clone(), url, camera).await, _witness: witness, client, driver }
    }

    /// Presses Tab until this has the focus.
    pub async fn tab_to(&self, page: &Page, role: &str, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..25 {
            let before = page.focused().await;
            self.system.press("Tab");
            let focused = eventually("the focus to move on", || async {
                let focused = page.focused().await;
                (focused != before).then_some(focused)
            })
            .await;
            if focused.as_ref().is_some_and(|(r, n)| r == role && n == name) {
                return;
            }
            passed.push(focused);
        }
        panic!("Tab does not come to {role} {name:?}, but to {passed:?}");
    }

    /// Process ids of the app on this desk.
    pub fn app_processes(&self) -> Vec<u32> {
        self.system.app_processes()
    }
}

impl Running {
    /// Ends the app as a system that needs the memory does: without a word.
    pub async fn kill(self, desk: &Desk) {
        for pid in desk.app_processes() {
            System::kill(pid);
        }
        eventually("the app to be gone", || async { desk.app_processes().is_empty().then_some(()) }).await;
        drop(self.driver);
        drop(self.client);
    }

    /// Closes the app.
    pub async fn close(self, desk: &Desk) {
        self.client.close().await.ok();
        eventually("the app to be gone", || async { desk.app_processes().is_empty().then_some(()) }).await;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        report::write(&self.folder("stderr.log"));
    }
}

/// What a WebDriver client sends to have the app.
pub fn capabilities(arguments: &[&str]) -> serde_json::Value {
    json!({ "tauri:options": { "application": app(), "args": arguments } })
}

/// The program under test: `FLEX_CONNECT_APP`, or the one that cargo built beside the tests.
pub fn app() -> PathBuf {
    match std::env::var_os("FLEX_CONNECT_APP") {
        Some(app) => PathBuf::from(app),
        None => built().join(format!("flex-connect{}", std::env::consts::EXE_SUFFIX)),
    }
}

fn built() -> PathBuf {
    // target/debug/deps/e2e-… or target/debug/examples/tour
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// A tool that `cargo xtask` keeps in `target/tools`, else the one on the path.
fn tool(name: &str) -> PathBuf {
    let kept = built().parent().unwrap().join("tools/bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if kept.exists() { kept } else { name.into() }
}

/// A port that stays free until its server takes it: below those that systems give to outgoing calls, and never twice.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = std::process::id().wrapping_mul(97).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + (next % 12_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
