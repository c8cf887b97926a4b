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
    ports::{Persistence, Vault, VaultUnreadable},
};
use secrecy::ExposeSecret as _;

const SERVICE: &str = "Flex HRM Connect";
const ACCOUNT: &str = "session";

/// The system's stores in order of preference, and memory as the last resort.
pub(crate) struct SystemVault {
    /// Opened for each call: a store can be unlocked or disappear while the app runs.
    stores: Box<dyn Fn() -> Vec<Box<dyn Entry>> + Send + Sync>,
    memory: Mutex<Option<SecretString>>,
}

/// The token's entry in one store.
trait Entry {
    fn get(&self) -> Result<String, StoreError>;
    fn set(&self, secret: &str) -> Result<(), StoreError>;
    fn delete(&self) -> Result<(), StoreError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreError {
    NoEntry,
    /// Locked, denied, or written by another device.
    Unreadable,
}

impl Default for SystemVault {
    fn default() -> Self {
        Self::new(|| platform::entries().collect())
    }
}

impl SystemVault {
    fn new(stores: impl Fn() -> Vec<Box<dyn Entry>> + Send + Sync + 'static) -> Self {
        Self { stores: Box::new(stores), memory: Mutex::default() }
    }

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
        for entry in (self.stores)() {
            match entry.get() {
                Ok(token) => return Ok(Some(token.into())),
                Err(StoreError::NoEntry) => {}
                Err(StoreError::Unreadable) => unreadable = true,
            }
        }
        if unreadable { Err(VaultUnreadable) } else { Ok(None) }
    }

    fn write(&self, token: &SecretString) -> Persistence {
        *self.memory() = None;
        if (self.stores)().iter().any(|entry| entry.set(token.expose_secret()).is_ok()) {
            return Persistence::Persistent;
        }
        *self.memory() = Some(token.clone());
        Persistence::SessionOnly
    }

    fn delete(&self) -> Result<(), VaultUnreadable> {
        *self.memory() = None;
        // From every store: an earlier run may have used another one.
        let failed = (self.stores)().iter().filter(|entry| entry.delete() == Err(StoreError::Unreadable)).count();
        if failed == 0 { Ok(()) } else { Err(VaultUnreadable) }
    }
}

impl From<keyring_core::Error> for StoreError {
    fn from(error: keyring_core::Error) -> Self {
        match error {
            keyring_core::Error::NoEntry => Self::NoEntry,
            _ => Self::Unreadable,
        }
    }
}

impl Entry for keyring_core::Entry {
    fn get(&self) -> Result<String, StoreError> {
        Ok(self.get_password()?)
    }

    fn set(&self, secret: &str) -> Result<(), StoreError> {
        Ok(self.set_password(secret)?)
    }

    fn delete(&self) -> Result<(), StoreError> {
        match self.delete_credential() {
            Err(keyring_core::Error::NoEntry) => Ok(()),
            done => Ok(done?),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
mod platform {
    use super::{ACCOUNT, Entry, SERVICE};

    /// `keyring` chooses the system's store.
    pub(super) fn entries() -> impl Iterator<Item = Box<dyn Entry>> {
        let system = keyring::Entry::new(SERVICE, ACCOUNT).ok().map(|entry| Box::new(entry.inner) as Box<dyn Entry>);
        system.into_iter().chain(fallback())
    }

    #[cfg(target_os = "linux")]
    fn fallback() -> Option<Box<dyn Entry>> {
        use keyring_core::api::CredentialStoreApi as _;
        // Without a Secret Service, the kernel keeps the token until the machine restarts.
        let store = linux_keyutils_keyring_store::Store::new().ok()?;
        Some(Box::new(store.build(SERVICE, ACCOUNT, None).ok()?))
    }

    #[cfg(not(target_os = "linux"))]
    fn fallback() -> Option<Box<dyn Entry>> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct FakeStore(Arc<Mutex<FakeState>>);

    #[derive(Default)]
    struct FakeState {
        secret: Option<String>,
        locked: bool,
    }

    impl FakeStore {
        fn open(&self) -> Result<std::sync::MutexGuard<'_, FakeState>, StoreError> {
            let state = self.0.lock().unwrap();
            if state.locked { Err(StoreError::Unreadable) } else { Ok(state) }
        }
        fn lock(&self) {
            self.0.lock().unwrap().locked = true;
        }
        fn holds(&self) -> Option<String> {
            self.0.lock().unwrap().secret.clone()
        }
    }

    impl Entry for FakeStore {
        fn get(&self) -> Result<String, StoreError> {
            self.open()?.secret.clone().ok_or(StoreError::NoEntry)
        }
        fn set(&self, secret: &str) -> Result<(), StoreError> {
            self.open()?.secret = Some(secret.into());
            Ok(())
        }
        fn delete(&self) -> Result<(), StoreError> {
            self.open()?.secret = None;
            Ok(())
        }
    }

    fn vault_of(stores: &[FakeStore]) -> SystemVault {
        let stores = stores.to_vec();
        SystemVault::new(move || stores.iter().cloned().map(|store| Box::new(store) as Box<dyn Entry>).collect())
    }

    fn token_in(vault: &SystemVault) -> Option<String> {
        vault.read().unwrap().map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn the_first_store_has_the_token_after_a_restart() {
        let stores = [FakeStore::default(), FakeStore::default()];
        assert_eq!(vault_of(&stores).write(&"token".into()), Persistence::Persistent);
        assert_eq!((stores[0].holds(), stores[1].holds()), (Some("token".into()), None));
        assert_eq!(token_in(&vault_of(&stores)).as_deref(), Some("token"));
    }

    #[test]
    fn the_fallback_store_is_used_if_the_first_is_locked() {
        let stores = [FakeStore::default(), FakeStore::default()];
        stores[0].lock();
        assert_eq!(vault_of(&stores).write(&"token".into()), Persistence::Persistent);
        assert_eq!(token_in(&vault_of(&stores)).as_deref(), Some("token"));
    }

    #[test]
    fn without_a_store_the_token_lasts_until_exit() {
        let vault = vault_of(&[]);
        assert_eq!(vault.write(&"token".into()), Persistence::SessionOnly);
        assert_eq!(token_in(&vault).as_deref(), Some("token"));
        assert_eq!(token_in(&vault_of(&[])), None);
        vault.delete().unwrap();
        assert_eq!(token_in(&vault), None);
    }

    #[test]
    fn a_locked_store_is_not_an_empty_store() {
        let stores = [FakeStore::default()];
        vault_of(&stores).write(&"token".into());
        stores[0].lock();
        assert_eq!(vault_of(&stores).read().unwrap_err(), VaultUnreadable);
        assert_eq!(vault_of(&stores).delete().unwrap_err(), VaultUnreadable);
    }

    /// Ignored, since it would overwrite the developer's own session; `cargo xtask check-targets --wine` runs it.
    #[test]
    #[ignore = "writes into the credential store of this system"]
    fn the_systems_store_saves_and_deletes_the_token() {
        let vault = SystemVault::default();
        assert_eq!(vault.write(&"token with ä and 漢".into()), Persistence::Persistent);
        assert_eq!(token_in(&SystemVault::default()).as_deref(), Some("token with ä and 漢"), "after a restart");
        vault.delete().unwrap();
        assert_eq!(token_in(&SystemVault::default()), None);
        vault.delete().unwrap();
    }

    #[test]
    fn deleting_deletes_from_every_store() {
        let stores = [FakeStore::default(), FakeStore::default()];
        for store in &stores {
            store.set("from an earlier run").unwrap();
        }
        vault_of(&stores).delete().unwrap();
        assert_eq!((stores[0].holds(), stores[1].holds()), (None, None));
    }
}
