//! A server address as somebody typed it.
#![no_main]

use flex_connect_core::server::Server;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    let Ok(server) = Server::parse(typed) else { return };
    let shown = server.shown();
    // It is remembered as it is shown.
    assert_eq!(Server::parse(&shown).as_ref(), Ok(&server), "{shown:?}");
    let rest = shown.strip_prefix("https://").or_else(|| {
        let rest = shown.strip_prefix("http://")?;
        (rest.starts_with("127.") || rest.starts_with("localhost") || rest.starts_with("[::1]")).then_some(rest)
    });
    let rest = rest.unwrap_or_else(|| panic!("{shown:?} must not be called"));
    assert!(!rest.contains(['?', '#', ' ', '\n']), "{shown:?}");
    let authority = rest.split('/').next().unwrap_or_default();
    assert!(!authority.is_empty() && !authority.contains('@'), "{shown:?}");
});
