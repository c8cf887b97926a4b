//! A device made of memory, and the real backend in this process.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod proxy;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use flex_connect_core::{
    App, Device, Edition, Linking, Phase, SecretString, Start, View,
    ports::{Browser, Clipboard, Clock, Kept, NotCopied, NotOpened, Store, SystemClock, Vault, VaultUnreadable},
};
use hrm_backend::demo::{Demo, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const ANNA_AT_WORK: &str = "anna.svensson@company.com";

/// What the parts of a device remember, for the test to look at and to damage.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Default)]
pub struct Remembered {
    pub token: Option<SecretString>,
    pub vault_is_locked: bool,
    pub no_vault: bool,
    pub record: Option<String>,
    pub opened: Vec<String>,
    pub copied: Option<String>,
    /// How far the device's wall clock is off.
    pub wall_is_off: TimeDelta,
}

impl Memory {
    pub fn with<T>(&self, look: impl FnOnce(&mut Remembered) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

impl Vault for Memory {
    fn read(&self) -> Result<Option<SecretString>, VaultUnreadable> {
        self.with(|memory| if memory.vault_is_locked { Err(VaultUnreadable) } else { Ok(memory.token.clone()) })
    }
    fn write(&self, token: &SecretString) -> Kept {
        self.with(|memory| {
            memory.token = Some(token.clone());
            if memory.no_vault { Kept::InMemory } else { Kept::Stored }
        })
    }
    fn delete(&self) -> Result<(), VaultUnreadable> {
        self.with(|memory| memory.token = None);
        Ok(())
    }
}

impl Store for Memory {
    fn load(&self) -> Option<String> {
        self.with(|memory| memory.record.clone())
    }
    fn save(&self, text: &str) {
        self.with(|memory| memory.record = Some(text.to_owned()));
    }
}

impl Browser for Memory {
    fn open(&self, url: &str) -> Result<(), NotOpened> {
        self.with(|memory| memory.opened.push(url.to_owned()));
        Ok(())
    }
}

impl Clipboard for Memory {
    fn copy(&self, text: &str) -> Result<(), NotCopied> {
        self.with(|memory| memory.copied = Some(text.to_owned()));
        Ok(())
    }

    fn paste(&self) -> Option<SecretString> {
        self.with(|memory| memory.copied.clone()).map(SecretString::from)
    }
}

struct OffClock(Memory, SystemClock);

impl Clock for OffClock {
    fn wall(&self) -> DateTime<Utc> {
        self.1.wall() + self.0.with(|memory| memory.wall_is_off)
    }
    fn monotonic(&self) -> Duration {
        self.1.monotonic()
    }
}

/// Starts the app on a device. The same memory again is the same device after a kill.
pub fn start(memory: &Memory, edition: Edition) -> App {
    start_with(memory, edition, reqwest::Client::builder)
}

/// The same with other settings of the HTTP client.
pub fn start_with(
    memory: &Memory,
    edition: Edition,
    http: impl Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
) -> App {
    hrm_backend::install_cryptography();
    let device = Device {
        vault: Arc::new(memory.clone()),
        store: Arc::new(memory.clone()),
        clock: Arc::new(OffClock(memory.clone(), SystemClock::default())),
        browser: Arc::new(memory.clone()),
        clipboard: Arc::new(memory.clone()),
    };
    App::new(Start { edition, server: None, username: None, platform: "a test".into() }, device, http)
}

/// The real backend in its demo form.
pub struct Backend {
    demo: Option<Demo>,
    pub url: String,
    folder: TempDir,
    http: reqwest::Client,
}

impl Backend {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(options(folder.path().into(), 0)).await.unwrap();
        Self { url: demo.url(), demo: Some(demo), folder, http: reqwest::Client::new() }
    }

    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Takes it off the network.
    pub async fn stop(&mut self) {
        self.demo.take().unwrap().shutdown().await;
    }

    /// Brings it back where it was.
    pub async fn restart(&mut self) {
        self.demo = Some(Demo::start(options(self.folder.path().into(), self.port())).await.unwrap());
    }

    pub async fn door(&self, path: &str, body: Value) {
        let answer = self.http.post(format!("{}{path}", self.url)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    pub async fn pass(&self, seconds: u64) {
        self.door("/demo/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub async fn inbox(&self) -> Vec<Value> {
        let answer = self.http.get(format!("{}/demo/inbox.json", self.url)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// The code in the newest mail, once there are `mails`.
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
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Waits for a view that satisfies.
pub async fn sees(app: &App, what: &str, wanted: impl Fn(&View) -> bool) -> View {
    let mut views = app.views();
    let found = tokio::time::timeout(Duration::from_secs(20), views.wait_for(|view| wanted(view)));
    found.await.unwrap_or_else(|_| panic!("waited in vain for {what}")).unwrap().clone()
}

pub fn linking(view: &View) -> &Linking {
    match &view.phase {
        Phase::SignedIn { linking: Some(linking), .. } => linking,
        other => panic!("no linking in {other:?}"),
    }
}

pub async fn signed_in(memory: &Memory, backend: &Backend) -> App {
    let app = start(memory, Edition::Mobile);
    app.sign_in(backend.url.clone(), "Anna.Svensson".into(), "demo".into()).await.unwrap();
    app
}
