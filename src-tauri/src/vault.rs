//! The operating system's credential store, for the one secret of the app: the session token.
//!
//! | system | store | without it |
//! |---|---|---|
//! | Linux | Secret Service | the kernel's keyring of the user, then memory |
//! | macOS, iOS | Keychain | memory |
//! | Windows | Credential Manager | memory |
//! | Android | Keystore | memory |

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use flex_connect_core::{
    SecretString,
    ports::{Persistence, StoredToken, TokenOwner, Vault, VaultError},
};
use keyring_core::api::CredentialStoreApi;
use secrecy::ExposeSecret as _;

const SERVICE: &str = "Flex HRM Connect";
const ACCOUNT: &str = "session";

/// The system's stores in order of preference, and memory as the last resort.
pub(crate) struct SystemVault {
    stores: Vec<Box<dyn Store>>,
    memory: Mutex<Option<StoredToken>>,
}

/// One store's entry for the token.
trait Store: Send + Sync {
    fn get(&self) -> Result<String, StoreError>;
    fn set(&self, secret: &str) -> Result<(), StoreError>;
    fn delete(&self) -> Result<(), StoreError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreError {
    NoEntry,
    /// Not there, locked, denied, or written by another device.
    Unreadable,
}

impl Default for SystemVault {
    fn default() -> Self {
        Self::new(platform::stores())
    }
}

impl SystemVault {
    fn new(stores: Vec<Box<dyn Store>>) -> Self {
        Self { stores, memory: Mutex::default() }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Option<StoredToken>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token in a secret, if it is this session's.
fn token_of(secret: String, owner: &TokenOwner) -> Option<SecretString> {
    StoredToken::from_secret(&secret.into()).filter(|stored| stored.owner == *owner).map(|stored| stored.token)
}

impl Vault for SystemVault {
    fn read(&self, owner: &TokenOwner) -> Result<Option<SecretString>, VaultError> {
        if let Some(stored) = self.memory().as_ref().filter(|stored| stored.owner == *owner) {
            return Ok(Some(stored.token.clone()));
        }
        let mut unreadable = false;
        for store in &self.stores {
            match store.get().map(|secret| token_of(secret, owner)) {
                Ok(Some(token)) => return Ok(Some(token)),
                Ok(None) | Err(StoreError::NoEntry) => {}
                Err(StoreError::Unreadable) => unreadable = true,
            }
        }
        if unreadable { Err(VaultError) } else { Ok(None) }
    }

    fn write(&self, token: &StoredToken) -> Persistence {
        *self.memory() = None;
        let secret = token.to_secret();
        if self.stores.iter().any(|store| store.set(secret.expose_secret()).is_ok()) {
            return Persistence::Persistent;
        }
        *self.memory() = Some(token.clone());
        Persistence::SessionOnly
    }

    fn delete_others(&self, keep: Option<&TokenOwner>) -> Result<(), VaultError> {
        self.memory().take_if(|stored| Some(&stored.owner) != keep);
        // From every store: an earlier run may have used another one.
        let failed = self.stores.iter().filter(|store| {
            let is_kept = keep.is_some_and(|keep| store.get().is_ok_and(|secret| token_of(secret, keep).is_some()));
            !is_kept && store.delete() == Err(StoreError::Unreadable)
        });
        if failed.count() == 0 { Ok(()) } else { Err(VaultError) }
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

/// Opens the store for each call: it can appear, be unlocked or disappear while the app runs.
struct Opened<F>(F);

impl<F: Fn() -> keyring_core::Result<keyring_core::Entry> + Send + Sync> Store for Opened<F> {
    fn get(&self) -> Result<String, StoreError> {
        Ok((self.0)()?.get_password()?)
    }

    fn set(&self, secret: &str) -> Result<(), StoreError> {
        Ok((self.0)()?.set_password(secret)?)
    }

    fn delete(&self) -> Result<(), StoreError> {
        match (self.0)()?.delete_credential() {
            Err(keyring_core::Error::NoEntry) => Ok(()),
            done => Ok(done?),
        }
    }
}

fn entry(
    store: &dyn CredentialStoreApi,
    modifiers: Option<&HashMap<&str, &str>>,
) -> keyring_core::Result<keyring_core::Entry> {
    store.build(SERVICE, ACCOUNT, modifiers)
}

mod platform {
    use super::{Opened, Store, entry};

    #[cfg(target_os = "linux")]
    pub(super) fn stores() -> Vec<Box<dyn Store>> {
        vec![
            Box::new(Opened(|| entry(&*zbus_secret_service_keyring_store::Store::new()?, None))),
            // The kernel keeps the token until the machine restarts.
            Box::new(Opened(|| entry(&*linux_keyutils_keyring_store::Store::new()?, None))),
        ]
    }

    #[cfg(target_os = "macos")]
    pub(super) fn stores() -> Vec<Box<dyn Store>> {
        vec![Box::new(Opened(|| entry(&*apple_native_keyring_store::keychain::Store::new()?, None)))]
    }

    #[cfg(target_os = "windows")]
    pub(super) fn stores() -> Vec<Box<dyn Store>> {
        vec![Box::new(Opened(|| entry(&*windows_native_keyring_store::Store::new()?, None)))]
    }

    #[cfg(target_os = "android")]
    pub(super) fn stores() -> Vec<Box<dyn Store>> {
        vec![Box::new(Opened(|| entry(&*android_native_keyring_store::Store::new()?, None)))]
    }

    /// Readable while the screen is locked, and never part of a backup or of another device.
    #[cfg(target_os = "ios")]
    pub(super) fn stores() -> Vec<Box<dyn Store>> {
        let policy = [("access-policy", "after-first-unlock-this-device-only")];
        vec![Box::new(Opened(move || {
            entry(&*apple_native_keyring_store::protected::Store::new()?, Some(&policy.into()))
        }))]
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
        fn lock(&self, locked: bool) {
            self.0.lock().unwrap().locked = locked;
        }
        fn has_secret(&self) -> bool {
            self.0.lock().unwrap().secret.is_some()
        }
    }

    impl Store for FakeStore {
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
        SystemVault::new(stores.iter().cloned().map(|store| Box::new(store) as Box<dyn Store>).collect())
    }

    fn of(employee: &str) -> StoredToken {
        let owner = TokenOwner {
            origin: "https://hrm.company.com".into(),
            employee_id: employee.into(),
            sign_in: Default::default(),
        };
        StoredToken { owner, token: format!("{employee}'s token with ä and 漢").into() }
    }

    fn token_in(vault: &SystemVault, employee: &str) -> Option<String> {
        vault.read(&of(employee).owner).unwrap().map(|token| token.expose_secret().to_owned())
    }

    fn has_token(vault: &SystemVault, employee: &str) -> bool {
        token_in(vault, employee).as_deref() == Some(of(employee).token.expose_secret())
    }

    #[test]
    fn the_first_store_has_the_token_after_a_restart() {
        let stores = [FakeStore::default(), FakeStore::default()];
        assert_eq!(vault_of(&stores).write(&of("anna")), Persistence::Persistent);
        assert_eq!((stores[0].has_secret(), stores[1].has_secret()), (true, false));
        assert!(has_token(&vault_of(&stores), "anna"));
    }

    #[test]
    fn the_fallback_store_is_used_if_the_first_is_locked() {
        let stores = [FakeStore::default(), FakeStore::default()];
        stores[0].lock(true);
        assert_eq!(vault_of(&stores).write(&of("anna")), Persistence::Persistent);
        assert!(has_token(&vault_of(&stores), "anna"));
    }

    #[test]
    fn without_a_store_the_token_lasts_until_exit() {
        let vault = vault_of(&[]);
        assert_eq!(vault.write(&of("anna")), Persistence::SessionOnly);
        assert!(has_token(&vault, "anna"));
        assert_eq!(token_in(&vault, "erik"), None);
        assert_eq!(token_in(&vault_of(&[]), "anna"), None);
        vault.delete_others(None).unwrap();
        assert_eq!(token_in(&vault, "anna"), None);
    }

    #[test]
    fn a_locked_store_is_not_an_empty_store() {
        let stores = [FakeStore::default(), FakeStore::default()];
        vault_of(&stores).write(&of("anna"));
        stores[0].lock(true);
        assert_eq!(vault_of(&stores).read(&of("anna").owner).unwrap_err(), VaultError);
        assert_eq!(vault_of(&stores).delete_others(None).unwrap_err(), VaultError);
    }

    #[test]
    fn a_token_left_in_a_locked_store_is_not_read_for_another() {
        let stores = [FakeStore::default(), FakeStore::default()];
        vault_of(&stores).write(&of("anna"));
        stores[0].lock(true);
        vault_of(&stores).delete_others(None).unwrap_err();
        vault_of(&stores).write(&of("erik"));
        stores[0].lock(false);
        assert!(has_token(&vault_of(&stores), "erik"));
        vault_of(&stores).delete_others(Some(&of("erik").owner)).unwrap();
        assert_eq!((stores[0].has_secret(), stores[1].has_secret()), (false, true), "only Erik's is left");
    }

    #[test]
    fn a_plain_token_of_an_earlier_version_is_nobodys() {
        let stores = [FakeStore::default()];
        stores[0].set("a plain token").unwrap();
        assert_eq!(token_in(&vault_of(&stores), "anna"), None);
        vault_of(&stores).delete_others(Some(&of("anna").owner)).unwrap();
        assert!(!stores[0].has_secret());
    }

    /// Without a session bus or another system's store.
    #[test]
    fn a_store_that_cannot_be_opened_is_not_an_empty_store() {
        let vault = SystemVault::new(vec![Box::new(Opened(|| Err(keyring_core::Error::NoDefaultStore)))]);
        assert_eq!(vault.read(&of("anna").owner).unwrap_err(), VaultError);
        assert_eq!(vault.delete_others(None).unwrap_err(), VaultError);
        assert_eq!(vault.write(&of("anna")), Persistence::SessionOnly);
    }

    /// Ignored, since it would overwrite the developer's own session; `cargo xtask check-targets --wine` runs it.
    #[test]
    #[ignore = "writes into the credential store of this system"]
    fn the_systems_store_saves_and_deletes_the_token() {
        let vault = SystemVault::default();
        assert_eq!(vault.write(&of("anna")), Persistence::Persistent);
        assert!(has_token(&SystemVault::default(), "anna"), "after a restart");
        vault.delete_others(None).unwrap();
        assert_eq!(token_in(&SystemVault::default(), "anna"), None);
        vault.delete_others(None).unwrap();
    }

    #[test]
    fn deleting_deletes_from_every_store() {
        let stores = [FakeStore::default(), FakeStore::default()];
        for store in &stores {
            store.set("from an earlier run").unwrap();
        }
        vault_of(&stores).delete_others(None).unwrap();
        assert_eq!((stores[0].has_secret(), stores[1].has_secret()), (false, false));
    }
}
