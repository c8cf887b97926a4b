//! An answer from anybody: status, media type and body.
#![no_main]

use flex_connect_core::{Edition, Phase, answer};
use flex_connect_fuzz::woken_with;
use hrm_api::State;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const STATUSES: [u16; 8] = [200, 201, 302, 401, 404, 422, 429, 503];
const TYPES: [&str; 4] = ["application/json", "application/problem+json", "text/html", ""];

fuzz_target!(|input: &[u8]| {
    let [head, body @ ..] = input else { return };
    let status = STATUSES[usize::from(head & 7)];
    let media_type = TYPES[usize::from(head >> 3 & 3)];
    let Ok(state) = answer::read::<State>(status, media_type, Some(7), body) else { return };
    assert!(status < 300 && media_type.ends_with("json"), "only a good answer holds a state");

    // What was read is kept and read again as the same, and every screen can be drawn from it.
    let kept = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&kept).unwrap(), state);
    let record = json!({ "person": {
        "employee": { "id": "1", "firstName": "Anna", "lastName": "Svensson", "company": "Company", "language": "en" },
        "mirror": { "state": state, "clock": { "server": state.server_time, "wall": "2026-11-23T22:00:00Z" } },
    } })
    .to_string();
    for edition in [Edition::Mobile, Edition::Desktop] {
        let Phase::SignedIn { linking: Some(linking), .. } = woken_with(record.clone(), edition).phase else {
            panic!("the record was not read back: {record}")
        };
        assert_eq!(linking.status, state.status);
    }
});
