//! First passwords for people who are imported without a hash.

use std::io::Write;
use std::num::NonZero;
use std::path::Path;

use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};

use super::error::{AdminError, user_error};
use super::format::csv_line;
use crate::password::PasswordCost;

/// Letters that are not mistaken for others and make no words. Without digits, no spreadsheet reads a number or a date.
const LETTERS: &[u8; 20] = b"bcdfghjkmnpqrstvwxyz";

/// Four groups of four letters: 69 bits.
fn new_password() -> SecretString {
    let mut random = rand::rng();
    let mut group =
        || -> String { (0..4).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect() };
    SecretString::from([group(), group(), group(), group()].join("-"))
}

pub struct FirstPassword {
    password: SecretString,
    pub hash: String,
}

/// Makes passwords on all processors: each hash takes one for some 20 ms.
///
/// # Errors
/// When there is no randomness.
pub fn make(count: usize) -> Result<Vec<FirstPassword>, AdminError> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let make_some = |count: usize| -> Result<Vec<FirstPassword>, AdminError> {
        let one = |_| {
            let password = new_password();
            let hash = PasswordCost::Full.hash(&password).map_err(|error| user_error(error.to_string()))?;
            Ok(FirstPassword { password, hash })
        };
        (0..count).map(one).collect()
    };
    let shares = (0..threads).map(|thread| count / threads + usize::from(thread < count % threads));
    let made: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = shares.map(|share| scope.spawn(move || make_some(share))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(user_error("no passwords were made"))))
            .collect()
    });
    Ok(made.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// # Errors
/// When the file exists.
pub fn check_is_new(path: &Path) -> Result<(), AdminError> {
    if path.symlink_metadata().is_ok() {
        return Err(user_error(format!("{} exists. Name a new file for the passwords.", path.display())));
    }
    Ok(())
}

/// Writes the passwords to a new file that only its owner can read, and on to the disk.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn write(path: &Path, people: &[([&str; 4], &FirstPassword)]) -> Result<(), AdminError> {
    let mut text = csv_line(&["id", "username", "first_name", "last_name", "password"]);
    for ([id, username, first, last], made) in people {
        text += &csv_line(&[id, username, first, last, made.password.expose_secret()]);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let told = |error: std::io::Error| user_error(format!("{}: {error}. Nothing was changed.", path.display()));
    let mut file = options.open(path).map_err(told)?;
    // The mark lets Excel read it as UTF-8.
    let written = file.write_all(format!("\u{feff}{text}").as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = std::fs::remove_file(path);
        return Err(told(error));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_password_is_new_and_matches_its_hash() {
        let made = make(5).unwrap();
        assert_eq!(made.len(), 5);
        for (at, FirstPassword { password, hash }) in made.iter().enumerate() {
            let password = password.expose_secret();
            assert_eq!(password.len(), 19, "{password}");
            assert!(crate::stored_hash::verify(password.as_bytes(), hash));
            assert!(made[..at].iter().all(|other| other.password.expose_secret() != password));
        }
    }
}
