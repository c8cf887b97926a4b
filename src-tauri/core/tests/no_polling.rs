//! An idle app makes one request: the event stream.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use crate::support::{Backend, FakeDevice, eventually, signed_in, start, wait_for_view};
use flex_connect_core::Edition;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::broadcast,
};

/// A server that records requests and answers each with an endless event stream.
struct StreamServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    events: broadcast::Sender<String>,
}

impl StreamServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, events) = (Arc::<Mutex<Vec<String>>>::default(), broadcast::Sender::<String>::new(8));
        let (log, stream) = (requests.clone(), events.clone());
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let (log, mut stream) = (log.clone(), stream.subscribe());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        assert_ne!(caller.read_buf(&mut request).await.unwrap(), 0);
                    }
                    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
                    caller.write_all(head).await.unwrap();
                    let request = String::from_utf8(request).unwrap();
                    log.lock().unwrap().push(request.lines().next().unwrap().to_owned());
                    while let Ok(event) = stream.recv().await {
                        if caller.write_all(event.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, requests, events }
    }

    fn send(&self, state: &hrm_api::State) {
        let event = format!("event: state\ndata: {}\n\n", serde_json::to_string(state).unwrap());
        self.events.send(event).unwrap();
    }

    /// What axum sends every 15 s.
    fn keep_alive(&self) {
        self.events.send(":\n\n".into()).unwrap();
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Pauses this runtime's clock. The blocking task keeps Tokio from advancing it while all tasks wait for the network; it
/// ends after a minute, so that a hanging test fails.
fn pause_clock() -> mpsc::Sender<()> {
    let (held, until) = mpsc::channel();
    tokio::task::spawn_blocking(move || until.recv_timeout(Duration::from_secs(60)));
    tokio::time::pause();
    held
}

#[tokio::test]
async fn an_hour_in_the_foreground_makes_one_request() {
    let (device, backend, listener) = (FakeDevice::default(), Backend::start().await, StreamServer::start().await);
    drop(signed_in(&device, &backend).await);
    let record = device.with(|device| device.record.clone()).unwrap().replace(&backend.url, &listener.url);
    let state = serde_json::from_str::<serde_json::Value>(&record).unwrap()["signedIn"]["cachedState"]["state"].clone();
    let mut state: hrm_api::State = serde_json::from_value(state).unwrap();
    device.with(|device| {
        device.record = Some(record);
        device.token.as_mut().unwrap().owner.origin = listener.url.clone();
    });
    drop(backend);

    let app = start(&device, Edition::Mobile);
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    eventually("the stream", || async { (!listener.requests().is_empty()).then_some(()) }).await;

    // As the backend does at once.
    let before = app.views().borrow().revision;
    state.suggestions.clear();
    listener.send(&state);
    wait_for_view(&app, "the first event", |view| view.revision > before).await;
    let paused = pause_clock();
    // As the backend does: a keep-alive every 15 s, or the stream times out.
    for _ in 0..240 {
        tokio::time::advance(Duration::from_secs(15)).await;
        let before = app.views().borrow().revision;
        listener.keep_alive();
        state.suggestions.push(format!("{}@company.com", state.suggestions.len()));
        listener.send(&state);
        wait_for_view(&app, "the event", |view| view.revision > before).await;
        assert_eq!(app.views().borrow().revision, before + 1, "a keep-alive sends the page no message");
    }
    assert_eq!(listener.requests(), ["GET /v1/me/visma-connect/events HTTP/1.1"]);
    drop(paused);
}
