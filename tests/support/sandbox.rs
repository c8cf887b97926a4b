//! A fresh environment for each test: display, message bus, credential store, home folder. [`System`] holds what differs
//! between operating systems.

use std::{
    ffi::OsString,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder};
use serde_json::json;
use tempfile::TempDir;

use super::{
    POLL_INTERVAL, TIMEOUT, eventually,
    page::Page,
    programs::{ChildGuard, HeldPort, app, tool},
    report::{self, FailureCapture},
    system::System,
};

pub struct Sandbox {
    /// Dropped first: its processes must not write to the folder while it is removed.
    pub system: System,
    home: TempDir,
}

/// A running app and the WebDriver that controls it.
pub struct AppSession {
    /// Dropped first, while the page still exists.
    _failure_capture: FailureCapture,
    pub page: Page,
    client: Client,
    driver: Driver,
}

/// A running tauri-driver.
pub struct Driver {
    /// Its native driver ends with it.
    process: ChildGuard,
    pub url: String,
    _ports: [HeldPort; 2],
}

impl Sandbox {
    pub fn new() -> Self {
        Self::with(false, None)
    }

    pub fn dark() -> Self {
        Self::with(true, None)
    }

    /// Shows its windows on this display instead of one of its own.
    pub fn on_display(display: Option<String>) -> Self {
        Self::with(false, display)
    }

    fn with(dark: bool, display: Option<String>) -> Self {
        let home = tempfile::Builder::new().prefix("flex-connect-sandbox-").tempdir().unwrap();
        let system = System::start(home.path(), dark, display);
        Self { system, home }
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The text of the app's `record.json`.
    pub fn record(&self) -> String {
        fs::read_to_string(self.system.app_folder().join("record.json")).unwrap_or_default()
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.system.command(program)
    }

    /// Starts tauri-driver on this port.
    pub fn start_driver(&self, port: HeldPort, native_driver: Option<OsString>) -> Driver {
        let native_port = HeldPort::any();
        let mut driver = self.command(tool("tauri-driver"));
        driver.args(["--port", &port.number.to_string(), "--native-port", &native_port.number.to_string()]);
        if let Some(native) = native_driver.or_else(|| std::env::var_os("FLEX_CONNECT_NATIVE_DRIVER")) {
            driver.arg("--native-driver").arg(native);
        }
        let driver = driver.stdout(Stdio::null()).spawn().expect("tauri-driver starts: cargo xtask test installs it");
        let url = format!("http://127.0.0.1:{}", port.number);
        Driver { process: ChildGuard(driver), url, _ports: [port, native_port] }
    }

    /// Starts the app through tauri-driver.
    pub async fn start_app(&self, arguments: &[&str]) -> AppSession {
        self.start_app_with(None, TIMEOUT, arguments).await
    }

    /// With another native driver, and another limit for the session to begin.
    pub async fn start_app_with(
        &self,
        native_driver: Option<OsString>,
        limit: Duration,
        arguments: &[&str],
    ) -> AppSession {
        let mut failures = 0;
        let (driver, client) = loop {
            let driver = self.start_driver(HeldPort::any(), native_driver.clone());
            let began = Instant::now();
            let client = tokio::time::timeout(limit, connect(&driver.url, arguments)).await;
            report::step("a WebDriver session", began);
            match client {
                Ok(client) => break (driver, client),
                // Now and then WebKitWebDriver starts the app and hangs.
                Err(_) if failures < 2 => {
                    failures += 1;
                    eprintln!("No WebDriver session in {limit:?}: starting tauri-driver and the app again.");
                    self.end_app_and_driver(driver).await;
                }
                Err(_) => panic!("no WebDriver session in three times {limit:?}"),
            }
        };
        let driver_url = driver.url.clone();
        let session = client.session_id().await.ok().flatten().unwrap_or_default();
        let screen = self.system.screen_capture();
        let session_url = format!("{driver_url}/session/{session}");
        let failure_capture = FailureCapture { screen: screen.clone(), session_url };
        let page = Page::new(client.clone(), driver_url, screen).await;
        AppSession { page, _failure_capture: failure_capture, client, driver }
    }

    /// Presses Tab until the element with this role and name has the focus.
    pub async fn tab_to(&self, page: &Page, role: &str, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..25 {
            let before = page.focused().await;
            self.system.press_keys("Tab");
            let focused = eventually("the next focused element", || async {
                let focused = page.focused().await;
                (focused != before).then_some(focused)
            })
            .await;
            if focused.as_ref().is_some_and(|(r, n)| r == role && n == name) {
                return;
            }
            passed.push(focused);
        }
        panic!("Tab does not reach {role} {name:?}, only {passed:?}");
    }

    async fn end_app_and_driver(&self, mut driver: Driver) {
        // The native driver is not killed with tauri-driver, but it is its child.
        let children = self.system.children_of(driver.process.0.id());
        driver.process.0.kill().ok();
        children.into_iter().chain(self.app_processes()).for_each(System::kill);
        eventually("end of the app", || async { self.app_processes().is_empty().then_some(()) }).await;
    }

    pub fn app_processes(&self) -> Vec<u32> {
        self.system.app_processes()
    }
}

impl AppSession {
    /// Kills the app with SIGKILL, as a system that is out of memory does.
    pub async fn kill(self, sandbox: &Sandbox) {
        for pid in sandbox.app_processes() {
            System::kill(pid);
        }
        eventually("end of the app", || async { sandbox.app_processes().is_empty().then_some(()) }).await;
        drop(self.driver);
        drop(self.client);
    }

    pub async fn close(self, sandbox: &Sandbox) {
        self.client.close().await.ok();
        eventually("end of the app", || async { sandbox.app_processes().is_empty().then_some(()) }).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        report::write(&self.folder("stderr.log"));
    }
}

/// Tries until a session begins.
async fn connect(driver_url: &str, arguments: &[&str]) -> Client {
    let capabilities = capabilities(arguments);
    loop {
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        if let Ok(client) = builder.connect(driver_url).await {
            return client;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The capabilities with which a WebDriver client starts the app.
pub fn capabilities(arguments: &[&str]) -> serde_json::Value {
    json!({ "tauri:options": { "application": app(), "args": arguments } })
}
