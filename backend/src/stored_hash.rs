//! Password hashes that an import may bring along: Argon2, PBKDF2, scrypt and bcrypt.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use bcrypt::HashParts;
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;

use crate::rules::{HASH_BCRYPT_COST, HASH_KIB, HASH_PASSES, HASH_PBKDF2_ROUNDS};

/// Checks that [`verify`] can use the hash.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the hash.
pub fn check(hash: &str) -> Result<(), String> {
    const DAMAGED: &str = "is cut off or damaged: copy the whole hash, quoted, since it can contain commas";
    const EXPENSIVE: &str = "would take a sign-in too much memory or time: make one with `admin hash-password`";
    let damaged = || DAMAGED.to_owned();
    let is_affordable = if is_bcrypt(hash) {
        hash.parse::<HashParts>().map_err(|_| damaged())?.get_cost() <= HASH_BCRYPT_COST
    } else if let Some(algorithm) = hash.strip_prefix('$').and_then(|rest| rest.split('$').next()) {
        let known = ["argon2id", "argon2i", "argon2d", "pbkdf2-sha256", "pbkdf2-sha512", "scrypt"];
        if !known.contains(&algorithm) {
            return Err(format!("is of a kind that is not supported ({algorithm}): {SUPPORTED}"));
        }
        let parsed = PasswordHash::new(hash).map_err(|_| damaged())?;
        // Argon2 depends on the length of its output, so a cut one never matches. Whole ones have 16, 32 or 64 bytes.
        let is_whole = parsed.hash.is_some_and(|output| output.len() >= 16 && output.len() % 8 == 0);
        if parsed.salt.is_none() || !is_whole {
            return Err(damaged());
        }
        match algorithm {
            "scrypt" => {
                let params = scrypt::Params::try_from(&parsed).map_err(|_| damaged())?;
                let kib = params.n().saturating_mul(u64::from(params.r())) / 8;
                kib <= u64::from(HASH_KIB) && params.p() <= HASH_PASSES
            }
            "pbkdf2-sha256" | "pbkdf2-sha512" => {
                pbkdf2::Params::try_from(&parsed).map_err(|_| damaged())?.rounds() <= HASH_PBKDF2_ROUNDS
            }
            _ => {
                let params = argon2::Params::try_from(&parsed).map_err(|_| damaged())?;
                params.m_cost() <= HASH_KIB && params.t_cost() <= HASH_PASSES
            }
        }
    } else {
        return Err(format!("is not a password hash: {SUPPORTED}"));
    };
    is_affordable.then_some(()).ok_or_else(|| EXPENSIVE.to_owned())
}

const SUPPORTED: &str = "Argon2, PBKDF2 and scrypt as PHC strings, and bcrypt, are supported";

/// Whether `password` matches a stored hash of any supported kind.
pub fn verify(password: &[u8], hash: &str) -> bool {
    if is_bcrypt(hash) {
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    match hash.algorithm.as_str() {
        "scrypt" => Scrypt::new().verify_password(password, &hash).is_ok(),
        "pbkdf2-sha256" | "pbkdf2-sha512" => Pbkdf2::default().verify_password(password, &hash).is_ok(),
        _ => Argon2::default().verify_password(password, &hash).is_ok(),
    }
}

/// Not `$2x$`, which marks hashes of an implementation with a fault.
fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGON2: &str = "$argon2id$v=19$m=256,t=1,p=1$";

    #[test]
    fn a_hash_that_passes_the_check_verifies_its_password() {
        // Vectors of passlib, RustCrypto and jBCrypt.
        for (hash, password) in [
            ("$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", None),
            (
                "$pbkdf2-sha256$i=4096,l=40$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0\
                 $NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q",
                Some("passwordPASSWORDpassword"),
            ),
            ("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", Some("")),
            ("$2y$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", Some("")),
        ] {
            assert_eq!(check(hash), Ok(()), "{hash}");
            // 64 MiB take too long without optimisation.
            let Some(password) = password else { continue };
            assert!(verify(password.as_bytes(), hash), "{hash}");
            assert!(!verify(b"another", hash), "{hash}");
        }
    }

    #[test]
    fn a_hash_that_no_sign_in_could_use_is_refused() {
        let output = "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
        for (hash, fault) in [
            ("secret".to_owned(), "not a password hash"),
            (format!("{ARGON2}c2FsdHNhbHQ"), "cut off"),
            (format!("{ARGON2}c2FsdHNhbHQ$"), "cut off"),
            (ARGON2.to_owned(), "cut off"),
            (format!("{ARGON2}c2FsdHNhbHQ${}", &output[..40]), "cut off"),
            (format!("{ARGON2}c2FsdHNhbHQ${}", &output[..14]), "cut off"),
            ("$argon2id$v=19$m=256".to_owned(), "cut off"),
            ("$2b$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s".to_owned(), "cut off"),
            (format!("$md5$c2FsdHNhbHQ${output}"), "not supported (md5)"),
            ("$2x$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.".to_owned(), "not supported (2x)"),
            (format!("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ${output}"), "too much memory"),
            (format!("$argon2id$v=19$m=256,t=4000000,p=1$c2FsdHNhbHQ${output}"), "too much memory"),
            (format!("$scrypt$ln=30,r=8,p=1$aM15713r3Xsvxbi31lqr1Q${output}"), "too much memory"),
            (format!("$pbkdf2-sha256$i=4000000000$c2FsdHNhbHQ${output}"), "too much memory"),
            ("$2b$31$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.".to_owned(), "too much memory"),
        ] {
            let found = check(&hash).unwrap_err();
            assert!(found.contains(fault), "{hash}: {found}");
        }
    }
}
