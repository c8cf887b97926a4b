//! An arbitrary HTTP response: status, media type and body.
#![no_main]

use flex_connect_core::{Edition, Phase, response};
use flex_connect_fuzz::view_of_record;
use hrm_api::State;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const STATUSES: [u16; 8] = [200, 201, 302, 401, 404, 422, 429, 503];
const TYPES: [&str; 4] = ["application/json", "application/problem+json", "text/html", ""];

fuzz_target!(|input: &[u8]| {
    let [head, body @ ..] = input else { return };
    let status = STATUSES[usize::from(head & 7)];
    let media_type = TYPES[usize::from(head >> 3 & 3)];
    let Ok(state) = response::parse::<State>(status, media_type, Some(7), body) else { return };
    assert!(status < 300 && media_type.ends_with("json"), "only a successful response holds a state");

    // The state survives a round trip through the record, and every view can be made from it.
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), state);
    let record = json!({ "signedIn": {
        "employee": { "id": "1", "firstName": "Anna", "lastName": "Svensson", "company": "Company", "language": "en" },
        "cachedState": { "state": state, "clock": { "server": state.server_time, "wall": "2026-11-23T22:00:00Z" } },
    } })
    .to_string();
    for edition in [Edition::Mobile, Edition::Desktop] {
        let Phase::SignedIn { linking: Some(linking), .. } = view_of_record(record.clone(), edition).phase else {
            panic!("the record was not loaded: {record}")
        };
        assert_eq!(linking.status, state.status);
    }
});
