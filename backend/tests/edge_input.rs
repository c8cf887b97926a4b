//! Input at the edge: other spellings, odd bytes, and a server clock that was wrong for a while.

use crate::support::{ANNA, Answer, TestDemo};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_resend_in_capitals_keeps_the_first_code_alive() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let first = demo.server.wait_for_code(ANNA, 1).await;
    demo.server.advance(60).await;
    let state = anna.send(&ANNA.to_uppercase()).await.state(202, "codeSent");
    assert_eq!(state["challenge"]["attemptsLeft"], 5);
    demo.server.wait_for_mails(ANNA, 2).await;
    anna.verify(&first).await.state(200, "linked");
}

#[tokio::test]
async fn a_user_name_with_odd_characters_is_just_unknown() {
    let demo = TestDemo::start().await;
    for username in ["\0", "anna.svensson\0", "anna\u{feff}", "\u{202e}", "a\nb", &"x".repeat(5_000)] {
        let body = json!({ "username": username, "password": "demo" });
        let request = demo.server.request(Method::POST, "/v1/session").json(&body);
        Answer::of(request).await.is(401, "bad_credentials");
    }
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("anna\0@company.com").await.is(422, "email_invalid");
    anna.verify("12345\0").await.is(422, "code_format");
}

/// As if the server's clock had been a year ahead when these rows were written, and is right again.
async fn set_back_a_year(demo: &TestDemo) {
    const YEAR: &str = "31536000000";
    for (table, columns) in [
        ("codes", &["sent_at", "expires_at"][..]),
        ("challenges", &["created_at"]),
        ("employees", &["snoozed_until"]),
        ("outbox", &["created_at", "next_at"]),
    ] {
        let changes: Vec<_> = columns.iter().map(|column| format!("{column} = {column} + {YEAR}")).collect();
        demo.execute(&format!("UPDATE {table} SET {}", changes.join(", "))).await;
    }
}

#[tokio::test]
async fn rows_of_a_clock_that_was_ahead_block_nobody() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.snooze().await.state(200, "notLinked");
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    set_back_a_year(&demo).await;

    let state = anna.state().await;
    assert_eq!(state["status"], "notLinked", "a code does not live for a year");
    assert_eq!(state["banner"]["visible"], true, "nor does a snooze");
    anna.verify(&code).await.is(410, "code_expired");
    anna.send(ANNA).await.state(202, "codeSent");
    demo.server.wait_for_mails(ANNA, 2).await;
    assert!(anna.send(ANNA).await.retry_after.is_some_and(|seconds| seconds <= 60));

    // A mail that waits is sent now, and not in a year.
    demo.server.advance(60).await;
    demo.server.faults(json!({ "mail": "delay" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    demo.execute("UPDATE outbox SET next_at = next_at + 31536000000").await;
    demo.server.faults(json!({ "mail": "ok" })).await;
    demo.server.wait_for_mails(ANNA, 3).await;
}
