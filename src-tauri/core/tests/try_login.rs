//! Trying the new login: what is opened, what is shown of it, and where its address is not.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{
    FakeDevice, eventually, linking,
    script::{Reply, Script, reply, state},
    start, wait_for_view,
};
use flex_connect_core::{App, Edition, Phase, Problem, TryLogin, View};
use serde_json::{Value, json};

const STATE: &str = "GET /v1/me/visma-connect";
const EVENTS: &str = "GET /v1/me/visma-connect/events";
const BEGIN: &str = "POST /v1/me/visma-connect/try-login";
const CANCEL: &str = "DELETE /v1/me/visma-connect/try-login";

const NOON: &str = "2026-11-01T12:00:00Z";
const LATER: &str = "2026-11-01T12:05:00Z";
const END: &str = "2026-11-01T12:10:00Z";

const PAGE: &str = "https://connect.visma.com/connect/authorize?client_id=flex&state=S3CR3T-STATE&nonce=S3CR3T-NONCE";

/// A backend that keeps one try.
struct Server {
    script: Script,
    newest: Arc<Mutex<(u64, Value)>>,
}

fn linked(revision: u64, try_login: &Value) -> Value {
    let mut sent = state(revision, NOON, "linked");
    sent["tryLogin"] = try_login.clone();
    sent
}

fn waiting(end: &str) -> Value {
    json!({ "status": "waiting", "at": NOON, "expiresAt": end })
}

impl Server {
    /// The nth try begins with the nth page.
    async fn start(pages: &'static [&'static str]) -> Self {
        let newest = Arc::new(Mutex::new((1, Value::Null)));
        let (kept, begun) = (newest.clone(), Mutex::new(0));
        let script = Script::start(move |call| {
            let mut newest = kept.lock().unwrap();
            let mut change = |to: Value| *newest = (newest.0 + 1, to);
            match call {
                BEGIN => {
                    let mut begun = begun.lock().unwrap();
                    let page = pages[*begun];
                    *begun += 1;
                    let end = format!("2026-11-01T12:1{begun}:00Z");
                    change(waiting(&end));
                    return reply(Reply::Json(201, json!({ "authorizeUrl": page, "expiresAt": end })));
                }
                CANCEL => change(json!({ "status": "notFinished", "at": NOON })),
                EVENTS => return reply(Reply::Stream),
                STATE => {}
                _ => return None,
            }
            reply(Reply::Json(200, linked(newest.0, &newest.1)))
        })
        .await;
        Self { script, newest }
    }

    async fn sign_in(&self, device: &FakeDevice) -> App {
        let app = start(device, Edition::Mobile);
        app.sign_in(self.script.url.clone(), "anna".into(), "demo".into()).await.unwrap();
        app
    }

    /// The browser came back, or another device did something.
    fn change(&self, to: Value) -> Value {
        let mut newest = self.newest.lock().unwrap();
        *newest = (newest.0 + 1, to);
        linked(newest.0, &newest.1)
    }
}

fn shown(view: &View) -> &TryLogin {
    linking(view).try_login.as_ref().unwrap()
}

fn is_waiting(view: &View) -> bool {
    matches!(shown(view), TryLogin::Waiting { .. })
}

fn opened(device: &FakeDevice) -> Vec<String> {
    device.with(|device| device.opened.clone())
}

#[tokio::test]
async fn a_try_opens_the_page_once_and_waits() {
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE]).await);
    let app = server.sign_in(&device).await;
    assert_eq!(shown(&app.view().await.unwrap()), &TryLogin::NotTried);
    let view = app.try_login().await.unwrap();
    assert_eq!(shown(&view), &TryLogin::Waiting { expires_at: "2026-11-01T12:11:00Z".parse().unwrap() });
    assert_eq!(opened(&device), [PAGE]);
}

#[tokio::test]
async fn where_it_is_off_there_is_no_try() {
    let server =
        Script::start(|call| (call == STATE).then(|| reply(Reply::Json(200, state(1, NOON, "linked")))).flatten())
            .await;
    let app = start(&FakeDevice::default(), Edition::Desktop);
    let view = app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    assert_eq!(linking(&view).try_login, None);
}

#[tokio::test]
async fn each_result_is_shown_as_what_it_is() {
    let at = |text: &str| text.parse().unwrap();
    for (told, expected) in [
        (json!({ "status": "worked", "at": LATER }), TryLogin::Worked { at: at(LATER) }),
        (json!({ "status": "otherAccount", "at": LATER }), TryLogin::OtherAccount),
        (json!({ "status": "notFinished", "at": LATER }), TryLogin::NotFinished),
        (json!({ "status": "a new word", "at": LATER }), TryLogin::NotFinished),
        (waiting(END), TryLogin::Waiting { expires_at: at(END) }),
        // Over at once: it can be tried again.
        (json!({ "status": "waiting", "at": NOON }), TryLogin::Waiting { expires_at: at(NOON) }),
    ] {
        let server = Server::start(&[]).await;
        server.change(told.clone());
        let app = server.sign_in(&FakeDevice::default()).await;
        assert_eq!(shown(&app.view().await.unwrap()), &expected, "{told}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_visma_connects_ends_the_try() {
    let (device, server) = (FakeDevice::default(), Server::start(&["https://connect.visma.com.evil.example/"]).await);
    let app = server.sign_in(&device).await;
    assert_eq!(app.try_login().await, Err(Problem::LinkNotOpened));
    assert_eq!(opened(&device), [""; 0]);
    assert_eq!(server.script.count(CANCEL), 1);
    assert_eq!(shown(&app.view().await.unwrap()), &TryLogin::NotFinished);
}

#[tokio::test]
async fn a_device_without_a_browser_ends_the_try() {
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE]).await);
    let app = server.sign_in(&device).await;
    device.with(|device| device.browser_is_missing = true);
    assert_eq!(app.try_login().await, Err(Problem::LinkNotOpened));
    assert_eq!(server.script.count(CANCEL), 1);
    assert_eq!(shown(&app.view().await.unwrap()), &TryLogin::NotFinished);
}

#[tokio::test]
async fn the_page_opens_again_without_another_try() {
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE]).await);
    let app = server.sign_in(&device).await;
    app.try_login().await.unwrap();
    assert!(is_waiting(&app.open_try_login_again().await.unwrap()));
    assert_eq!(opened(&device), [PAGE, PAGE]);
    assert_eq!(server.script.count(BEGIN), 1);
}

#[tokio::test]
async fn a_cancelled_try_is_not_finished_and_its_page_is_forgotten() {
    let second = "https://connect.identity.visma.com/second";
    let (device, server) =
        (FakeDevice::default(), Server::start(&[PAGE, "https://connect.identity.visma.com/second"]).await);
    let app = server.sign_in(&device).await;
    app.try_login().await.unwrap();
    assert_eq!(shown(&app.cancel_try_login().await.unwrap()), &TryLogin::NotFinished);
    app.open_try_login_again().await.unwrap();
    assert_eq!(opened(&device), [PAGE, second]);
}

#[tokio::test]
async fn a_kill_while_it_waits_leaves_the_try_and_open_again() {
    let second = "https://connect.visma.com/second";
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE, "https://connect.visma.com/second"]).await);
    server.sign_in(&device).await.try_login().await.unwrap();
    let app = start(&device, Edition::Mobile);
    assert!(is_waiting(&app.view().await.unwrap()), "also offline");
    assert!(is_waiting(&app.open_try_login_again().await.unwrap()));
    assert_eq!(opened(&device), [PAGE, second], "the address of the first is gone, so there is a second");
}

#[tokio::test]
async fn a_try_of_another_device_is_not_reopened_with_the_old_page() {
    let second = "https://connect.visma.com/second";
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE, "https://connect.visma.com/second"]).await);
    let app = server.sign_in(&device).await;
    app.try_login().await.unwrap();
    server.change(waiting(END));
    app.refresh().await.unwrap();
    app.open_try_login_again().await.unwrap();
    assert_eq!(opened(&device), [PAGE, second]);
}

#[tokio::test]
async fn the_result_arrives_without_a_tap() {
    let server = Server::start(&[PAGE]).await;
    let (here, there) = (server.sign_in(&FakeDevice::default()).await, server.sign_in(&FakeDevice::default()).await);
    for app in [here.clone(), there.clone()] {
        tokio::spawn(async move { app.follow().await });
    }
    eventually("both streams", || async { (server.script.count(EVENTS) == 2).then_some(()) }).await;
    here.try_login().await.unwrap();
    server.script.send(&linked(2, &server.newest.lock().unwrap().1.clone()));
    wait_for_view(&there, "the other device to wait", is_waiting).await;
    server.script.send(&server.change(json!({ "status": "worked", "at": LATER })));
    for app in [here, there] {
        wait_for_view(&app, "the result", |view| matches!(shown(view), TryLogin::Worked { .. })).await;
    }
}

#[tokio::test]
async fn who_is_no_longer_linked_gets_a_problem_and_the_truth() {
    let unlinked = Arc::new(Mutex::new(false));
    let told = unlinked.clone();
    let server = Script::start(move |call| match call {
        STATE if *told.lock().unwrap() => reply(Reply::Json(200, state(9, NOON, "notLinked"))),
        STATE => reply(Reply::Json(200, linked(1, &Value::Null))),
        BEGIN => reply(Reply::Json(409, json!({ "code": "not_linked" }))),
        _ => None,
    })
    .await;
    let device = FakeDevice::default();
    let app = start(&device, Edition::Desktop);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    *unlinked.lock().unwrap() = true;
    assert_eq!(app.try_login().await, Err(Problem::Unexpected));
    assert_eq!(linking(&app.view().await.unwrap()).try_login, None);
    assert_eq!(opened(&device), [""; 0]);
}

#[tokio::test]
async fn too_many_tries_say_how_long_to_wait() {
    let server = Script::start(|call| match call {
        STATE => reply(Reply::Json(200, linked(1, &Value::Null))),
        BEGIN => reply(Reply::Json(429, json!({ "code": "too_many_requests", "retryAfterSeconds": 1800 }))),
        _ => None,
    })
    .await;
    let app = start(&FakeDevice::default(), Edition::Desktop);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    assert_eq!(app.try_login().await, Err(Problem::TooManyRequests { retry_after_seconds: 1800 }));
}

#[tokio::test]
async fn signing_out_while_it_begins_opens_nothing() {
    let server = Script::start(|call| match call {
        STATE => reply(Reply::Json(200, linked(1, &Value::Null))),
        BEGIN => Some(Box::pin(async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            Reply::Json(201, json!({ "authorizeUrl": PAGE, "expiresAt": END }))
        })),
        _ => None,
    })
    .await;
    let device = FakeDevice::default();
    let app = start(&device, Edition::Desktop);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    let trying = app.clone();
    let begun = tokio::spawn(async move { trying.try_login().await });
    eventually("the call", || async { (server.count(BEGIN) == 1).then_some(()) }).await;
    app.sign_out().await.unwrap();
    assert_eq!(begun.await.unwrap(), Err(Problem::SignedOut));
    assert_eq!(opened(&device), [""; 0]);
}

#[tokio::test]
async fn signing_out_forgets_the_page() {
    let second = "https://connect.visma.com/second";
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE, "https://connect.visma.com/second"]).await);
    let app = server.sign_in(&device).await;
    app.try_login().await.unwrap();
    app.sign_out().await.unwrap();
    assert_eq!(app.open_try_login_again().await, Err(Problem::SignedOut));
    app.sign_in(server.script.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    assert!(is_waiting(&app.view().await.unwrap()), "the same try");
    app.open_try_login_again().await.unwrap();
    assert_eq!(opened(&device), [PAGE, second]);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_address_is_in_no_record_view_log_or_report() {
    let log = Log::default();
    let writer = log.clone();
    let logger = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(logger.finish());
    let (device, server) = (FakeDevice::default(), Server::start(&[PAGE, "http://evil.example/?state=S3CR3T"]).await);
    let app = server.sign_in(&device).await;
    let mut written = Vec::new();
    for result in [app.try_login().await, app.open_try_login_again().await, app.cancel_try_login().await] {
        written.push(serde_json::to_string(&app.log_problem(result).unwrap()).unwrap());
        written.push(device.with(|device| device.record.clone()).unwrap());
    }
    let problem = app.log_problem(app.try_login().await).unwrap_err();
    written.push(serde_json::to_string(&problem).unwrap());
    app.copy_diagnostics().await.unwrap();
    written.push(device.with(|device| device.copied.clone()).unwrap());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("linkNotOpened"), "{log}");
    written.push(log);
    let view = app.view().await.unwrap();
    assert!(matches!(view.phase, Phase::SignedIn { .. }));
    for text in written {
        for secret in ["S3CR3T", "authorize", "visma.com/connect", "evil"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
