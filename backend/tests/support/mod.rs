//! A demo of its own for each test, and an employee in front of it with nothing but HTTP.

#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hrm_backend::demo::{Demo, Options};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::migrate::MigrateDatabase;
use tempfile::TempDir;

pub const ANNA: &str = "anna.svensson@company.com";

/// A demo and its folder.
pub struct World {
    pub demo: Demo,
    pub folder: TempDir,
    pub server: Server,
}

impl World {
    pub async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let demo = start_in(folder.path()).await;
        let server = Server::at(demo.url());
        Self { demo, folder, server }
    }

    /// Stops the demo and starts another on the same folder.
    pub async fn restart(self) -> Self {
        let Self { demo, folder, .. } = self;
        demo.shutdown().await;
        let demo = start_in(folder.path()).await;
        let server = Server::at(demo.url());
        Self { demo, folder, server }
    }
}

async fn start_in(folder: &Path) -> Demo {
    let options = Options { listen: "127.0.0.1:0".parse().unwrap(), data_dir: folder.to_owned() };
    let database = if on_postgres() { Some(postgres_url(folder).await) } else { None };
    Demo::start_on(options, database).await.unwrap()
}

/// `HRM_TEST_POSTGRES=1`: every test gets a database of its own on a PostgreSQL instead of a SQLite file.
pub fn on_postgres() -> bool {
    std::env::var_os("HRM_TEST_POSTGRES").is_some_and(|value| value == "1")
}

/// The address of this folder's database on the test program's PostgreSQL. Made if it is not there.
pub async fn postgres_url(folder: &Path) -> String {
    let name = folder.file_name().unwrap().to_str().unwrap().to_lowercase();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let url = format!("postgres:///{name}?host={}&user=hrm", postgres());
    if !sqlx::Postgres::database_exists(&url).await.unwrap() {
        sqlx::Postgres::create_database(&url).await.unwrap();
    }
    url
}

/// The folder of the PostgreSQL that this test program has for itself, started when it is first asked for. It ends
/// when the program does: its script sees the pipe to it close.
fn postgres() -> &'static str {
    static SERVER: OnceLock<(Child, String)> = OnceLock::new();
    let start = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/postgres.sh");
        let mut server = Command::new("sh").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut folder = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut folder).unwrap();
        let folder = folder.trim().to_owned();
        assert!(!folder.is_empty(), "PostgreSQL did not start");
        (server, folder)
    };
    &SERVER.get_or_init(start).1
}

/// A demo as it is seen from outside.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    pub http: reqwest::Client,
}

impl Server {
    pub fn at(url: String) -> Self {
        hrm_backend::install_cryptography();
        Self { url, http: reqwest::Client::new() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn sign_in(&self, username: &str) -> Employee {
        let body = json!({ "username": username, "password": "demo" });
        let answer = self.request(Method::POST, "/v1/session").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.unwrap();
        Employee { server: self.clone(), token: body["token"].as_str().unwrap().to_owned() }
    }

    pub async fn advance(&self, seconds: u32) {
        self.door("/demo/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub async fn faults(&self, faults: Value) {
        self.door("/demo/faults", faults).await;
    }

    pub async fn door(&self, path: &str, body: Value) {
        let answer = self.request(Method::POST, path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
    }

    pub async fn inbox(&self) -> Vec<Value> {
        self.request(Method::GET, "/demo/inbox.json").send().await.unwrap().json().await.unwrap()
    }

    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        self.inbox().await.into_iter().filter(|mail| mail["to"] == address).collect()
    }

    /// Waits until there are so many mails to an address; the newest first.
    pub async fn wait_for_mails(&self, address: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} mails to {address}"), async || {
            let mails = self.mails_to(address).await;
            (mails.len() == count).then_some(mails)
        })
        .await
    }
}

/// A signed-in employee on one device.
#[derive(Clone)]
pub struct Employee {
    pub server: Server,
    pub token: String,
}

/// An answer: the status and the body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<u64>,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("cache-control").as_deref(), Some("no-store"));
        let kind = header("content-type").unwrap_or_default();
        let retry_after = header("retry-after").map(|seconds| seconds.parse().unwrap());
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default();
        if status >= 400 {
            assert_eq!(kind, "application/problem+json", "{status} {body}");
            assert_eq!(body["status"], status);
        }
        if status == 429 || status == 503 {
            assert_eq!(body["retryAfterSeconds"].as_u64(), retry_after, "{body}");
            assert!(retry_after.is_some_and(|seconds| seconds > 0), "{body}");
        }
        Self { status, body, retry_after }
    }

    /// It must be this problem; the body.
    #[track_caller]
    pub fn is(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body
    }

    /// It must be this State; the State.
    #[track_caller]
    pub fn state(self, http: u16, status: &str) -> Value {
        assert_eq!((self.status, self.body["status"].as_str()), (http, Some(status)), "{}", self.body);
        self.body
    }
}

impl Employee {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.request(method, path).bearer_auth(&self.token)
    }

    pub async fn state(&self) -> Value {
        Answer::of(self.request(Method::GET, "/v1/me/visma-connect")).await.body
    }

    pub async fn send(&self, email: &str) -> Answer {
        self.send_with_key(email, &uuid::Uuid::new_v4().to_string()).await
    }

    pub async fn send_with_key(&self, email: &str, key: &str) -> Answer {
        let request = self.request(Method::POST, "/v1/me/visma-connect/codes").header("Idempotency-Key", key);
        Answer::of(request.json(&json!({ "email": email }))).await
    }

    pub async fn verify(&self, code: &str) -> Answer {
        let request = self.request(Method::POST, "/v1/me/visma-connect/verify");
        Answer::of(request.json(&json!({ "code": code }))).await
    }

    pub async fn start_over(&self) -> Answer {
        Answer::of(self.request(Method::DELETE, "/v1/me/visma-connect/challenge")).await
    }

    pub async fn snooze(&self) -> Answer {
        Answer::of(self.request(Method::PUT, "/v1/me/visma-connect/snooze")).await
    }

    pub async fn wait_for_status(&self, status: &str) -> Value {
        until(&format!("status {status}"), async || {
            let state = self.state().await;
            (state["status"] == status).then_some(state)
        })
        .await
    }

    pub async fn wait_for_delivery(&self, delivery: &str) -> Value {
        until(&format!("delivery {delivery}"), async || {
            let state = self.state().await;
            (state["challenge"]["delivery"] == delivery).then_some(state)
        })
        .await
    }
}

/// The code in a mail: the line of six digits.
pub fn code_in(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    text.lines().find(is_code).unwrap().to_owned()
}

/// A code that is none of `codes`.
pub fn wrong_for(codes: &[String]) -> String {
    (0..).map(|n| format!("{n:06}")).find(|code| !codes.contains(code)).unwrap()
}

/// Polls until there is something, for 20 seconds at most.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
