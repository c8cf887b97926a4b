//! The operating system's credential store, for the one secret of the app: the session token.
//!
//! | system | store | without it |
//! |---|---|---|
//! | Linux | Secret Service | the kernel's keyring of the user, then memory |
//! | macOS, iOS | Keychain | memory |
//! | Windows | Credential Manager | memory |
//! | Android | Keystore | memory |

use std::sync::{Mutex, PoisonError};

use flex_connect_core::{
    SecretString,
    ports::{Kept, Vault, VaultUnreadable},
};
use secrecy::ExposeSecret as _;

const SERVICE: &str = "Flex HRM Connect";
const ACCOUNT: &str = "session";

/// The stores of this system, best first, and memory when there is none.
#[derive(Default)]
pub(crate) struct SystemVault {
    memory: Mutex<Option<SecretString>>,
}

/// One place in one store.
trait Entry {
    fn get(&self) -> Result<String, Refusal>;
    fn set(&self, secret: &str) -> Result<(), Refusal>;
    fn delete(&self) -> Result<(), Refusal>;
}

/// Why a store did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The store works and has no such entry.
    NoEntry,
    /// The store is there and does not open: locked, denied, or written by another device.
    Unreadable,
}

impl SystemVault {
    fn memory(&self) -> std::sync::MutexGuard<'_, Option<SecretString>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for SystemVault {
    fn read(&self) -> Result<Option<SecretString>, VaultUnreadable> {
        if let Some(token) = &*self.memory() {
            return Ok(Some(token.clone()));
        }
        let mut unreadable = false;
        for entry in platform::entries() {
            match entry.get() {
                Ok(token) => return Ok(Some(token.into())),
                Err(Refusal::NoEntry) => {}
                Err(Refusal::Unreadable) => unreadable = true,
            }
        }
        if unreadable { Err(VaultUnreadable) } else { Ok(None) }
    }

    fn write(&self, token: &SecretString) -> Kept {
        *self.memory() = None;
        if platform::entries().any(|entry| entry.set(token.expose_secret()).is_ok()) {
            return Kept::Stored;
        }
        *self.memory() = Some(token.clone());
        Kept::InMemory
    }

    fn delete(&self) -> Result<(), VaultUnreadable> {
        *self.memory() = None;
        // From every store: an earlier run may have had another one.
        let kept = platform::entries().filter(|entry| entry.delete() == Err(Refusal::Unreadable)).count();
        if kept == 0 { Ok(()) } else { Err(VaultUnreadable) }
    }
}

impl From<keyring_core::Error> for Refusal {
    fn from(error: keyring_core::Error) -> Self {
        match error {
            keyring_core::Error::NoEntry => Self::NoEntry,
            _ => Self::Unreadable,
        }
    }
}

impl Entry for keyring_core::Entry {
    fn get(&self) -> Result<String, Refusal> {
        Ok(self.get_password()?)
    }

    fn set(&self, secret: &str) -> Result<(), Refusal> {
        Ok(self.set_password(secret)?)
    }

    fn delete(&self) -> Result<(), Refusal> {
        match self.delete_credential() {
            Err(keyring_core::Error::NoEntry) => Ok(()),
            done => Ok(done?),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
mod platform {
    use super::{ACCOUNT, Entry, SERVICE};

    /// `keyring` chooses the store of the system.
    pub(super) fn entries() -> impl Iterator<Item = Box<dyn Entry>> {
        let system = keyring::Entry::new(SERVICE, ACCOUNT).ok().map(|entry| Box::new(entry.inner) as Box<dyn Entry>);
        system.into_iter().chain(second())
    }

    #[cfg(target_os = "linux")]
    fn second() -> Option<Box<dyn Entry>> {
        use keyring_core::api::CredentialStoreApi as _;
        // A machine without a Secret Service: the kernel keeps the token until it restarts.
        let store = linux_keyutils_keyring_store::Store::new().ok()?;
        Some(Box::new(store.build(SERVICE, ACCOUNT, None).ok()?))
    }

    #[cfg(not(target_os = "linux"))]
    fn second() -> Option<Box<dyn Entry>> {
        None
    }
}

#[cfg(any(target_os = "android", target_os = "ios"))]
mod platform {
    use keyring_core::api::CredentialStoreApi as _;

    use super::{ACCOUNT, Entry, SERVICE};

    pub(super) fn entries() -> impl Iterator<Item = Box<dyn Entry>> {
        #[cfg(target_os = "android")]
        let store = android_native_keyring_store::Store::new().ok();
        #[cfg(target_os = "ios")]
        let store = apple_native_keyring_store::protected::Store::new().ok();
        let entry = store.and_then(|store| store.build(SERVICE, ACCOUNT, None).ok());
        entry.map(|entry| Box::new(entry) as Box<dyn Entry>).into_iter()
    }
}
