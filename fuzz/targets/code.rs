//! A pasted code.
#![no_main]

use flex_connect_core::code;
use libfuzzer_sys::fuzz_target;
use secrecy::{ExposeSecret as _, SecretString};

fuzz_target!(|pasted: &str| {
    let Ok(code) = code::parse(&SecretString::from(pasted)) else { return };
    let digits = code.expose_secret();
    assert!(digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits:?}");
    assert_eq!(code::parse(&code).expect("six digits are a code").expose_secret(), digits);
    // Text around it changes nothing.
    let mailed = SecretString::from(format!("Hi,\n{digits}\nThe code is valid for 30 minutes."));
    assert_eq!(code::parse(&mailed).expect("the mail holds the code").expose_secret(), digits);
});
