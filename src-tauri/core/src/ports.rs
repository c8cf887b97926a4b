//! What the core needs from the device. Extend a trait only when the core needs more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

/// The operating system's credential store, for one secret: the session token.
///
/// Calls block; the core runs them on blocking threads.
pub trait Vault: Send + Sync + 'static {
    /// # Errors
    /// [`VaultUnreadable`] if the store is locked, denied or cannot be decrypted.
    fn read(&self) -> Result<Option<SecretString>, VaultUnreadable>;

    fn write(&self, token: &SecretString) -> Persistence;

    /// Succeeds if there is no token.
    ///
    /// # Errors
    /// [`VaultUnreadable`] if the store refused; the token may still be there.
    fn delete(&self) -> Result<(), VaultUnreadable>;
}

/// How long a secret is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// In a credential store; survives a restart.
    Persistent,
    /// There is no store: in memory until the app exits. Never in a plain file.
    SessionOnly,
}

/// The credential store exists and does not return the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential store could not be read")]
pub struct VaultUnreadable;

/// A small plain file in the app's folder. It never holds a secret.
pub trait RecordStore: Send + Sync + 'static {
    fn load(&self) -> Option<String>;
    /// Replaces the record atomically.
    fn save(&self, text: &str);
}

pub trait Clock: Send + Sync + 'static {
    /// Survives a restart; people can set it.
    fn wall(&self) -> DateTime<Utc>;
    /// Time since a fixed moment in this run; nobody can set it.
    fn monotonic(&self) -> Duration;
}

/// The system browser.
pub trait Browser: Send + Sync + 'static {
    /// The core has checked `url`.
    ///
    /// # Errors
    /// [`NotOpened`] if no browser could be started.
    fn open(&self, url: &str) -> Result<(), NotOpened>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no browser could be started")]
pub struct NotOpened;

/// The system clipboard. Only read when the employee presses Paste code.
pub trait Clipboard: Send + Sync + 'static {
    /// # Errors
    /// [`NotCopied`] if the system refused.
    fn copy(&self, text: &str) -> Result<(), NotCopied>;

    /// The text, empty if there is none.
    ///
    /// # Errors
    /// [`NotCopied`] if the system refused.
    fn paste(&self) -> Result<SecretString, NotCopied>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system refused the clipboard")]
pub struct NotCopied;

#[derive(Debug)]
pub struct SystemClock(std::time::Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
