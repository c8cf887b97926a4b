//! What the core needs from the device. Extend a trait only when the core needs more.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The device that the app runs on.
#[derive(Clone)]
pub struct Platform {
    pub vault: Arc<dyn Vault>,
    pub record_store: Arc<dyn RecordStore>,
    pub clock: Arc<dyn Clock>,
    pub browser: Arc<dyn Browser>,
    pub clipboard: Arc<dyn Clipboard>,
    /// None where the system has no way to open one without a new mail in it.
    pub email_app: Option<Arc<dyn EmailApp>>,
}

/// The operating system's credential store, for one secret: the [`StoredToken`].
///
/// Calls block, as long as a system asks for its password; the core makes them one after another on a thread of their own.
pub trait Vault: Send + Sync + 'static {
    /// The token of exactly this session; others are passed over.
    ///
    /// # Errors
    /// [`VaultError`] if it was not found and a store could not be opened, in which it may be.
    fn read(&self, owner: &TokenOwner) -> Result<Option<SecretString>, VaultError>;

    /// Earlier tokens may be left in other stores: see [`Vault::delete_others`].
    fn write(&self, token: &StoredToken) -> Persistence;

    /// Deletes every token except this session's, from every store. Succeeds if there is none.
    ///
    /// # Errors
    /// [`VaultError`] if a store could not be opened or refused; a token may still be there.
    fn delete_others(&self, keep: Option<&TokenOwner>) -> Result<(), VaultError>;
}

/// Whose token it is. A token is sent to this server, for this employee, and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenOwner {
    /// The address of the server, with its path if it has one.
    pub origin: String,
    pub employee_id: String,
    /// Tells a token that an earlier sign-out could not delete from the present one of the same person.
    pub sign_in: Uuid,
}

/// What a credential store holds, as one secret.
#[derive(Debug, Clone, Deserialize)]
pub struct StoredToken {
    #[serde(flatten)]
    pub owner: TokenOwner,
    pub token: SecretString,
}

impl StoredToken {
    pub fn to_secret(&self) -> SecretString {
        let TokenOwner { origin, employee_id, sign_in } = &self.owner;
        let token = self.token.expose_secret();
        serde_json::json!({ "origin": origin, "employeeId": employee_id, "signIn": sign_in, "token": token })
            .to_string()
            .into()
    }

    /// `None` for a secret of another form, such as a version before this one wrote.
    pub fn from_secret(secret: &SecretString) -> Option<Self> {
        serde_json::from_str(secret.expose_secret()).ok()
    }
}

/// How long a secret is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// In a credential store; survives a restart.
    Persistent,
    /// There is no store: in memory until the app exits. Never in a plain file.
    SessionOnly,
}

/// A credential store is locked, denied, not there at the moment, or cannot be decrypted. It is not an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential store could not be opened")]
pub struct VaultError;

/// A small plain file in the app's folder. It never holds a secret.
pub trait RecordStore: Send + Sync + 'static {
    fn load(&self) -> Option<String>;
    /// Replaces the record atomically.
    ///
    /// # Errors
    /// [`NotSaved`] if the folder cannot be used or the disk is full: the record lasts until the app exits.
    fn save(&self, text: &str) -> Result<(), NotSaved>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be saved")]
pub struct NotSaved;

pub trait Clock: Send + Sync + 'static {
    /// Survives a restart; people can set it.
    fn wall(&self) -> DateTime<Utc>;
    /// Time since a fixed moment before this run, also while the device slept; nobody can set it.
    fn monotonic(&self) -> Duration;
}

/// The system browser, and the apps for `tel:` and `mailto:`.
pub trait Browser: Send + Sync + 'static {
    /// The core has checked `url`.
    ///
    /// # Errors
    /// [`NotOpened`] if no app could be started.
    fn open(&self, url: &str) -> Result<(), NotOpened>;
}

/// The employee's e-mail app.
pub trait EmailApp: Send + Sync + 'static {
    /// Shows it as the employee left it, without a new mail.
    ///
    /// # Errors
    /// [`NotOpened`] if there is none.
    fn open(&self) -> Result<(), NotOpened>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no app could be started")]
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

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        since_boot()
    }
}

/// Goes on while the device sleeps, which `Instant` does not.
#[cfg(unix)]
fn since_boot() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    // As `mach_continuous_time` (clock_gettime(3) of macOS). `Instant` is CLOCK_UPTIME_RAW there.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(CLOCK);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Goes on while the device sleeps: `QueryUnbiasedInterruptTime` would not.
#[cfg(windows)]
#[expect(unsafe_code, reason = "a system call that writes one number")]
fn since_boot() -> Duration {
    let mut units_of_100_ns = 0;
    // SAFETY: the pointer is valid for the call.
    unsafe { windows_sys::Win32::System::WindowsProgramming::QueryInterruptTime(&raw mut units_of_100_ns) };
    Duration::from_micros(units_of_100_ns / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> StoredToken {
        let owner = TokenOwner { origin: "https://a.example".into(), employee_id: "e-1".into(), sign_in: Uuid::nil() };
        StoredToken { owner, token: "secret \" with ä".into() }
    }

    #[test]
    fn a_secret_is_read_back_with_its_owner() {
        let read = StoredToken::from_secret(&stored().to_secret()).unwrap();
        assert_eq!(read.owner, stored().owner);
        assert_eq!(read.token.expose_secret(), "secret \" with ä");
    }

    #[test]
    fn a_plain_token_of_an_earlier_version_has_no_owner() {
        for old in ["", "wA9-token", "123", "{}", r#"{"token":"t"}"#] {
            assert!(StoredToken::from_secret(&old.into()).is_none(), "{old}");
        }
    }

    #[test]
    fn a_token_is_not_in_debug_output() {
        assert!(!format!("{:?}", stored()).contains("secret"));
    }
}
