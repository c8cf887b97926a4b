//! Starts a demo for each test, and calls it over HTTP as an employee does.

mod demo_folder;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use demo_folder::DemoFolder;
use hrm_backend::database::Database;
use hrm_backend::demo::{Demo, Options, Services};
use hrm_backend::events::Events;
use hrm_fakes::mail_server::{self, MailHandler, ReceivedMail, Reply, Step};
use hrm_fakes::program::first_line;
use hrm_fakes::visma_connect::{CLIENT_ID, CLIENT_SECRET};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::migrate::MigrateDatabase;

pub const ANNA: &str = "anna.svensson@company.com";

/// How long a test waits. Jobs of a killed backend wait for the end of their lease.
const LIMIT: Duration = Duration::from_secs(60);

pub struct TestDemo {
    pub running: Demo,
    pub folder: DemoFolder,
    pub database_url: String,
    pub server: Server,
}

impl TestDemo {
    pub async fn start() -> Self {
        Self::start_in(DemoFolder::new()).await
    }

    /// Stops the demo and starts another in the same folder.
    pub async fn restart(self) -> Self {
        let Self { running, folder, .. } = self;
        running.shutdown().await;
        Self::start_in(folder).await
    }

    async fn start_in(folder: DemoFolder) -> Self {
        let database_url = database_url(folder.path()).await;
        Self::start_with(folder, database_url).await
    }

    pub async fn start_on(database_url: String) -> Self {
        Self::start_with(DemoFolder::new(), database_url).await
    }

    async fn start_with(folder: DemoFolder, database_url: String) -> Self {
        let options = Options { listen: "127.0.0.1:0".parse().unwrap(), data_dir: folder.path().to_owned() };
        let running = Demo::start_on(options, Some(database_url.clone())).await.unwrap();
        let server = Server::at(running.url());
        Self { running, folder, database_url, server }
    }

    /// Changes rows without the backend.
    pub async fn execute(&self, statement: &str) {
        execute(&self.database_url, statement).await;
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        count(&self.database_url, query).await
    }

    /// The output of a command of the administrator, which succeeds.
    pub fn admin(&self, args: &[&str]) -> String {
        let (done, output) = admin(&self.database_url, args);
        assert!(done, "{args:?}: {output}");
        output
    }

    /// The output of a command of the administrator, which fails.
    pub fn admin_refused(&self, args: &[&str]) -> String {
        let (done, output) = admin(&self.database_url, args);
        assert!(!done, "{args:?}: {output}");
        output
    }

    /// The tables and columns that contain one of these texts, in any case. Found in the schema.
    pub async fn search(&self, texts: &[&str]) -> Vec<String> {
        let database = Database::connect(&self.database_url, Events::default()).await.unwrap();
        let mut tx = database.begin_read().await.unwrap();
        let mut found = Vec::new();
        for (table, column) in database.columns(&mut tx).await.unwrap() {
            for text in texts {
                let sql = format!("SELECT COUNT(*) FROM \"{table}\" WHERE LOWER(CAST(\"{column}\" AS TEXT)) LIKE $1");
                let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(format!("%{}%", text.to_lowercase()));
                let count: i64 = query.fetch_one(&mut *tx).await.unwrap();
                found.extend((count > 0).then(|| format!("{table}.{column}: {text}")));
            }
        }
        drop(tx);
        database.close().await;
        found
    }
}

/// Changes rows without the backend. Raises the revisions, as every change of the backend does.
pub async fn execute(database_url: &str, statement: &str) {
    let database = Database::connect(database_url, Events::default()).await.unwrap();
    let mut tx = database.begin_write().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap();
    sqlx::query("UPDATE employees SET revision = revision + 1").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
}

/// The number that a query returns.
pub async fn count(database_url: &str, query: &'static str) -> i64 {
    let database = Database::connect(database_url, Events::default()).await.unwrap();
    let mut tx = database.begin_read().await.unwrap();
    let count = sqlx::query_scalar(query).fetch_one(&mut *tx).await.unwrap();
    drop(tx);
    database.close().await;
    count
}

/// The URL of this folder's database: a SQLite file in it, or a database of its own on PostgreSQL.
pub async fn database_url(folder: &Path) -> String {
    if on_postgres() {
        postgres_url(folder).await
    } else {
        format!("sqlite://{}?mode=rwc", folder.join("hrm.sqlite").display())
    }
}

/// Whether `HRM_TEST_POSTGRES=1` asks for PostgreSQL instead of SQLite.
pub fn on_postgres() -> bool {
    std::env::var_os("HRM_TEST_POSTGRES").is_some_and(|value| value == "1")
}

async fn postgres_url(folder: &Path) -> String {
    let name = folder.file_name().unwrap().to_str().unwrap().to_lowercase();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let url = format!("postgres:///{name}?host={}&user=hrm", postgres());
    if !sqlx::Postgres::database_exists(&url).await.unwrap() {
        sqlx::Postgres::create_database(&url).await.unwrap();
    }
    url
}

/// The socket folder of this test program's PostgreSQL, which the first call starts. Its script stops it when the pipe
/// closes, which is when the test program ends.
fn postgres() -> &'static str {
    static SERVER: OnceLock<(Child, String)> = OnceLock::new();
    let start = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/postgres.sh");
        let mut server = Command::new("sh").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let folder = first_line(server.stdout.take().unwrap()).unwrap();
        assert!(!folder.is_empty(), "PostgreSQL did not start");
        (server, folder)
    };
    &SERVER.get_or_init(start).1
}

/// A process of the backend. It is killed when this is dropped (SIGKILL on Unix).
pub struct Program {
    pub child: Child,
    pub server: Server,
}

impl Program {
    /// Starts a `demo` or a `serve`, and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut program = Self { child, server: Server::at(String::new()) };
        let line = first_line(program.child.stdout.take().unwrap()).unwrap();
        line.strip_prefix("listening on ").unwrap().clone_into(&mut program.server.url);
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_hrm-backend"))
}

/// `hrm-backend serve` with the fakes of a demo.
pub fn serve(database_url: &str, demo: &Demo) -> Command {
    serve_with(database_url, demo.services())
}

pub fn serve_with(database_url: &str, services: &Services) -> Command {
    let mut command = program();
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--mail-from", "Flex HRM <no-reply@company.com>", "--visma-client-id", CLIENT_ID])
        .args(["--visma-token-url", &format!("{}connect/token", services.visma_url)])
        .args(["--visma-api-url", &services.visma_url])
        .env("DATABASE_URL", database_url)
        .env("HRM_VISMA_CLIENT_SECRET", CLIENT_SECRET)
        .env("HRM_CODE_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        .env("HRM_SMTP_URL", &services.smtp_url)
        .env("HRM_TRUSTED_PROXIES", "127.0.0.1")
        .env("HRM_LEASE_SECONDS", "5")
        .stderr(Stdio::null());
    command
}

/// Runs `hrm-backend admin …`: whether it succeeded, and its output.
pub fn admin(database_url: &str, args: &[&str]) -> (bool, String) {
    let mut command = program();
    let output = command.args(["admin", "--by", "the test"]).args(args).env("DATABASE_URL", database_url).output();
    let output = output.unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// A hash of the demo's password that is cheap to verify, as a CSV field. It contains commas.
pub fn light_hash() -> String {
    format!("\"{}\"", hrm_backend::password::PasswordCost::Light.hash(&"demo".into()).unwrap())
}

/// Creates the company `acme`, whose policy is to always require a code, and imports its people.
pub fn import(database_url: &str, rows: &[String]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let heading = "id,username,password_hash,first_name,last_name,language,country,addresses";
    std::fs::write(file.path(), format!("{heading}\n{}\n", rows.join("\n"))).unwrap();
    let (done, output) = admin(database_url, &["company", "acme", "--name", "Acme AB", "--policy", "always"]);
    assert!(done, "{output}");
    let (done, output) = admin(database_url, &["import", "--company", "acme", file.path().to_str().unwrap()]);
    assert!(done, "{output}");
}

/// A backend that a test calls.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    pub http: reqwest::Client,
}

impl Server {
    pub fn at(url: String) -> Self {
        hrm_backend::install_cryptography();
        // No test waits for ever. An event stream is silent for less than this.
        let http = reqwest::Client::builder().connect_timeout(LIMIT).read_timeout(LIMIT).build().unwrap();
        Self { url, http }
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
        self.demo_route("/demo/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub async fn faults(&self, faults: Value) {
        self.demo_route("/demo/faults", faults).await;
    }

    pub async fn demo_route(&self, path: &str, body: Value) {
        let answer = self.request(Method::POST, path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
    }

    pub async fn inbox(&self) -> Vec<Value> {
        self.request(Method::GET, "/demo/inbox.json").send().await.unwrap().json().await.unwrap()
    }

    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        self.inbox().await.into_iter().filter(|mail| mail["to"] == address).collect()
    }

    /// Waits as [`Self::wait_for_mails`] does; the code in the newest mail.
    pub async fn wait_for_code(&self, address: &str, count: usize) -> String {
        code_in(&self.wait_for_mails(address, count).await[0])
    }

    /// Waits until this number of mails to the address is in the inbox; the newest first.
    pub async fn wait_for_mails(&self, address: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} mails to {address}"), async || {
            let mails = self.mails_to(address).await;
            (mails.len() == count).then_some(mails)
        })
        .await
    }

    pub async fn wait_for_metric(&self, name: &str, least: u32) {
        until(&format!("{name} {least}"), async || {
            let text = self.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
            let value: u32 = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())?;
            (value >= least).then_some(())
        })
        .await;
    }
}

/// A signed-in employee on one device.
#[derive(Clone)]
pub struct Employee {
    pub server: Server,
    pub token: String,
}

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
        if status == 429 || status == 503 || body["code"] == "request_in_progress" {
            assert_eq!(body["retryAfterSeconds"].as_u64(), retry_after, "{body}");
            assert!(retry_after.is_some_and(|seconds| seconds > 0), "{body}");
        }
        Self { status, body, retry_after }
    }

    /// Asserts that this is the problem; its body.
    #[track_caller]
    pub fn is(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body
    }

    /// Asserts that this is a State with this status; the State.
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

/// The code in a mail.
pub fn code_in(mail: &Value) -> String {
    mail_server::code_in(mail["text"].as_str().unwrap()).unwrap().to_owned()
}

/// A well-formed code that is not this one.
pub fn wrong_for(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

pub async fn until<T>(what: &str, find: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = find().await {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "timed out waiting for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads an event stream until a State has this status; the text that was read.
pub async fn read_until_status(events: &mut reqwest::Response, status: &str) -> String {
    read_until(events, &format!("\"status\":\"{status}\"")).await
}

/// Reads an event stream until it has said `wanted`; the text that was read.
pub async fn read_until(events: &mut reqwest::Response, wanted: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(wanted) {
            text += &String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap());
        }
    };
    tokio::time::timeout(LIMIT, read).await.unwrap_or_else(|_| panic!("no event has {wanted}"));
    text
}

/// A mail server that offers SMTPUTF8 and records what it accepts.
#[derive(Default)]
pub struct RecordingRelay {
    pub commands: Mutex<Vec<String>>,
    pub mails: Mutex<Vec<ReceivedMail>>,
}

impl MailHandler for RecordingRelay {
    async fn reply(&self, step: Step<'_>) -> Reply {
        match step {
            Step::Hello(_) => return Reply::Lines(b"250-relay\r\n250-8BITMIME\r\n250 SMTPUTF8"),
            Step::Mail(line) | Step::Recipient(line) => self.commands.lock().unwrap().push(line.to_owned()),
            Step::Message(mail) => self.mails.lock().unwrap().push(mail),
            _ => {}
        }
        Reply::Accept
    }
}
