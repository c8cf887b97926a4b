//! Several backends on one PostgreSQL, some of them killed at random.
//!
//! They need `HRM_TEST_POSTGRES=1`: a SQLite file has one backend.

use std::collections::{HashMap, HashSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{
    Employee, Program, Server, TestDemo, code_in, count, database_url, import, light_hash, on_postgres,
    read_until_status, serve, until,
};
use rand::RngExt;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const PEOPLE: usize = 200;

#[tokio::test]
async fn backends_share_sessions_responses_limits_and_events() {
    if !on_postgres() {
        return;
    }
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,anna@company.com", light_hash())]);
    let (one, two) = (Program::start(&mut serve(&url, &demo.running)), Program::start(&mut serve(&url, &demo.running)));
    let here = one.server.sign_in("anna").await;
    let there = Employee { server: two.server.clone(), ..here.clone() };

    let mut events = there.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
    let sent = here.send_with_key("anna@company.com", "k").await.state(202, "codeSent");
    assert_eq!(there.send_with_key("anna@company.com", "k").await.state(202, "codeSent"), sent);
    there.send("anna@company.com").await.is(429, "resend_too_soon");
    read_until_status(&mut events, "codeSent").await;
    let code = demo.server.wait_for_code("anna@company.com", 1).await;
    there.verify(&code).await.state(200, "linked");
    assert_eq!(here.state().await["status"], "linked");

    let mut last = 0;
    for n in 0..12 {
        let server = if n % 2 == 0 { &one.server } else { &two.server };
        let request = server.request(Method::POST, "/v1/session").json(&json!({ "username": "anna", "password": "b" }));
        last = request.send().await.unwrap().status().into();
    }
    assert_eq!(last, 429, "one limit for both");
}

struct Cluster {
    servers: Mutex<Vec<Server>>,
    is_over: AtomicBool,
}

impl Cluster {
    fn any(&self) -> Server {
        let servers = self.servers.lock().unwrap();
        servers[rand::rng().random_range(0..servers.len())].clone()
    }

    /// Kills and restarts backends at random; how often.
    fn kill_at_random(&self, mut programs: Vec<Program>, command: impl Fn() -> Command) -> usize {
        let mut kills = 0;
        while !self.is_over.load(Ordering::SeqCst) {
            let (pause, victim) = (rand::rng().random_range(100..700), rand::rng().random_range(0..programs.len()));
            std::thread::sleep(Duration::from_millis(pause));
            // The drop kills it, before another one starts.
            drop(programs.remove(victim));
            programs.push(Program::start(&mut command()));
            let mut servers = self.servers.lock().unwrap();
            *servers = programs.iter().map(|program| program.server.clone()).collect();
            kills += 1;
        }
        kills
    }
}

/// Stops the killing even if the test fails. Otherwise it would never end.
struct StopOnDrop(Arc<Cluster>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

/// An employee who repeats a call, at any backend, until there is a response.
struct Person {
    cluster: Arc<Cluster>,
    number: usize,
    token: String,
}

impl Person {
    fn address(number: usize) -> String {
        format!("p{number}@company.com")
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        until(&format!("a response to {method} {path}"), async || {
            let request = self.cluster.any().request(method.clone(), path).bearer_auth(&self.token);
            let request = request
                .header("Idempotency-Key", format!("key of {}", self.number))
                .header("X-Forwarded-For", format!("203.0.113.{}", self.number));
            let request = if let Some(body) = &body { request.json(body) } else { request };
            let answer = request.timeout(Duration::from_secs(8)).send().await.ok()?;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.ok()?;
            if body["code"] == "request_in_progress" {
                // The call still runs, or its backend was killed.
                tokio::time::sleep(Duration::from_secs(body["retryAfterSeconds"].as_u64()?)).await;
                return None;
            }
            (status < 500).then_some((status, body))
        })
        .await
    }

    async fn link(mut self, inbox: Arc<Mutex<HashMap<String, Vec<Value>>>>) {
        let name = format!("p{}", self.number);
        let address = Self::address(self.number);
        let body = json!({ "username": name, "password": "demo" });
        let (status, session) = self.call(Method::POST, "/v1/session", Some(body)).await;
        assert_eq!(status, 201, "{session}");
        self.token = session["token"].as_str().unwrap().to_owned();

        let body = json!({ "email": address });
        let (status, state) = self.call(Method::POST, "/v1/me/visma-connect/codes", Some(body)).await;
        assert_eq!(status, 202, "{state}");
        let code = until(&format!("the code of {name}"), async || {
            inbox.lock().unwrap().get(&address).map(|mails| code_in(&mails[0]))
        })
        .await;

        let (status, answer) =
            self.call(Method::POST, "/v1/me/visma-connect/verify", Some(json!({ "code": code }))).await;
        let is_clean = status == 200 || answer["code"] == "already_linked";
        assert!(is_clean, "{status} {answer}");
        until(&format!("the link of {name}"), async || {
            let (_, state) = self.call(Method::GET, "/v1/me/visma-connect", None).await;
            (state["status"] == "linked").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_backends_killed_at_random_link_200_people_once_each() {
    if !on_postgres() {
        return;
    }
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    let hash = light_hash();
    let row = |n| format!("{n},p{n},{hash},P,Nr {n},en,SE,p{n}@company.com p{n}@home.example");
    import(&url, &(0..PEOPLE).map(row).collect::<Vec<_>>());

    let programs: Vec<_> = (0..3).map(|_| Program::start(&mut serve(&url, &demo.running))).collect();
    let servers = programs.iter().map(|program| program.server.clone()).collect();
    let cluster = Arc::new(Cluster { servers: Mutex::new(servers), is_over: AtomicBool::new(false) });
    let stop_on_drop = StopOnDrop(Arc::clone(&cluster));
    let killer = tokio::task::spawn_blocking({
        let (cluster, url, services) = (Arc::clone(&cluster), url.clone(), demo.running.services().clone());
        move || cluster.kill_at_random(programs, || crate::support::serve_with(&url, &services))
    });

    // One reader of the inbox for all.
    let inbox: Arc<Mutex<HashMap<String, Vec<Value>>>> = Arc::default();
    let reader = tokio::spawn({
        let (inbox, server) = (Arc::clone(&inbox), demo.server.clone());
        async move {
            loop {
                let mut mails: HashMap<String, Vec<Value>> = HashMap::new();
                for mail in server.inbox().await {
                    mails.entry(mail["to"].as_str().unwrap().to_owned()).or_default().push(mail);
                }
                *inbox.lock().unwrap() = mails;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    // 24 people at a time.
    let next = AtomicUsize::new(0);
    let worker = async || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= PEOPLE {
                return;
            }
            let person = Person { cluster: Arc::clone(&cluster), number, token: String::new() };
            person.link(Arc::clone(&inbox)).await;
        }
    };
    futures_util::future::join_all((0..24).map(|_| worker())).await;
    let outbox = "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM link_jobs)";
    until("an empty outbox", async || (count(&url, outbox).await == 0).then_some(())).await;
    drop(stop_on_drop);
    let kills = killer.await.unwrap();
    reader.abort();
    assert!(kills >= 10, "only {kills} kills: this proved little");

    let all = i64::try_from(PEOPLE).unwrap();
    assert_eq!(count(&url, "SELECT COUNT(DISTINCT employee_id) FROM links").await, all);
    assert_eq!(count(&url, "SELECT COUNT(DISTINCT visma_user_id) FROM links").await, all);
    assert_eq!(count(&url, "SELECT COUNT(*) FROM codes").await, all, "no unasked resend");
    let accounts = std::fs::read_to_string(demo.folder.path().join("visma-connect.json")).unwrap();
    let accounts: HashMap<String, Value> = serde_json::from_str(&accounts).unwrap();
    let ours: Vec<_> = accounts.values().filter_map(|account| account["email"].as_str()?.strip_prefix('p')).collect();
    assert_eq!((ours.len(), ours.iter().collect::<HashSet<_>>().len()), (PEOPLE, PEOPLE), "no account was made twice");
    let mut mails: HashMap<String, Vec<Value>> = HashMap::new();
    for mail in demo.server.inbox().await {
        mails.entry(mail["to"].as_str().unwrap().to_owned()).or_default().push(mail);
    }
    for number in 0..PEOPLE {
        let code_mails = &mails[&Person::address(number)];
        let codes: HashSet<_> = code_mails.iter().map(code_in).collect();
        assert_eq!(codes.len(), 1, "the same mail may come twice after a kill, another code may not");
        assert!(mails.contains_key(&format!("p{number}@home.example")), "the notice to p{number}");
    }
    eprintln!("{kills} kills, {} mails for {} needed", mails.values().map(Vec::len).sum::<usize>(), 2 * PEOPLE);
}
