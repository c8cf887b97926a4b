//! Starts the app from a record, on a platform without anything else.

use std::sync::Arc;

use flex_connect_core::{
    App, Edition, LaunchOptions, SecretString, View,
    ports::{
        Browser, Clipboard, NotCopied, NotOpened, NotSaved, Persistence, Platform, RecordStore, StoredToken,
        SystemClock, TokenOwner, Vault, VaultError,
    },
};

struct RecordOnly(String);

impl Vault for RecordOnly {
    fn read(&self, _: &TokenOwner) -> Result<Option<SecretString>, VaultError> {
        Ok(None)
    }
    fn write(&self, _: &StoredToken) -> Persistence {
        Persistence::SessionOnly
    }
    fn delete_others(&self, _: Option<&TokenOwner>) -> Result<(), VaultError> {
        Ok(())
    }
}

impl RecordStore for RecordOnly {
    fn load(&self) -> Option<String> {
        Some(self.0.clone())
    }
    fn save(&self, _: &str) -> Result<(), NotSaved> {
        Ok(())
    }
}

impl Browser for RecordOnly {
    fn open(&self, _: &str) -> Result<(), NotOpened> {
        Ok(())
    }
}

impl Clipboard for RecordOnly {
    fn copy(&self, _: &str) -> Result<(), NotCopied> {
        Ok(())
    }
    fn paste(&self) -> Result<SecretString, NotCopied> {
        Err(NotCopied)
    }
}

/// The app's first view with this record, before any request.
pub fn view_of_record(record: String, edition: Edition) -> View {
    let ports = Arc::new(RecordOnly(record));
    let platform = Platform {
        vault: ports.clone(),
        record_store: ports.clone(),
        clock: Arc::new(SystemClock),
        browser: ports.clone(),
        clipboard: ports,
        email_app: None,
    };
    let options = LaunchOptions { edition, server: None, username: None, system: String::new() };
    let app = App::new(options, platform, client);
    let view = app.views().borrow().clone();
    serde_json::to_string(&view).expect("every view is serialisable");
    view
}

/// Trusts no certificate: loading the system's roots would dominate the run time.
fn client() -> reqwest::ClientBuilder {
    rustls::crypto::ring::default_provider().install_default().ok();
    let tls = rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty());
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls.with_no_client_auth())
}
