//! An in-memory device, and the real backend in this process.

#[path = "../../../../backend/tests/support/demo_folder.rs"]
mod demo_folder;
pub mod proxy;
pub mod script;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use demo_folder::DemoFolder;
use flex_connect_core::{
    App, Edition, LaunchOptions, Linking, Phase, SecretString, View,
    ports::{
        Browser, Clipboard, Clock, EmailApp, NotCopied, NotOpened, NotSaved, Persistence, Platform, RecordStore,
        StoredToken, SystemClock, TokenOwner, Vault, VaultError,
    },
};
use hrm_backend::demo::{Demo, Options};
use serde_json::{Value, json};

/// Long enough for a busy machine: only a failing test waits this long.
pub const LIMIT: Duration = Duration::from_secs(60);

pub const ANNA_AT_WORK: &str = "anna.svensson@company.com";

/// Every port of the platform in memory, for tests to inspect and change.
#[derive(Clone, Default)]
pub struct FakeDevice(Arc<Mutex<DeviceState>>);

#[derive(Default)]
pub struct DeviceState {
    /// What the credential store holds.
    pub token: Option<StoredToken>,
    pub vault_is_locked: bool,
    pub no_vault: bool,
    /// How long the store takes to save.
    pub write_takes: Duration,
    /// How long the store takes to delete.
    pub delete_takes: Duration,
    pub deletes: usize,
    pub folder_is_unusable: bool,
    /// The disk is slow: saves wait until this is false.
    pub holds_saves: bool,
    /// How many saves have begun.
    pub saves_begun: usize,
    pub record: Option<String>,
    pub opened: Vec<String>,
    pub browser_is_missing: bool,
    /// Whether the system can open an e-mail app.
    pub has_email_app: bool,
    pub email_app_is_missing: bool,
    pub copied: Option<String>,
    pub refuses_paste: bool,
    /// Offset of the device's wall clock.
    pub clock_skew: TimeDelta,
    /// How long the device slept: its monotonic clock went on.
    pub slept: Duration,
}

impl FakeDevice {
    pub fn with<T>(&self, look: impl FnOnce(&mut DeviceState) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    pub fn has_token(&self) -> bool {
        self.with(|device| device.token.is_some())
    }
}

impl Vault for FakeDevice {
    fn read(&self, owner: &TokenOwner) -> Result<Option<SecretString>, VaultError> {
        self.with(|device| {
            if device.vault_is_locked {
                return Err(VaultError);
            }
            Ok(device.token.as_ref().filter(|stored| stored.owner == *owner).map(|stored| stored.token.clone()))
        })
    }
    fn write(&self, token: &StoredToken) -> Persistence {
        std::thread::sleep(self.with(|device| device.write_takes));
        self.with(|device| {
            if device.no_vault || device.vault_is_locked {
                return Persistence::SessionOnly;
            }
            device.token = Some(token.clone());
            Persistence::Persistent
        })
    }
    fn delete_others(&self, keep: Option<&TokenOwner>) -> Result<(), VaultError> {
        std::thread::sleep(self.with(|device| device.delete_takes));
        self.with(|device| {
            device.deletes += 1;
            if device.vault_is_locked {
                return Err(VaultError);
            }
            if device.token.as_ref().map(|stored| &stored.owner) != keep {
                device.token = None;
            }
            Ok(())
        })
    }
}

impl RecordStore for FakeDevice {
    fn load(&self) -> Option<String> {
        self.with(|device| device.record.clone())
    }
    fn save(&self, text: &str) -> Result<(), NotSaved> {
        self.with(|device| device.saves_begun += 1);
        while self.with(|device| device.holds_saves) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.with(|device| {
            if device.folder_is_unusable {
                return Err(NotSaved);
            }
            device.record = Some(text.to_owned());
            Ok(())
        })
    }
}

impl Browser for FakeDevice {
    fn open(&self, url: &str) -> Result<(), NotOpened> {
        self.with(|device| {
            if device.browser_is_missing {
                return Err(NotOpened);
            }
            device.opened.push(url.to_owned());
            Ok(())
        })
    }
}

impl EmailApp for FakeDevice {
    fn open(&self) -> Result<(), NotOpened> {
        self.with(|device| {
            if device.email_app_is_missing {
                return Err(NotOpened);
            }
            device.opened.push("the e-mail app".into());
            Ok(())
        })
    }
}

impl Clipboard for FakeDevice {
    fn copy(&self, text: &str) -> Result<(), NotCopied> {
        self.with(|device| device.copied = Some(text.to_owned()));
        Ok(())
    }

    fn paste(&self) -> Result<SecretString, NotCopied> {
        self.with(|device| {
            if device.refuses_paste { Err(NotCopied) } else { Ok(device.copied.clone().unwrap_or_default().into()) }
        })
    }
}

struct SkewedClock(FakeDevice);

impl Clock for SkewedClock {
    fn wall(&self) -> DateTime<Utc> {
        SystemClock.wall() + self.0.with(|device| device.clock_skew)
    }
    fn monotonic(&self) -> Duration {
        SystemClock.monotonic() + self.0.with(|device| device.slept)
    }
}

/// Starts the app. Starting it again with the same device simulates a restart after a kill.
pub fn start(device: &FakeDevice, edition: Edition) -> App {
    start_with(device, edition, reqwest::Client::builder)
}

pub fn start_with(
    device: &FakeDevice,
    edition: Edition,
    http: impl Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
) -> App {
    hrm_backend::install_cryptography();
    let platform = Platform {
        vault: Arc::new(device.clone()),
        record_store: Arc::new(device.clone()),
        clock: Arc::new(SkewedClock(device.clone())),
        browser: Arc::new(device.clone()),
        clipboard: Arc::new(device.clone()),
        email_app: device.with(|state| state.has_email_app).then(|| Arc::new(device.clone()) as _),
    };
    App::new(LaunchOptions { edition, server: None, username: None, system: "a test".into() }, platform, http)
}

/// The real backend in demo mode.
pub struct Backend {
    demo: Option<Demo>,
    pub url: String,
    folder: DemoFolder,
    http: reqwest::Client,
}

impl Backend {
    pub async fn start() -> Self {
        let folder = DemoFolder::new();
        let demo = Demo::start(options(folder.path().into(), 0)).await.unwrap();
        Self { url: demo.url(), demo: Some(demo), folder, http: reqwest::Client::new() }
    }

    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub async fn stop(&mut self) {
        self.demo.take().unwrap().shutdown().await;
    }

    /// Starts it again with the same data and port.
    pub async fn restart(&mut self) {
        self.demo = Some(Demo::start(options(self.folder.path().into(), self.port())).await.unwrap());
    }

    pub async fn demo_post(&self, path: &str, body: Value) {
        let answer = self.http.post(format!("{}{path}", self.url)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    pub async fn advance_clock(&self, seconds: u64) {
        self.demo_post("/demo/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub async fn inbox(&self) -> Vec<Value> {
        let answer = self.http.get(format!("{}/demo/inbox.json", self.url)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// The code in the newest mail, once `mails` have arrived.
    pub async fn code(&self, mails: usize) -> String {
        eventually("the code's mail", || async {
            let inbox = self.inbox().await;
            if inbox.len() < mails {
                return None;
            }
            let alone = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
            inbox[0]["text"].as_str()?.lines().map(str::trim).find(alone).map(str::to_owned)
        })
        .await
    }
}

fn options(data_dir: PathBuf, port: u16) -> Options {
    Options { listen: ([127, 0, 0, 1], port).into(), data_dir }
}

pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let found = tokio::time::timeout(LIMIT, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("timed out waiting for {what}"))
}

pub async fn wait_for_view(app: &App, what: &str, wanted: impl Fn(&View) -> bool) -> View {
    let mut views = app.views();
    let found = tokio::time::timeout(LIMIT, views.wait_for(|view| wanted(view)));
    found.await.unwrap_or_else(|_| panic!("timed out waiting for {what}")).unwrap().clone()
}

pub fn linking(view: &View) -> &Linking {
    match &view.phase {
        Phase::SignedIn { linking: Some(linking), .. } => linking,
        other => panic!("no linking in {other:?}"),
    }
}

pub async fn signed_in(device: &FakeDevice, backend: &Backend) -> App {
    let app = start(device, Edition::Mobile);
    app.sign_in(backend.url.clone(), "Anna.Svensson".into(), "demo".into()).await.unwrap();
    app
}
