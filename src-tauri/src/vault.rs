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
pub(crate) struct SystemVault {
    /// Asked anew each time: a store can be unlocked, or go, while the app runs.
    stores: Box<dyn Fn() -> Vec<Box<dyn Entry>> + Send + Sync>,
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

impl Default for SystemVault {
    fn default() -> Self {
        Self::of(|| platform::entries().collect())
    }
}

impl SystemVault {
    fn of(stores: impl Fn() -> Vec<Box<dyn Entry>> + Send + Sync + 'static) -> Self {
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
                Err(Refusal::NoEntry) => {}
                Err(Refusal::Unreadable) => unreadable = true,
            }
        }
        if unreadable { Err(VaultUnreadable) } else { Ok(None) }
    }

    fn write(&self, token: &SecretString) -> Kept {
        *self.memory() = None;
        if (self.stores)().iter().any(|entry| entry.set(token.expose_secret()).is_ok()) {
            return Kept::Stored;
        }
        *self.memory() = Some(token.clone());
        Kept::InMemory
    }

    fn delete(&self) -> Result<(), VaultUnreadable> {
        *self.memory() = None;
        // From every store: an earlier run may have had another one.
        let kept = (self.stores)().iter().filter(|entry| entry.delete() == Err(Refusal::Unreadable)).count();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A store whose secret and whose mood a test can see and set.
    #[derive(Clone, Default)]
    struct Chest(Arc<Mutex<Inside>>);

    #[derive(Default)]
    struct Inside {
        secret: Option<String>,
        locked: bool,
    }

    impl Chest {
        fn open(&self) -> Result<std::sync::MutexGuard<'_, Inside>, Refusal> {
            let inside = self.0.lock().unwrap();
            if inside.locked { Err(Refusal::Unreadable) } else { Ok(inside) }
        }
        fn lock(&self) {
            self.0.lock().unwrap().locked = true;
        }
        fn holds(&self) -> Option<String> {
            self.0.lock().unwrap().secret.clone()
        }
    }

    impl Entry for Chest {
        fn get(&self) -> Result<String, Refusal> {
            self.open()?.secret.clone().ok_or(Refusal::NoEntry)
        }
        fn set(&self, secret: &str) -> Result<(), Refusal> {
            self.open()?.secret = Some(secret.into());
            Ok(())
        }
        fn delete(&self) -> Result<(), Refusal> {
            self.open()?.secret = None;
            Ok(())
        }
    }

    fn vault_of(chests: &[Chest]) -> SystemVault {
        let chests = chests.to_vec();
        SystemVault::of(move || chests.iter().cloned().map(|chest| Box::new(chest) as Box<dyn Entry>).collect())
    }

    fn token_in(vault: &SystemVault) -> Option<String> {
        vault.read().unwrap().map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn the_best_store_has_the_token_and_a_new_start_finds_it() {
        let chests = [Chest::default(), Chest::default()];
        assert_eq!(vault_of(&chests).write(&"token".into()), Kept::Stored);
        assert_eq!((chests[0].holds(), chests[1].holds()), (Some("token".into()), None));
        assert_eq!(token_in(&vault_of(&chests)).as_deref(), Some("token"));
    }

    #[test]
    fn without_the_first_store_the_second_has_it() {
        let chests = [Chest::default(), Chest::default()];
        chests[0].lock();
        assert_eq!(vault_of(&chests).write(&"token".into()), Kept::Stored);
        assert_eq!(token_in(&vault_of(&chests)).as_deref(), Some("token"));
    }

    #[test]
    fn without_any_store_the_token_lasts_as_long_as_the_program() {
        let vault = vault_of(&[]);
        assert_eq!(vault.write(&"token".into()), Kept::InMemory);
        assert_eq!(token_in(&vault).as_deref(), Some("token"));
        assert_eq!(token_in(&vault_of(&[])), None);
        vault.delete().unwrap();
        assert_eq!(token_in(&vault), None);
    }

    #[test]
    fn a_store_that_does_not_open_is_not_taken_for_an_empty_one() {
        let chests = [Chest::default()];
        vault_of(&chests).write(&"token".into());
        chests[0].lock();
        assert_eq!(vault_of(&chests).read().unwrap_err(), VaultUnreadable);
        assert_eq!(vault_of(&chests).delete().unwrap_err(), VaultUnreadable);
    }

    /// The one test that asks the real store. Ignored, since it would overwrite the session of whoever runs it:
    /// `cargo xtask check-targets --wine` gives it a Windows of its own.
    #[test]
    #[ignore = "writes into the credential store of this system"]
    fn the_systems_own_store_keeps_the_token_and_forgets_it() {
        let vault = SystemVault::default();
        assert_eq!(vault.write(&"token with ä and 漢".into()), Kept::Stored);
        assert_eq!(token_in(&SystemVault::default()).as_deref(), Some("token with ä and 漢"), "a new start finds it");
        vault.delete().unwrap();
        assert_eq!(token_in(&SystemVault::default()), None);
        vault.delete().unwrap();
    }

    #[test]
    fn forgetting_forgets_in_every_store() {
        let chests = [Chest::default(), Chest::default()];
        for chest in &chests {
            chest.set("of an earlier run").unwrap();
        }
        vault_of(&chests).delete().unwrap();
        assert_eq!((chests[0].holds(), chests[1].holds()), (None, None));
    }
}
