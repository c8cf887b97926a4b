//! What stands beside a backend: a mail relay that keeps nothing but who got what when, and Visma Connect.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A mail that the relay took.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub recipient: String,
    pub message_id: String,
    pub code: Option<String>,
    pub at: Instant,
}

/// An SMTP server that takes every mail.
pub(crate) struct Relay {
    pub address: SocketAddr,
    /// The time between two mails; none: as fast as they come.
    pace: Option<Duration>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    taken: Vec<Taken>,
    waiting: HashMap<String, oneshot::Sender<String>>,
    next_slot: Option<Instant>,
    open: usize,
    most_open: usize,
}

impl Relay {
    pub(crate) async fn start(pace: Option<Duration>) -> anyhow::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let relay = Arc::new(Self { address: listener.local_addr()?, pace, inside: Mutex::default() });
        let server = Arc::clone(&relay);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let relay = Arc::clone(&server);
                tokio::spawn(async move {
                    relay.count(1);
                    // A client that hangs up is no fault.
                    let _ = relay.talk(client).await;
                    relay.count(-1);
                });
            }
        });
        Ok(relay)
    }

    /// The code in the next mail to this address.
    pub(crate) fn expect(&self, recipient: &str) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        self.inside().waiting.insert(recipient.to_owned(), sender);
        receiver
    }

    /// The mails taken since this was last asked.
    pub(crate) fn drain(&self) -> Vec<Taken> {
        std::mem::take(&mut self.inside().taken)
    }

    /// How many mails were taken since the last [`Relay::drain`].
    pub(crate) fn len(&self) -> usize {
        self.inside().taken.len()
    }

    /// The most connections that were open at once.
    pub(crate) fn most_open(&self) -> usize {
        self.inside().most_open
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, by: isize) {
        let mut inside = self.inside();
        inside.open = inside.open.saturating_add_signed(by);
        inside.most_open = inside.most_open.max(inside.open);
    }

    async fn talk(&self, client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        let (reader, mut writer) = client.into_split();
        let mut reader = BufReader::new(reader);
        let (mut line, mut recipient) = (String::new(), String::new());
        writer.write_all(b"220 relay ESMTP\r\n").await?;
        loop {
            line.clear();
            if reader.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let answer: &[u8] = match verb.as_str() {
                "EHLO" | "HELO" => b"250-relay\r\n250 8BITMIME\r\n",
                "RCPT" => {
                    recipient = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    b"250 ok\r\n"
                }
                "DATA" => {
                    writer.write_all(b"354 go on\r\n").await?;
                    let (mut message_id, mut code) = (String::new(), None);
                    loop {
                        line.clear();
                        if reader.read_line(&mut line).await? == 0 {
                            return Ok(());
                        }
                        let text = line.trim_end();
                        if text == "." {
                            break;
                        }
                        if let Some(id) = text.strip_prefix("Message-ID: ") {
                            id.clone_into(&mut message_id);
                        } else if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
                            code = Some(text.to_owned());
                        }
                    }
                    self.slot().await;
                    let taken = Taken { recipient: recipient.clone(), message_id, code, at: Instant::now() };
                    let mut inside = self.inside();
                    if let Some(code) = &taken.code
                        && let Some(waiting) = inside.waiting.remove(&taken.recipient)
                    {
                        let _ = waiting.send(code.clone());
                    }
                    inside.taken.push(taken);
                    b"250 taken\r\n"
                }
                "QUIT" => {
                    writer.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => b"250 ok\r\n",
            };
            writer.write_all(answer).await?;
        }
    }

    /// Waits for this mail's turn.
    async fn slot(&self) {
        let Some(pace) = self.pace else { return };
        let at = {
            let mut inside = self.inside();
            let at = inside.next_slot.map_or_else(Instant::now, |at| at.max(Instant::now()));
            inside.next_slot = Some(at + pace);
            at
        };
        tokio::time::sleep_until(at.into()).await;
    }
}

/// Visma Connect's Public API, as far as a link needs it; where it listens.
pub(crate) async fn visma_connect() -> anyhow::Result<SocketAddr> {
    type Users = Arc<Mutex<HashMap<String, String>>>;
    async fn search(State(users): State<Users>, Query(query): Query<HashMap<String, String>>) -> Response {
        let email = query.get("email").cloned().unwrap_or_default();
        match users.lock().unwrap_or_else(PoisonError::into_inner).get(&email) {
            Some(id) => Json(json!([{ "id": id, "email": email }])).into_response(),
            None => StatusCode::NO_CONTENT.into_response(),
        }
    }
    async fn create(State(users): State<Users>, Json(user): Json<Value>) -> Response {
        let (id, email) = (uuid::Uuid::new_v4().to_string(), user["email"].as_str().unwrap_or_default().to_owned());
        users.lock().unwrap_or_else(PoisonError::into_inner).insert(email.clone(), id.clone());
        (StatusCode::CREATED, Json(json!({ "id": id, "email": email }))).into_response()
    }
    let token = async || Json(json!({ "access_token": "a", "expires_in": 36_000, "token_type": "Bearer" }));
    let router = Router::new()
        .route("/connect/token", post(token))
        .route("/v1.0/search/users", get(search))
        .route("/v1.0/users", post(create))
        .with_state(Users::default());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
