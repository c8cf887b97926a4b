//! The keys outside the database. Codes are stored as MACs under them, and queued mails are sealed with them.
//!
//! The first key is the current one; the others still verify and open. To rotate, put a new key in front and remove the
//! old one a day later.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a code is bound to: three ids and the mailbox it was sent to.
#[derive(Debug, Clone, Copy)]
pub struct CodeBinding<'a> {
    pub company: &'a str,
    pub employee: &'a str,
    pub challenge: &'a str,
    pub mailbox: &'a str,
}

/// A MAC and the key it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeMac {
    pub key_id: String,
    /// HMAC-SHA-256, hex.
    pub mac: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed under an unknown key, or modified")]
pub struct UnsealError;

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
    devices: SecretBox<[u8; 32]>,
}

impl Keys {
    /// Parses base64 keys of 32 bytes, separated by commas or white space, the current one first.
    ///
    /// # Errors
    /// What is wrong, without the key itself.
    pub fn parse(text: &SecretString) -> Result<Self, String> {
        let words = text.expose_secret().split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let mut keys = Vec::new();
        for (index, word) in words.enumerate() {
            let bytes = BASE64_STANDARD.decode(word).ok().filter(|bytes| bytes.len() == 32);
            let bytes = bytes.ok_or_else(|| format!("code key {} is not 32 bytes in base64", index + 1))?;
            keys.push(Key::new(&bytes).ok_or("code key not usable")?);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or("no code key")?;
        Ok(Self { current, older: keys.collect() })
    }

    /// A new key in the form that [`Keys::parse`] takes.
    pub fn generate() -> SecretString {
        SecretString::from(BASE64_STANDARD.encode(rand::random::<[u8; 32]>()))
    }

    pub fn mac(&self, binding: CodeBinding<'_>, code: &SecretString) -> CodeMac {
        CodeMac { key_id: self.current.id.clone(), mac: hex::encode(self.current.mac(binding, code)) }
    }

    /// Whether `mac` was made from `code`. Constant time.
    pub fn verify_mac(&self, mac: &CodeMac, binding: CodeBinding<'_>, code: &SecretString) -> bool {
        let Some(key) = self.find(&mac.key_id) else { return false };
        hex::decode(&mac.mac).is_ok_and(|known| key.mac(binding, code).ct_eq(&known).into())
    }

    /// Encrypts `plain` so that only these keys with the same `row_id` open it.
    pub fn seal(&self, row_id: &str, plain: &str) -> String {
        let nonce: [u8; 24] = rand::random();
        let payload = Payload { msg: plain.as_bytes(), aad: row_id.as_bytes() };
        // Encryption fails only above 256 GiB; the empty result does not open.
        let sealed = self.current.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        format!("{}.{}", self.current.id, BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Decrypts what [`Keys::seal`] made.
    ///
    /// # Errors
    /// [`UnsealError`]: the key is gone, or the row was modified.
    pub fn open(&self, row_id: &str, sealed: &str) -> Result<SecretString, UnsealError> {
        let (id, text) = sealed.split_once('.').ok_or(UnsealError)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| UnsealError)?;
        let (nonce, sealed) = bytes.split_first_chunk::<24>().ok_or(UnsealError)?;
        let payload = Payload { msg: sealed, aad: row_id.as_bytes() };
        let cipher = self.find(id).ok_or(UnsealError)?.cipher();
        let plain = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| UnsealError)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| UnsealError)
    }

    /// A device token: proves that somebody signed in under this user name before. Nothing is stored of it (OWASP, "Slow
    /// Down Online Guessing Attacks with Device Cookies").
    pub fn new_device_token(&self, username_key: &str) -> String {
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        let mac = hmac(&self.current.devices, &[username_key, &nonce]);
        format!("{}.{nonce}.{}", self.current.id, BASE64_URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whether this is a device token for this user name. Constant time.
    pub fn verify_device_token(&self, token: &SecretString, username_key: &str) -> bool {
        let mut parts = token.expose_secret().split('.');
        let (Some(id), Some(nonce), Some(mac), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let Some(key) = self.find(id) else { return false };
        let mac = BASE64_URL_SAFE_NO_PAD.decode(mac);
        mac.is_ok_and(|mac| hmac(&key.devices, &[username_key, nonce]).ct_eq(&mac).into())
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
        Some(Self {
            id,
            codes: derive("flex-hrm-connect codes")?,
            mails: derive("flex-hrm-connect mails")?,
            devices: derive("flex-hrm-connect devices")?,
        })
    }

    fn mac(&self, binding: CodeBinding<'_>, code: &SecretString) -> [u8; 32] {
        let CodeBinding { company, employee, challenge, mailbox } = binding;
        hmac(&self.codes, &[company, employee, challenge, mailbox, code.expose_secret()])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.mails.expose_secret().into())
    }
}

/// HMAC-SHA-256 over a list of texts.
fn hmac(key: &SecretBox<[u8; 32]>, parts: &[&str]) -> [u8; 32] {
    // HMAC takes keys of any length, so this cannot fail; a random MAC would match nothing.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key.expose_secret()) else {
        return rand::random();
    };
    for part in parts {
        // Length-prefixed, so that no two lists of parts have the same bytes.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// A bearer token: 256 random bits, base64url.
pub fn new_token() -> SecretString {
    SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// SHA-256 in hex, the stored form of tokens and Idempotency-Keys.
pub fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: CodeBinding<'_> = CodeBinding { company: "c", employee: "e", challenge: "ch", mailbox: "a@b.c" };

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn a_code_is_known_only_for_what_it_was_bound_to() {
        let keys = Keys::parse(&Keys::generate()).unwrap();
        let mac = keys.mac(BINDING, &secret("012345"));
        assert!(keys.verify_mac(&mac, BINDING, &secret("012345")));
        assert!(!keys.verify_mac(&mac, BINDING, &secret("012346")));
        assert!(!keys.verify_mac(&mac, CodeBinding { mailbox: "x@b.c", ..BINDING }, &secret("012345")));
        assert!(!keys.verify_mac(&mac, CodeBinding { challenge: "other", ..BINDING }, &secret("012345")));
        assert!(!keys.verify_mac(&mac, CodeBinding { employee: "ech", challenge: "", ..BINDING }, &secret("012345")));
    }

    #[test]
    fn an_older_key_still_verifies_and_opens() {
        let (old, new) = (Keys::generate(), Keys::generate());
        let before = Keys::parse(&old).unwrap();
        let after = Keys::parse(&secret(&format!("{},\n{}", new.expose_secret(), old.expose_secret()))).unwrap();
        let mac = before.mac(BINDING, &secret("012345"));
        assert!(after.verify_mac(&mac, BINDING, &secret("012345")));
        assert_ne!(after.mac(BINDING, &secret("012345")), mac, "new codes are under the new key");
        assert_eq!(after.open("id", &before.seal("id", "words")).unwrap().expose_secret(), "words");
        assert!(before.open("id", &after.seal("id", "words")).is_err());
    }

    #[test]
    fn a_sealed_text_opens_only_with_its_row_id() {
        let keys = Keys::parse(&Keys::generate()).unwrap();
        let sealed = keys.seal("row", "012345");
        assert!(!sealed.contains("012345"));
        assert_eq!(keys.open("row", &sealed).unwrap().expose_secret(), "012345");
        assert!(keys.open("another row", &sealed).is_err());
    }

    #[test]
    fn a_device_token_belongs_to_one_name_and_these_keys() {
        let keys = Keys::parse(&Keys::generate()).unwrap();
        let token = keys.new_device_token("anna");
        assert_ne!(token, keys.new_device_token("anna"));
        assert!(keys.verify_device_token(&secret(&token), "anna"));
        assert!(!keys.verify_device_token(&secret(&token), "erik"));
        assert!(!Keys::parse(&Keys::generate()).unwrap().verify_device_token(&secret(&token), "anna"));
        let other = keys.new_device_token("anna");
        let mixed = format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
        for bad in ["", ".", "..", "a.b.c", &mixed, &format!("{token}.")] {
            assert!(!keys.verify_device_token(&secret(bad), "anna"), "{bad}");
        }
    }

    #[test]
    fn a_bad_key_is_named_by_its_position_and_never_shown() {
        let text = secret(&format!("{} c2hvcnQ=", Keys::generate().expose_secret()));
        assert_eq!(Keys::parse(&text).unwrap_err(), "code key 2 is not 32 bytes in base64");
        assert!(Keys::parse(&secret(" ")).is_err());
    }
}
