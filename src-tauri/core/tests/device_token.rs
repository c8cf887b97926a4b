//! The token that tells a server that this device is the person's own outlives the session, and goes to no one else.

use crate::support::{
    FakeDevice,
    script::{Reply, Script, reply, state},
    start,
};
use flex_connect_core::Edition;
use serde_json::Value;

const SIGN_IN: &str = "POST /v1/session";

async fn server() -> Script {
    Script::start(|call| match call {
        "GET /v1/me/visma-connect" => reply(Reply::Json(200, state(1, "2026-11-01T12:00:00Z", "notLinked"))),
        _ => None,
    })
    .await
}

/// The token that a sign-in sends. A restart comes before it.
async fn sent(device: &FakeDevice, server: &Script, username: &str) -> Value {
    let app = start(device, Edition::Mobile);
    app.sign_in(server.url.clone(), username.into(), "demo".into()).await.unwrap();
    app.sign_out().await.unwrap();
    server.body(SIGN_IN)["deviceToken"].clone()
}

#[tokio::test]
async fn it_is_sent_again_after_a_sign_out_to_its_server_and_person_only() {
    let (device, one, other) = (FakeDevice::default(), server().await, server().await);
    assert_eq!(sent(&device, &one, "anna").await, Value::Null, "the first time");
    assert_eq!(sent(&device, &one, " Anna ").await, "device-1");
    assert_eq!(sent(&device, &one, "erik").await, Value::Null, "another person");
    assert_eq!(sent(&device, &other, "anna").await, Value::Null, "another server");
    assert_eq!(sent(&device, &one, "anna").await, "device-1");
}
