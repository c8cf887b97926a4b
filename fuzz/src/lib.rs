//! A device for the app to wake on, made of nothing but the record it kept.

use std::sync::Arc;

use flex_connect_core::{
    App, Device, Edition, SecretString, Start, View,
    ports::{Browser, Clipboard, Kept, NotCopied, NotOpened, Store, SystemClock, Vault, VaultUnreadable},
};

struct Bare(String);

impl Vault for Bare {
    fn read(&self) -> Result<Option<SecretString>, VaultUnreadable> {
        Ok(None)
    }
    fn write(&self, _: &SecretString) -> Kept {
        Kept::InMemory
    }
    fn delete(&self) -> Result<(), VaultUnreadable> {
        Ok(())
    }
}

impl Store for Bare {
    fn load(&self) -> Option<String> {
        Some(self.0.clone())
    }
    fn save(&self, _: &str) {}
}

impl Browser for Bare {
    fn open(&self, _: &str) -> Result<(), NotOpened> {
        Ok(())
    }
}

impl Clipboard for Bare {
    fn copy(&self, _: &str) -> Result<(), NotCopied> {
        Ok(())
    }
}

/// What the app shows when it wakes with this record, before it has asked anybody.
pub fn woken_with(record: String, edition: Edition) -> View {
    let bare = Arc::new(Bare(record));
    let device = Device {
        vault: bare.clone(),
        store: bare.clone(),
        clock: Arc::new(SystemClock::default()),
        browser: bare.clone(),
        clipboard: bare,
    };
    let start = Start { edition, server: None, username: None, platform: String::new() };
    let app = App::new(start, device, client);
    let view = app.views().borrow().clone();
    serde_json::to_string(&view).expect("every view can go to the page");
    view
}

/// A client that trusts nobody: reading the system's roots for each input would be all the work.
fn client() -> reqwest::ClientBuilder {
    rustls::crypto::ring::default_provider().install_default().ok();
    let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls.with_no_client_auth())
}
