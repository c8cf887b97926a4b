//! Connections that die silently, and event streams that fail or flood while calls work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::{
    Backend, FakeDevice, linking,
    script::{Reply, Script, reply, state},
    start, start_with, wait_for_view,
};
use flex_connect_core::{App, Edition, Problem};
use hrm_api::Status;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

const STATE: &str = "GET /v1/me/visma-connect";
const EVENTS: &str = "GET /v1/me/visma-connect/events";
const NOON: &str = "2026-11-01T12:00:00Z";

/// Passes bytes on until it goes silent: then its connections stay open and carry nothing, and new ones work.
async fn silent_proxy(port: u16) -> (String, watch::Sender<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (silence, silenced) = watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut silenced = silenced.clone();
            silenced.borrow_and_update();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut near, &mut far) => {}
                    Ok(()) = silenced.changed() => std::future::pending().await,
                }
            });
        }
    });
    (url, silence)
}

#[tokio::test]
async fn a_connection_that_died_in_sleep_is_replaced() {
    let backend = Backend::start().await;
    let (url, silence) = silent_proxy(backend.port()).await;
    let app =
        start_with(&FakeDevice::default(), Edition::Mobile, || reqwest::Client::builder().http2_prior_knowledge());
    app.sign_in(url, "anna.svensson".into(), "demo".into()).await.unwrap();
    silence.send_replace(1);
    let view = app.refresh().await.expect("on a fresh connection");
    assert_eq!(linking(&view).status, Status::NotLinked);
    silence.send_replace(2);
    let view = app.send_code("anna.svensson@company.com".into()).await.expect("on a fresh connection");
    assert_eq!(linking(&view).status, Status::CodeSent);
}

async fn following(server: &Script) -> App {
    let app = start(&FakeDevice::default(), Edition::Mobile);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    let follower = app.clone();
    tokio::spawn(async move { follower.follow().await });
    app
}

/// The state that each call finds is one newer.
fn next_state(calls: &AtomicUsize) -> Reply {
    let call = calls.fetch_add(1, Ordering::SeqCst) as u64;
    Reply::Json(200, state(call, NOON, if call == 0 { "notLinked" } else { "linked" }))
}

#[tokio::test]
async fn a_failing_stream_is_no_trouble_while_calls_work() {
    let reads = AtomicUsize::new(0);
    let server = Script::start(move |call| match call {
        STATE => reply(next_state(&reads)),
        EVENTS => reply(Reply::Raw("502 Bad Gateway\r\ncontent-type: text/html", "no".into())),
        _ => None,
    })
    .await;
    let app = following(&server).await;
    let mut views = app.views();
    let found = async {
        loop {
            let view = views.borrow_and_update().clone();
            assert_eq!(view.sync_problem, None, "calls work");
            if linking(&view).status == Status::Linked {
                return;
            }
            views.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("a quiet refresh");
}

#[tokio::test]
async fn a_stream_that_holds_its_events_back_is_no_trouble() {
    let reads = AtomicUsize::new(0);
    let server = Script::start(move |call| match call {
        STATE => reply(next_state(&reads)),
        // As a proxy that buffers: not even the head arrives.
        EVENTS => Some(Box::pin(std::future::pending())),
        _ => None,
    })
    .await;
    let app = following(&server).await;
    let view = wait_for_view(&app, "a quiet refresh", |view| linking(view).status == Status::Linked).await;
    assert_eq!(view.sync_problem, None);
}

#[tokio::test]
async fn an_endless_event_ends_the_stream() {
    let server = Script::start(move |call| match call {
        STATE => reply(Reply::Json(200, state(1, NOON, "notLinked"))),
        EVENTS => reply(Reply::Stream),
        _ => None,
    })
    .await;
    let _app = following(&server).await;
    let flood = async {
        while server.count(EVENTS) < 2 {
            server.stream.send(format!("data: {}\n", "x".repeat(64 * 1024))).ok();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), flood).await.expect("a new stream");
}

#[tokio::test]
async fn a_date_in_retry_after_is_read_by_the_servers_clock() {
    let answers = Arc::new(AtomicUsize::new(0));
    let server = Script::start(move |call| match call {
        STATE if answers.fetch_add(1, Ordering::SeqCst) == 0 => reply(Reply::Json(200, state(1, NOON, "notLinked"))),
        STATE => reply(Reply::Raw(
            "503 X\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\ncontent-type: text/html",
            String::new(),
        )),
        _ => None,
    })
    .await;
    let app = start(&FakeDevice::default(), Edition::Mobile);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    assert_eq!(app.refresh().await.unwrap_err(), Problem::Unavailable { retry_after_seconds: Some(30) });
}
