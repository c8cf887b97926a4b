//! A server whose every answer a test writes, for what the real backend does only by chance.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::broadcast,
};

use super::proxy::read_request;

#[derive(Clone, Debug)]
pub enum Reply {
    Json(u16, Value),
    /// Status line with headers, and body.
    Raw(&'static str, String),
    /// The test's events, until it drops the sender.
    Stream,
    /// The connection closes.
    Nothing,
}

pub type Answer = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Speaks HTTP/1.1, one call a connection.
pub struct Script {
    pub url: String,
    /// Raw text of the event stream.
    pub stream: broadcast::Sender<String>,
    /// Method and path of each call, and its body.
    pub calls: Arc<Mutex<Vec<(String, String)>>>,
}

impl Script {
    /// `answer` gets the method and path of a call. Health and sign-in are answered unless it answers them.
    pub async fn start(answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stream, calls, answer) =
            (broadcast::Sender::<String>::new(64), Arc::<Mutex<Vec<_>>>::default(), Arc::new(answer));
        let (events, log) = (stream.clone(), calls.clone());
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let (events, log, answer) = (events.clone(), log.clone(), answer.clone());
                tokio::spawn(async move {
                    let (call, body) = read(&mut caller).await?;
                    let mut received = events.subscribe();
                    log.lock().unwrap().push((call.clone(), body));
                    let reply = match answer(&call) {
                        Some(answer) => answer.await,
                        None => default(&call),
                    };
                    let head = match &reply {
                        Reply::Json(status, _) => format!("{status} X\r\ncontent-type: application/json"),
                        Reply::Raw(head, _) => (*head).to_owned(),
                        Reply::Stream => {
                            let head =
                                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                            caller.write_all(head.as_bytes()).await.ok()?;
                            while let Ok(text) = received.recv().await {
                                caller.write_all(text.as_bytes()).await.ok()?;
                            }
                            return Some(());
                        }
                        Reply::Nothing => return Some(()),
                    };
                    let body = match reply {
                        Reply::Json(_, value) => value.to_string(),
                        Reply::Raw(_, body) => body,
                        Reply::Stream | Reply::Nothing => String::new(),
                    };
                    let text =
                        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                    caller.write_all(text.as_bytes()).await.ok()
                });
            }
        });
        Self { url, stream, calls }
    }

    pub fn send(&self, state: &Value) {
        self.stream.send(format!("event: state\ndata: {state}\n\n")).ok();
    }

    pub fn count(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(made, _)| made == call).count()
    }

    pub fn body(&self, call: &str) -> Value {
        let calls = self.calls.lock().unwrap();
        let body = calls.iter().rev().find(|(made, _)| made == call).map(|(_, body)| body.clone());
        serde_json::from_str(&body.unwrap()).unwrap()
    }
}

pub fn reply(reply: Reply) -> Option<Answer> {
    Some(Box::pin(async move { reply }))
}

pub fn employee() -> Value {
    json!({ "id": "1", "firstName": "Anna", "lastName": "S", "company": "C", "language": "sv" })
}

fn default(call: &str) -> Reply {
    match call {
        "GET /healthz" => Reply::Json(200, json!({ "status": "ok", "service": "flex-hrm-connect" })),
        "POST /v1/session" => Reply::Json(
            201,
            json!({ "token": "t", "expiresAt": "2099-01-01T00:00:00Z", "employee": employee(), "deviceToken": "device-1" }),
        ),
        "DELETE /v1/session" => Reply::Raw("204 No Content", String::new()),
        _ => Reply::Nothing,
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let (bytes, head) = read_request(stream).await?;
    let text = String::from_utf8_lossy(&bytes[..head]);
    let mut words = text.split(' ');
    let call = format!("{} {}", words.next()?, words.next()?);
    Some((call, String::from_utf8_lossy(&bytes[head + 4..]).into_owned()))
}

/// A State of the contract.
pub fn state(revision: u64, server_time: &str, status: &str) -> Value {
    let mut state = json!({
        "revision": revision, "serverTime": server_time, "status": status, "suggestions": ["anna@company.com"],
        "banner": { "visible": true, "snoozedUntil": null },
        "settingsUrl": { "desktop": "https://d.example/", "mobile": "https://m.example/" },
    });
    if status == "codeSent" {
        state["challenge"] = challenge("accepted");
    }
    if status == "linked" {
        state["account"] = account("created");
    }
    state
}

pub fn challenge(delivery: &str) -> Value {
    json!({
        "email": "anna@company.com", "sentAt": "2026-11-01T12:00:00Z", "expiresAt": "2026-11-01T12:30:00Z",
        "resendAt": "2026-11-01T12:01:00Z", "attemptsLeft": 5, "delivery": delivery,
    })
}

pub fn account(origin: &str) -> Value {
    json!({ "email": "anna@company.com", "linkedAt": "2026-11-01T12:00:00Z", "origin": origin })
}
