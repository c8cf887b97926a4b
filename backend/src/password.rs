//! Makes password hashes (Argon2id) and checks passwords.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::keys::new_token;
use crate::stored_hash;

/// What a password check costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordCost {
    /// OWASP's recommendation: 19 MiB, 2 passes.
    Full,
    /// 256 KiB, 1 pass: for the demo, whose password is public.
    Light,
}

impl PasswordCost {
    fn argon2(self) -> Argon2<'static> {
        let params = match self {
            Self::Full => Params::default(),
            Self::Light => Params::new(256, 1, 1, None).unwrap_or_default(),
        };
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    /// Hashes a password with a new salt.
    ///
    /// # Errors
    /// When there is no randomness, or the password is longer than 4 GiB.
    pub fn hash(self, password: &SecretString) -> argon2::password_hash::Result<String> {
        Ok(self.argon2().hash_password(password.expose_secret().as_bytes())?.to_string())
    }
}

/// Too many others are waiting for their check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// A crowd waits in a line, in the order of its arrival, for as long as an app waits for its answer.
#[derive(Debug)]
pub struct Passwords {
    for_all: Arc<Semaphore>,
    /// Not taken by strangers, however many they are.
    for_known_devices: Arc<Semaphore>,
    longest_wait: Duration,
    /// Verified for unknown user names, so that the response time does not reveal them.
    dummy_hash: String,
}

impl Passwords {
    /// At most `at_once` checks at the same time, one of them for known devices only (if there are two or more).
    pub fn new(cost: PasswordCost, at_once: usize, longest_wait: Duration) -> Self {
        let dummy_hash = cost.hash(&new_token()).unwrap_or_default();
        let for_known_devices = usize::from(at_once > 1);
        let [for_all, for_known_devices] =
            [at_once - for_known_devices, for_known_devices].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { for_all, for_known_devices, longest_wait, dummy_hash }
    }

    /// Whether `password` matches `hash`. Without a hash it does the same work and returns `false`.
    ///
    /// # Errors
    /// [`Busy`] after the longest wait.
    pub async fn verify(
        &self,
        hash: Option<String>,
        password: SecretString,
        from_known_device: bool,
    ) -> Result<bool, Busy> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy_hash.clone());
        let permit = async {
            tokio::select! {
                permit = Arc::clone(&self.for_all).acquire_owned() => permit,
                permit = Arc::clone(&self.for_known_devices).acquire_owned(), if from_known_device => permit,
            }
        };
        let permit = tokio::time::timeout(self.longest_wait, permit).await.map_err(|_| Busy)?;
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            stored_hash::verify(password.expose_secret().as_bytes(), &hash)
        });
        Ok(verified.await.unwrap_or(false) && is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crowd_waits_and_only_then_is_told_to_come_back() {
        let passwords = Passwords::new(PasswordCost::Light, 2, Duration::from_millis(100));
        let hash = PasswordCost::Light.hash(&"demo".into()).unwrap();
        let check = async |password: &str, known| passwords.verify(Some(hash.clone()), password.into(), known).await;
        assert_eq!([check("demo", false).await, check("wrong", false).await], [Ok(true), Ok(false)]);
        assert_eq!(passwords.verify(None, "demo".into(), false).await, Ok(false));

        let strangers = Arc::clone(&passwords.for_all).acquire_owned().await.unwrap();
        assert_eq!(check("demo", false).await, Err(Busy));
        assert_eq!(check("demo", true).await, Ok(true), "a known device is not held up by strangers");
        let (waiting, ()) = tokio::join!(check("demo", false), async { drop(strangers) });
        assert_eq!(waiting, Ok(true));
    }

    #[tokio::test]
    async fn one_check_at_a_time_is_for_everybody() {
        let passwords = Passwords::new(PasswordCost::Light, 1, Duration::from_secs(10));
        assert_eq!(passwords.verify(None, "demo".into(), false).await, Ok(false));
    }
}
