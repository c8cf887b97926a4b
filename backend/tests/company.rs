//! A company on its first morning: everybody at once, behind three addresses, some hanging up, the database a network away.
//!
//! Takes a minute or two, so only `cargo xtask test --long` and `cargo xtask bench` run it; `COMPANY_PEOPLE` sets how many.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{
    Program, RecordingRelay, Server, TestDemo, count, database_url, import, light_hash, on_postgres, serve, until,
};
use futures_util::future::join_all;
use hrm_fakes::mail_server;
use rand::RngExt;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// People who are at work at the same time.
const LANES: usize = 24;
/// One way, between the backend and PostgreSQL. A SQLite file has no network.
const LATENCY: Duration = Duration::from_millis(5);
const STATE: &str = "/v1/me/visma-connect";
const SNOOZE: &str = "/v1/me/visma-connect/snooze";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long"]
async fn a_company_behind_three_addresses_links_on_monday() {
    let people: usize = std::env::var("COMPANY_PEOPLE").map_or(500, |people| people.parse().unwrap());
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    let hash = light_hash();
    let row = |n| format!("{n},p{n},{hash},P,Nr {n},en,SE,p{n}@company.com");
    import(&url, &(0..people).map(row).collect::<Vec<_>>());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp_url = format!("smtp://{}", listener.local_addr().unwrap());
    let relay = Arc::new(RecordingRelay::default());
    tokio::spawn(mail_server::serve(listener, Arc::clone(&relay)));
    let distant = distant(&url).await;
    let program = Program::start(serve(&distant, &demo.running).env("HRM_SMTP_URL", smtp_url));

    let company = Company { server: program.server.clone(), relay, hang_ups: AtomicUsize::new(0) };
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let lane = async || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= people {
                return;
            }
            company.link(number).await;
        }
    };
    join_all((0..LANES).map(|_| lane())).await;
    let hang_ups = company.hang_ups.load(Ordering::SeqCst);
    eprintln!("{people} people in {:?}, {hang_ups} calls hung up", began.elapsed());
    assert!(hang_ups >= people / 2, "only {hang_ups} hung up: this proved little");

    let (_, answer) = company.sign_in(0, "demo").await;
    let token = answer["token"].as_str().unwrap();
    // On the way home they close the app while it refreshes, and nobody repeats.
    let closing = (0..480_u64).map(async |n| {
        tokio::time::sleep(Duration::from_millis(n * 7)).await;
        let method = if n % 2 == 0 { Method::GET } else { Method::PUT };
        let path = if n % 2 == 0 { STATE } else { SNOOZE };
        let call = company.server.request(method, path).bearer_auth(token).send();
        let _ = tokio::time::timeout(Duration::from_millis(n * 13 % 60), call).await;
    });
    join_all(closing).await;
    let states = join_all((0..60).map(|_| company.call(Method::GET, STATE, 0, Some(token), &Value::Null)));
    assert!(states.await.iter().all(|(status, _)| *status == 200), "the hang-ups left nothing broken");

    if on_postgres() {
        until("the end of every transaction", async || {
            let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND state LIKE 'idle in transaction%'";
            (count(&url, open).await == 0).then_some(())
        })
        .await;
    }

    let all = i64::try_from(people).unwrap();
    let jobs = "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM link_jobs)";
    until("no job left", async || (count(&url, jobs).await == 0).then_some(())).await;
    assert_eq!(count(&url, "SELECT COUNT(DISTINCT employee_id) FROM links").await, all);
    assert_eq!(count(&url, "SELECT COUNT(DISTINCT visma_user_id) FROM links").await, all);
    let mut mails: HashMap<String, usize> = HashMap::new();
    for mail in company.relay.mails.lock().unwrap().iter() {
        *mails.entry(mail.to.clone()).or_default() += 1;
    }
    let lost: Vec<_> = (0..people).filter(|n| !mails.contains_key(&format!("p{n}@company.com"))).collect();
    let twice: Vec<_> = mails.iter().filter(|(_, times)| **times > 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "lost: {lost:?}, twice: {twice:?}");
}

struct Company {
    server: Server,
    relay: Arc<RecordingRelay>,
    hang_ups: AtomicUsize,
}

impl Company {
    /// From the sign-in to the link, as one person does it with an app.
    async fn link(&self, number: usize) {
        // One in twenty mistypes.
        if number.is_multiple_of(20) {
            assert_eq!(self.sign_in(number, "dmeo").await.0, 401);
        }
        let (status, answer) = self.sign_in(number, "demo").await;
        assert_eq!(status, 201, "{answer}");
        let token = answer["token"].as_str().unwrap();
        let email = format!("p{number}@company.com");
        assert_eq!(self.call(Method::GET, STATE, number, Some(token), &Value::Null).await.0, 200);
        assert_eq!(self.call(Method::PUT, SNOOZE, number, Some(token), &Value::Null).await.0, 200);
        let codes = "/v1/me/visma-connect/codes";
        let (status, answer) = self.call(Method::POST, codes, number, Some(token), &json!({ "email": email })).await;
        assert_eq!(status, 202, "{answer}");
        let code = until(&format!("the code of {email}"), async || {
            let mails = self.relay.mails.lock().unwrap();
            mails.iter().find(|mail| mail.to == email)?.code().map(str::to_owned)
        })
        .await;
        let body = json!({ "code": code });
        let (status, answer) = self.call(Method::POST, "/v1/me/visma-connect/verify", number, Some(token), &body).await;
        assert!(status == 200 || answer["code"] == "already_linked", "{status} {answer}");
        until(&format!("the link of {email}"), async || {
            let (_, state) = self.call(Method::GET, STATE, number, Some(token), &Value::Null).await;
            (state["status"] == "linked").then_some(())
        })
        .await;
    }

    async fn sign_in(&self, number: usize, password: &str) -> (u16, Value) {
        let body = json!({ "username": format!("p{number}"), "password": password });
        self.call(Method::POST, "/v1/session", number, None, &body).await
    }

    /// Hangs up on every other call after some milliseconds, and repeats it to its end.
    async fn call(&self, method: Method, path: &str, number: usize, token: Option<&str>, body: &Value) -> (u16, Value) {
        let request = || -> RequestBuilder {
            let request = self.server.request(method.clone(), path).timeout(Duration::from_secs(15));
            let request = request.header("X-Forwarded-For", format!("203.0.113.{}", number % 3));
            let request = request.header("Idempotency-Key", format!("key of {number}"));
            let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
            if body.is_null() { request } else { request.json(body) }
        };
        // A wrong password is sent once: repeated, it would be more than one failure.
        if body["password"] != "dmeo" && rand::rng().random_bool(0.5) {
            let soon = Duration::from_millis(rand::rng().random_range(1..60));
            if tokio::time::timeout(soon, request().send()).await.is_err() {
                self.hang_ups.fetch_add(1, Ordering::SeqCst);
            }
        }
        until(&format!("an answer to {method} {path}"), async || {
            let answer = request().send().await.unwrap();
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap();
            // The call that was hung up on still runs.
            if body["code"] == "request_in_progress" {
                tokio::time::sleep(Duration::from_millis(200)).await;
                return None;
            }
            assert!(status != 429 && status < 500, "{method} {path}: {status} {body}");
            Some((status, body))
        })
        .await
    }
}

/// The same database with [`LATENCY`] in front of it.
async fn distant(url: &str) -> String {
    let Some(rest) = url.strip_prefix("postgres:///") else { return url.to_owned() };
    let (name, folder) = rest.split_once("?host=").unwrap();
    let socket = format!("{}/.s.PGSQL.5432", folder.split('&').next().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://hrm@{}/{name}?sslmode=disable", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            let _ = near.set_nodelay(true);
            let (near_out, near_in) = near.into_split();
            let (far_out, far_in) = tokio::net::UnixStream::connect(&socket).await.unwrap().into_split();
            tokio::spawn(forward(near_out, far_in));
            tokio::spawn(forward(far_out, near_in));
        }
    });
    url
}

async fn forward(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(LATENCY).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
