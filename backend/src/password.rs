//! Makes password hashes (Argon2id) and checks passwords.

use std::sync::Arc;

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::keys::new_token;
use crate::stored_hash;

/// Checks that run at the same time: each takes 19 MiB.
const MAX_CONCURRENT: usize = 4;

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

#[derive(Debug)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Verified for unknown user names, so that the response time does not reveal them.
    dummy_hash: String,
}

impl Passwords {
    pub fn new(cost: PasswordCost) -> Self {
        let dummy_hash = cost.hash(&new_token()).unwrap_or_default();
        Self { permits: Arc::new(Semaphore::new(MAX_CONCURRENT)), dummy_hash }
    }

    /// Whether `password` matches `hash`. Without a hash it does the same work and returns `false`.
    pub async fn verify(&self, hash: Option<String>, password: SecretString) -> bool {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy_hash.clone());
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            stored_hash::verify(password.expose_secret().as_bytes(), &hash)
        });
        verified.await.unwrap_or(false) && is_known
    }
}
