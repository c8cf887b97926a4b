//! A typed server address.
#![no_main]

use flex_connect_core::server_url::ServerUrl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    let Ok(server) = ServerUrl::parse(typed) else { return };
    let shown = server.to_string();
    // It is stored as it is displayed.
    assert_eq!(ServerUrl::parse(&shown).as_ref(), Ok(&server), "{shown:?}");
    let rest = shown.strip_prefix("https://").or_else(|| {
        let rest = shown.strip_prefix("http://")?;
        (rest.starts_with("127.") || rest.starts_with("localhost") || rest.starts_with("[::1]")).then_some(rest)
    });
    let rest = rest.unwrap_or_else(|| panic!("{shown:?} must be rejected"));
    assert!(!rest.contains(['?', '#', ' ', '\n']), "{shown:?}");
    let authority = rest.split('/').next().unwrap_or_default();
    assert!(!authority.is_empty() && !authority.contains('@'), "{shown:?}");
});
