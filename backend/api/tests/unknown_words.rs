//! An older app reads what a newer backend says: unknown members and words, anywhere in anything it receives.

#![allow(clippy::unwrap_used, clippy::panic)]

use chrono::DateTime;
use hrm_api::{Employee, SessionInfo, SignedIn, State};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const NOON: &str = "2026-11-01T12:00:00Z";

fn employee() -> Value {
    json!({ "id": "1", "firstName": "Anna", "lastName": "S", "company": "C", "language": "sv" })
}

fn full_state() -> Value {
    json!({
        "revision": 3, "serverTime": NOON, "status": "linked", "suggestions": ["a@b.example"],
        "banner": { "visible": true, "snoozedUntil": NOON },
        "challenge": {
            "email": "a@b.example", "sentAt": NOON, "expiresAt": NOON, "resendAt": NOON, "attemptsLeft": 5,
            "delivery": "accepted",
        },
        "account": { "email": "a@b.example", "linkedAt": NOON, "origin": "created" },
        "problem": "linking_locked",
        "settingsUrl": { "desktop": "https://d.example/", "mobile": "https://m.example/" },
        "company": {
            "contact": { "name": "HR", "phone": "08-555 010 00", "email": "hr@b.example", "url": "https://b.example/" },
        },
    })
}

/// Every value in `value`, as JSON pointers.
fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| pointers(member, format!("{at}/{name}"), out))
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| pointers(item, format!("{at}/{n}"), out)),
        _ => {}
    }
    out.push(at);
}

fn reads_what_is_new<T: DeserializeOwned>(sample: &Value) {
    let reads = |changed: Value, what: &str| {
        if let Err(error) = serde_json::from_value::<T>(changed) {
            panic!("{}, {what}: {error}", std::any::type_name::<T>());
        }
    };
    reads(sample.clone(), "as it is");
    let mut all = Vec::new();
    pointers(sample, String::new(), &mut all);
    for at in all {
        let mut changed = sample.clone();
        match changed.pointer_mut(&at).unwrap() {
            Value::Object(members) => {
                for new in [json!(1), json!("x"), json!([{}]), json!({ "a": null }), Value::Null] {
                    members.insert("aNewMember".into(), new);
                }
            }
            Value::String(word) if DateTime::parse_from_rfc3339(word).is_err() => *word = "aNewWord".into(),
            _ => continue,
        }
        reads(changed, &at);
    }
}

#[test]
fn new_members_and_words_are_read() {
    reads_what_is_new::<State>(&full_state());
    reads_what_is_new::<Employee>(&employee());
    reads_what_is_new::<SessionInfo>(&json!({ "expiresAt": NOON, "employee": employee() }));
    reads_what_is_new::<SignedIn>(
        &json!({ "token": "t", "expiresAt": NOON, "employee": employee(), "deviceToken": "d" }),
    );
}

#[test]
fn members_that_older_backends_lack_are_read() {
    let mut state = full_state();
    state.as_object_mut().unwrap().remove("revision");
    assert_eq!(serde_json::from_value::<State>(state).unwrap().revision, 0);
    let signed_in = json!({ "token": "t", "expiresAt": NOON, "employee": employee() });
    assert_eq!(serde_json::from_value::<SignedIn>(signed_in).unwrap().device_token, "");
}

#[test]
fn the_samples_have_every_member_of_a_state() {
    let state: State = serde_json::from_value(full_state()).unwrap();
    assert_eq!(serde_json::to_value(state).unwrap(), full_state());
}
