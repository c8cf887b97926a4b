//! The keys that live outside the database: codes are kept as MACs under them, and mails wait sealed.
//!
//! The first key is the current one. The others still verify and open what was written under them, so a key is
//! changed by putting a new one in front and dropping the old one a day later.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a code is bound to.
#[derive(Debug, Clone, Copy)]
pub struct CodeBinding<'a> {
    /// Company id.
    pub company: &'a str,
    /// Employee id.
    pub employee: &'a str,
    /// Challenge id.
    pub challenge: &'a str,
    /// The mailbox that the code goes to.
    pub mailbox: &'a str,
}

/// A MAC and the key it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeMac {
    /// Which key.
    pub key_id: String,
    /// HMAC-SHA-256, hex.
    pub mac: String,
}

/// Something written under these keys cannot be read: the key is gone, or the row was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed under a key that is not here, or changed since")]
pub struct UnsealError;

/// One or more keys, the current one first.
#[derive(Debug)]
pub struct Keys {
    current: Key,
    older: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: String,
    codes: SecretBox<[u8; 32]>,
    mails: SecretBox<[u8; 32]>,
}

impl Keys {
    /// Reads keys of 32 bytes in base64, separated by commas or white space, the current one first.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the key.
    pub fn parse(text: &SecretString) -> Result<Self, String> {
        let words = text.expose_secret().split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let mut keys = Vec::new();
        for (place, word) in words.enumerate() {
            let bytes = BASE64_STANDARD.decode(word).ok().filter(|bytes| bytes.len() == 32);
            let bytes = bytes.ok_or_else(|| format!("code key {} is not 32 bytes in base64", place + 1))?;
            keys.push(Key::new(&bytes).ok_or("a code key cannot be used")?);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or("there is no code key")?;
        Ok(Self { current, older: keys.collect() })
    }

    /// A new key as [`Keys::parse`] reads it.
    pub fn generate() -> SecretString {
        SecretString::from(BASE64_STANDARD.encode(rand::random::<[u8; 32]>()))
    }

    /// The MAC of a new code.
    pub fn mac(&self, of: CodeBinding<'_>, code: &SecretString) -> CodeMac {
        CodeMac { key_id: self.current.id.clone(), mac: hex::encode(self.current.mac(of, code)) }
    }

    /// Whether `code` is the one that `mac` was made of. Constant time.
    pub fn verify_mac(&self, mac: &CodeMac, of: CodeBinding<'_>, code: &SecretString) -> bool {
        let Some(key) = self.find(&mac.key_id) else { return false };
        hex::decode(&mac.mac).is_ok_and(|known| key.mac(of, code).ct_eq(&known).into())
    }

    /// Seals `plain` so that only these keys and the same `row_id` open it.
    pub fn seal(&self, row_id: &str, plain: &str) -> String {
        let nonce: [u8; 24] = rand::random();
        let payload = Payload { msg: plain.as_bytes(), aad: row_id.as_bytes() };
        // Encryption fails only for more than 256 GiB. An empty seal does not open, so nothing leaks either way.
        let sealed = self.current.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        format!("{}.{}", self.current.id, BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`Keys::seal`] made.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn open(&self, row_id: &str, sealed: &str) -> Result<SecretString, UnsealError> {
        let (id, text) = sealed.split_once('.').ok_or(UnsealError)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| UnsealError)?;
        let (nonce, sealed) = bytes.split_first_chunk::<24>().ok_or(UnsealError)?;
        let payload = Payload { msg: sealed, aad: row_id.as_bytes() };
        let cipher = self.find(id).ok_or(UnsealError)?.cipher();
        let plain = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| UnsealError)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| UnsealError)
    }

    fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}

impl Key {
    fn new(bytes: &[u8]) -> Option<Self> {
        let derive = |purpose: &str| {
            let mut derived = Box::new([0; 32]);
            Hkdf::<Sha256>::new(None, bytes).expand(purpose.as_bytes(), derived.as_mut()).ok()?;
            Some(SecretBox::new(derived))
        };
        let id = hex::encode(&derive("flex-hrm-connect key id")?.expose_secret()[..6]);
        Some(Self { id, codes: derive("flex-hrm-connect codes")?, mails: derive("flex-hrm-connect mails")? })
    }

    fn mac(&self, of: CodeBinding<'_>, code: &SecretString) -> [u8; 32] {
        // HMAC takes a key of any length, so this cannot fail; a fresh random MAC would match nothing.
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(self.codes.expose_secret()) else {
            return rand::random();
        };
        for part in [of.company, of.employee, of.challenge, of.mailbox, code.expose_secret()] {
            // With its length, so that no two lists of parts read the same.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.mails.expose_secret().into())
    }
}

/// 256 random bits for a bearer token, base64url.
pub fn new_token() -> SecretString {
    SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// SHA-256 in hex: how tokens and Idempotency-Keys are kept.
pub fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: CodeBinding<'_> = CodeBinding { company: "c", employee: "e", challenge: "ch", mailbox: "a@b.c" };

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn a_code_is_known_only_for_what_it_was_bound_to() {
        let keys = Keys::parse(&Keys::generate()).unwrap();
        let mac = keys.mac(OF, &secret("012345"));
        assert!(keys.verify_mac(&mac, OF, &secret("012345")));
        assert!(!keys.verify_mac(&mac, OF, &secret("012346")));
        assert!(!keys.verify_mac(&mac, CodeBinding { mailbox: "x@b.c", ..OF }, &secret("012345")));
        assert!(!keys.verify_mac(&mac, CodeBinding { challenge: "other", ..OF }, &secret("012345")));
        assert!(!keys.verify_mac(&mac, CodeBinding { employee: "ech", challenge: "", ..OF }, &secret("012345")));
    }

    #[test]
    fn an_older_key_still_verifies_and_opens() {
        let (old, new) = (Keys::generate(), Keys::generate());
        let before = Keys::parse(&old).unwrap();
        let after = Keys::parse(&secret(&format!("{},\n{}", new.expose_secret(), old.expose_secret()))).unwrap();
        let mac = before.mac(OF, &secret("012345"));
        assert!(after.verify_mac(&mac, OF, &secret("012345")));
        assert_ne!(after.mac(OF, &secret("012345")), mac, "new codes are under the new key");
        assert_eq!(after.open("id", &before.seal("id", "words")).unwrap().expose_secret(), "words");
        assert!(before.open("id", &after.seal("id", "words")).is_err());
    }

    #[test]
    fn a_seal_opens_only_in_its_place_and_shows_nothing() {
        let keys = Keys::parse(&Keys::generate()).unwrap();
        let sealed = keys.seal("row", "012345");
        assert!(!sealed.contains("012345"));
        assert_eq!(keys.open("row", &sealed).unwrap().expose_secret(), "012345");
        assert!(keys.open("another row", &sealed).is_err());
    }

    #[test]
    fn a_bad_key_is_named_by_its_place_and_never_shown() {
        let text = secret(&format!("{} c2hvcnQ=", Keys::generate().expose_secret()));
        assert_eq!(Keys::parse(&text).unwrap_err(), "code key 2 is not 32 bytes in base64");
        assert!(Keys::parse(&secret(" ")).is_err());
    }
}
