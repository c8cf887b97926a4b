//! What the app asks the server for when nobody touches it: one stream at the start, and nothing after.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use flex_connect_core::Edition;
use support::{Backend, Memory, eventually, sees, signed_in, start};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::broadcast,
};

/// A server that notes what is asked of it, and answers everything with a stream that never ends.
struct Listener {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    says: broadcast::Sender<String>,
}

impl Listener {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, says) = (Arc::<Mutex<Vec<String>>>::default(), broadcast::Sender::new(8));
        let (notes, stream) = (asked.clone(), says.clone());
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let (notes, mut stream) = (notes.clone(), stream.subscribe());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        assert_ne!(caller.read_buf(&mut request).await.unwrap(), 0);
                    }
                    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
                    caller.write_all(head).await.unwrap();
                    let request = String::from_utf8(request).unwrap();
                    notes.lock().unwrap().push(request.lines().next().unwrap().to_owned());
                    while let Ok(state) = stream.recv().await {
                        let event = format!("event: state\ndata: {state}\n\n");
                        if caller.write_all(event.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { url, asked, says }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Holds the clock of this runtime: it moves when a test moves it, and not by itself whenever all tasks wait for the
/// network. Lets go after a minute, so that a test that waits in vain fails.
fn hold_the_clock() -> mpsc::Sender<()> {
    let (held, until) = mpsc::channel();
    tokio::task::spawn_blocking(move || until.recv_timeout(Duration::from_secs(60)));
    tokio::time::pause();
    held
}

#[tokio::test]
async fn a_start_makes_one_request_and_an_hour_in_front_makes_no_other() {
    let (memory, backend, listener) = (Memory::default(), Backend::start().await, Listener::start().await);
    drop(signed_in(&memory, &backend).await);
    let record = memory.with(|memory| memory.record.clone()).unwrap().replace(&backend.url, &listener.url);
    let state = serde_json::from_str::<serde_json::Value>(&record).unwrap()["person"]["mirror"]["state"].clone();
    let mut state: hrm_api::State = serde_json::from_value(state).unwrap();
    memory.with(|memory| memory.record = Some(record));
    drop(backend);

    let app = start(&memory, Edition::Mobile);
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    eventually("the stream", || async { (!listener.asked().is_empty()).then_some(()) }).await;

    let held = hold_the_clock();
    // The backend says something every quarter of a minute, as it does here, or the stream is taken for dead.
    for _ in 0..240 {
        tokio::time::advance(Duration::from_secs(15)).await;
        let before = app.views().borrow().revision;
        state.suggestions.push(format!("{}@company.com", state.suggestions.len()));
        listener.says.send(serde_json::to_string(&state).unwrap()).unwrap();
        sees(&app, "what the server said", |view| view.revision > before).await;
    }
    assert_eq!(listener.asked(), ["GET /v1/me/visma-connect/events HTTP/1.1"]);
    drop(held);
}
