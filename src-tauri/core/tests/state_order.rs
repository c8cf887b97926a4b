//! States arrive in any order: the newest stays, and only a fresh answer sets the server's clock.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::support::{
    FakeDevice, eventually, linking,
    script::{Reply, Script, reply, state},
    start, wait_for_view,
};
use chrono::{DateTime, TimeDelta, Utc};
use flex_connect_core::{App, Edition};
use hrm_api::Status;
use tokio::sync::Notify;

const STATE: &str = "GET /v1/me/visma-connect";
const EVENTS: &str = "GET /v1/me/visma-connect/events";
const VERIFY: &str = "POST /v1/me/visma-connect/verify";
const SEND: &str = "POST /v1/me/visma-connect/codes";

const NOON: &str = "2026-11-01T12:00:00Z";
const LATER: &str = "2026-11-01T12:08:00Z";

async fn signed_in(server: &Script) -> App {
    let app = start(&FakeDevice::default(), Edition::Mobile);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    app
}

async fn following(server: &Script, app: &App) {
    let follower = app.clone();
    tokio::spawn(async move { follower.follow().await });
    eventually("the stream", || async { (server.count(EVENTS) > 0).then_some(()) }).await;
}

/// The event of a change arrives before the answer to the call that made an earlier change.
async fn event_before_the_answer(event: serde_json::Value, answer: serde_json::Value) -> Status {
    let held = Arc::new(Notify::new());
    let release = held.clone();
    let server = Script::start(move |call| match call {
        STATE => reply(Reply::Json(200, state(4, NOON, "codeSent"))),
        EVENTS => reply(Reply::Stream),
        VERIFY => {
            let (held, answer) = (held.clone(), answer.clone());
            Some(Box::pin(async move {
                held.notified().await;
                Reply::Json(200, answer)
            }))
        }
        _ => None,
    })
    .await;
    let app = signed_in(&server).await;
    following(&server, &app).await;
    let verifying = app.clone();
    let verify = tokio::spawn(async move { verifying.verify_code("123456".into()).await });
    eventually("the call", || async { (server.count(VERIFY) > 0).then_some(()) }).await;
    server.send(&event);
    wait_for_view(&app, "the event", |view| linking(view).status == Status::Linked).await;
    release.notify_one();
    let view = verify.await.unwrap().unwrap();
    assert_eq!(linking(&view).status, linking(&app.view().await.unwrap()).status);
    linking(&view).status
}

#[tokio::test]
async fn an_answer_older_than_the_event_is_dropped() {
    let status = event_before_the_answer(state(6, LATER, "linked"), state(5, NOON, "linking")).await;
    assert_eq!(status, Status::Linked);
}

#[tokio::test]
async fn the_revision_orders_also_when_the_servers_clock_stepped() {
    let status = event_before_the_answer(state(6, NOON, "linked"), state(5, LATER, "linking")).await;
    assert_eq!(status, Status::Linked);
}

#[tokio::test]
async fn a_server_without_revisions_is_ordered_by_its_time() {
    let without = |time, status| {
        let mut state = state(0, time, status);
        state.as_object_mut().unwrap().remove("revision");
        state
    };
    assert_eq!(event_before_the_answer(without(LATER, "linked"), without(NOON, "linking")).await, Status::Linked);
}

/// The first send gets no answer; its repeat gets the stored one, which is eight minutes old.
async fn repeated_send(refresh_fails: bool) -> flex_connect_core::View {
    let sends = AtomicUsize::new(0);
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = broken.clone();
    let server = Script::start(move |call| match call {
        STATE if broken.load(Ordering::SeqCst) => reply(Reply::Raw("503 X\r\nretry-after: 9", String::new())),
        STATE => reply(Reply::Json(200, state(9, LATER, "codeSent"))),
        // Three attempts of the first send.
        SEND if sends.fetch_add(1, Ordering::SeqCst) < 3 => reply(Reply::Nothing),
        SEND => reply(Reply::Json(202, state(8, NOON, "codeSent"))),
        _ => None,
    })
    .await;
    let app = signed_in(&server).await;
    app.send_code("anna@company.com".into()).await.unwrap_err();
    breaks.store(refresh_fails, Ordering::SeqCst);
    let sent = app.send_code("anna@company.com".into()).await;
    let view = sent.expect("the send worked");
    assert_eq!(server.count(SEND), 4);
    view
}

#[tokio::test]
async fn a_stored_answer_does_not_set_the_clock_back() {
    let later: DateTime<Utc> = LATER.parse().unwrap();
    // Before the refresh after it could heal it.
    let view = repeated_send(true).await;
    assert!((view.server_time - later).abs() < TimeDelta::minutes(1), "{}", view.server_time);
}

#[tokio::test]
async fn a_send_that_worked_is_told_so_if_the_refresh_fails() {
    assert_eq!(linking(&repeated_send(true).await).status, Status::CodeSent);
    assert_eq!(linking(&repeated_send(false).await).status, Status::CodeSent);
}

#[tokio::test]
async fn a_retry_inside_one_send_does_not_set_the_clock_back() {
    let (sends, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Script::start(move |call| match call {
        STATE if reads.fetch_add(1, Ordering::SeqCst) > 0 => {
            reply(Reply::Raw("503 X\r\nretry-after: 9", String::new()))
        }
        STATE => reply(Reply::Json(200, state(9, LATER, "notLinked"))),
        SEND if sends.fetch_add(1, Ordering::SeqCst) < 1 => reply(Reply::Nothing),
        SEND => reply(Reply::Json(202, state(10, NOON, "codeSent"))),
        _ => None,
    })
    .await;
    let app = signed_in(&server).await;
    let view = app.send_code("anna@company.com".into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent, "a higher revision is newer");
    let later: DateTime<Utc> = LATER.parse().unwrap();
    assert!((view.server_time - later).abs() < TimeDelta::minutes(1), "{}", view.server_time);
}

#[tokio::test]
async fn a_restored_backup_is_followed_at_the_next_refresh() {
    let restored = Arc::new(AtomicBool::new(false));
    let restore = restored.clone();
    let server = Script::start(move |call| match call {
        STATE if restored.load(Ordering::SeqCst) => reply(Reply::Json(200, state(2, NOON, "notLinked"))),
        STATE => reply(Reply::Json(200, state(9, LATER, "linked"))),
        _ => None,
    })
    .await;
    let app = signed_in(&server).await;
    restore.store(true, Ordering::SeqCst);
    assert_eq!(linking(&app.refresh().await.unwrap()).status, Status::NotLinked);
    // The clock followed too: this answer was fresh.
    let noon: DateTime<Utc> = NOON.parse().unwrap();
    assert!((app.view().await.unwrap().server_time - noon).abs() < TimeDelta::minutes(1));
}
