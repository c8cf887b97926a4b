//! What the core needs from the device it runs on. Each trait grows only when the core needs something new.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

/// The operating system's credential store. It holds one secret: the session token.
///
/// Calls block; the core makes them off the async threads.
pub trait Vault: Send + Sync + 'static {
    /// The token, or `None` if there is none.
    ///
    /// # Errors
    /// [`VaultUnreadable`] if the store is locked, denied or cannot be decrypted.
    fn read(&self) -> Result<Option<SecretString>, VaultUnreadable>;

    /// Keeps the token and tells for how long.
    fn write(&self, token: &SecretString) -> Kept;

    /// Forgets the token. A token that is not there is forgotten already.
    ///
    /// # Errors
    /// [`VaultUnreadable`] if the store refused; the token may still be in it.
    fn delete(&self) -> Result<(), VaultUnreadable>;
}

/// For how long a secret was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In a credential store of the system: it is there after a restart.
    Stored,
    /// No store is there: in memory, until the program ends. Never in a plain file.
    InMemory,
}

/// The credential store is there and does not give the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential store could not be read")]
pub struct VaultUnreadable;

/// A small plain file in the app's own folder. It never holds a secret.
pub trait Store: Send + Sync + 'static {
    /// What was saved last, if anything can be read.
    fn load(&self) -> Option<String>;
    /// Replaces what was saved, whole or not at all.
    fn save(&self, text: &str);
}

/// The device's clocks.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: it survives a restart, and people set it.
    fn wall(&self) -> DateTime<Utc>;
    /// Time since some moment in this run: nobody can set it.
    fn monotonic(&self) -> Duration;
}

/// Opens a page in the system browser.
pub trait Browser: Send + Sync + 'static {
    /// Opens `url`, which the core has checked.
    ///
    /// # Errors
    /// [`NotOpened`] if no browser could be started.
    fn open(&self, url: &str) -> Result<(), NotOpened>;
}

/// No browser could be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no browser could be started")]
pub struct NotOpened;

/// The system's clipboard. It is read on a press that asks for it, and never else.
pub trait Clipboard: Send + Sync + 'static {
    /// Replaces what is on the clipboard.
    ///
    /// # Errors
    /// [`NotCopied`] if the system refused.
    fn copy(&self, text: &str) -> Result<(), NotCopied>;

    /// What was copied, if it is text and the system gives it.
    fn paste(&self) -> Option<SecretString>;
}

/// The clipboard did not take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clipboard did not take it")]
pub struct NotCopied;

/// The clocks of the machine this runs on.
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
