//! A newer server says words and members that this app does not know, and a record has values that it cannot read.

use crate::support::{
    FakeDevice, linking,
    script::{Reply, Script, account, challenge, employee, reply, state},
    start,
};
use flex_connect_core::{Edition, Phase, Problem, View};
use hrm_api::{Delivery, Origin, Status};
use serde_json::{Value, json};

const STATE: &str = "GET /v1/me/visma-connect";
const NOON: &str = "2026-11-01T12:00:00Z";

async fn view_of(sent: Value) -> View {
    let server =
        Script::start(move |call| if call == STATE { reply(Reply::Json(200, sent.clone())) } else { None }).await;
    let app = start(&FakeDevice::default(), Edition::Mobile);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap()
}

#[tokio::test]
async fn an_unknown_delivery_reads_as_accepted() {
    let mut sent = state(1, NOON, "codeSent");
    sent["challenge"] = challenge("complained");
    assert_eq!(linking(&view_of(sent).await).challenge.as_ref().unwrap().delivery, Delivery::Accepted);
}

#[tokio::test]
async fn an_unknown_origin_reads_as_existing() {
    let mut sent = state(1, NOON, "linked");
    sent["account"] = account("merged");
    assert_eq!(linking(&view_of(sent).await).account.as_ref().unwrap().origin, Origin::Existing);
}

#[tokio::test]
async fn an_unknown_status_reads_as_what_the_state_holds() {
    let mut sent = state(1, NOON, "paused");
    assert_eq!(linking(&view_of(sent.clone()).await).status, Status::NotLinked);
    sent["challenge"] = challenge("queued");
    assert_eq!(linking(&view_of(sent.clone()).await).status, Status::CodeSent);
    sent["account"] = account("created");
    assert_eq!(linking(&view_of(sent).await).status, Status::Linked);
}

async fn problem(answer: Reply) -> Problem {
    let server = Script::start(move |call| if call == STATE { reply(answer.clone()) } else { None }).await;
    let app = start(&FakeDevice::default(), Edition::Mobile);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    app.refresh().await.unwrap_err()
}

#[tokio::test]
async fn an_unknown_problem_reads_as_its_status() {
    let answer = |status: u16| Reply::Json(status, json!({ "code": "brand_new", "retryAfterSeconds": 7 }));
    assert_eq!(problem(answer(401)).await, Problem::SignedOut);
    assert_eq!(problem(answer(429)).await, Problem::TooManyRequests { retry_after_seconds: 7 });
    assert_eq!(problem(answer(503)).await, Problem::Unavailable { retry_after_seconds: Some(7) });
    assert_eq!(problem(answer(422)).await, Problem::Unexpected);
}

fn whole_record() -> Value {
    json!({
        "server": "http://127.0.0.1:9", "username": "anna", "language": "sv",
        "signedIn": {
            "employee": employee(), "screen": "settings", "emailDraft": "half@typed",
            "cachedState": { "state": state(1, NOON, "notLinked"), "clock": { "server": NOON, "wall": NOON } },
            "pendingSend": { "email": "half@typed", "key": "6f1c2f6e-7d86-4a35-8e2c-0d9f3a1b2c3d", "at": NOON },
        },
    })
}

/// The paths of all values, as JSON pointers.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    if let Value::Object(members) = value {
        for (name, member) in members {
            let path = format!("{at}/{name}");
            pointers(member, &path, out);
            out.push(path);
        }
    }
}

/// What the app writes after it read `record`: each start saves at the first change.
async fn reread(record: &Value) -> (View, Value) {
    let device = FakeDevice::default();
    device.with(|device| device.record = Some(record.to_string()));
    let app = start(&device, Edition::Desktop);
    let view = app.view().await.unwrap();
    app.set_language(None).await.unwrap();
    (view, serde_json::from_str(&device.with(|device| device.record.clone()).unwrap()).unwrap())
}

#[tokio::test]
async fn one_bad_value_in_the_record_drops_no_other() {
    let whole = whole_record();
    let mut all = Vec::new();
    pointers(&whole, "", &mut all);
    assert!(all.len() > 25, "{all:?}");
    for bad in all {
        for value in [json!({ "a": [1] }), json!("a new word"), Value::Null] {
            let mut record = whole.clone();
            *record.pointer_mut(&bad).unwrap() = value.clone();
            let (_, saved) = reread(&record).await;
            let case = format!("{bad} = {value}");
            for kept in ["/server", "/username", "/signedIn/emailDraft", "/signedIn/pendingSend"] {
                if !(bad.starts_with(kept) || kept.starts_with(&bad)) {
                    assert_eq!(saved.pointer(kept), whole.pointer(kept), "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn members_of_a_newer_record_are_ignored() {
    let mut record = whole_record();
    record["newer"] = json!({ "a": 1 });
    record["signedIn"]["newer"] = json!([1]);
    record["signedIn"]["cachedState"]["state"]["newer"] = json!(1);
    let (view, _) = reread(&record).await;
    assert!(matches!(&view.phase, Phase::SignedIn { linking: Some(linking), .. } if linking.email == "half@typed"));
}
