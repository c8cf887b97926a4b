//! Two backends are replaced one after the other, while people work and the schema changes.
//!
//! It needs `HRM_TEST_POSTGRES=1`: a SQLite file has one backend.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{
    Employee, Program, Server, TestDemo, count, database_url, import, light_hash, on_postgres, serve,
};
use reqwest::Method;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// The schema of an older program.
async fn migrate_to(url: &str, version: i64) {
    let all = sqlx::migrate!("./migrations");
    let older = Migrator::with_migrations(all.iter().filter(|one| one.version <= version).cloned().collect());
    older.run(&mut PgConnection::connect(url).await.unwrap()).await.unwrap();
}

/// What a newer program does to the schema when it starts.
async fn migrate_to_the_future(url: &str) {
    let mut database = PgConnection::connect(url).await.unwrap();
    let migration = "BEGIN; ALTER TABLE employees ADD COLUMN future TEXT; ALTER TABLE companies ADD COLUMN future TEXT;
        ALTER TABLE outbox ADD COLUMN future BIGINT NOT NULL DEFAULT 0; CREATE TABLE future (id TEXT PRIMARY KEY);
        INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'future', TRUE, '\\x00', 0); COMMIT;";
    database.execute(sqlx::raw_sql(migration)).await.unwrap();
}

/// SIGTERM, as from systemd; waits for the end.
fn stop(program: &mut Program) {
    assert!(Command::new("kill").arg(program.child.id().to_string()).status().unwrap().success());
    assert!(program.child.wait().unwrap().success(), "it does not end by itself");
}

#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    repeated: AtomicUsize,
    failed: Mutex<Vec<String>>,
    longest: Mutex<Duration>,
}

/// A load balancer: the servers in turn. A call that one does not take goes to the other.
struct Balancer {
    servers: [Mutex<Server>; 2],
    next: AtomicUsize,
    seen: Seen,
}

impl Balancer {
    async fn call(&self, token: &str, method: Method, path: &str) {
        let (first, began) = (self.next.fetch_add(1, Ordering::SeqCst), Instant::now());
        let mut results = Vec::new();
        for attempt in 0..2 {
            let server = self.servers[(first + attempt) % 2].lock().unwrap().clone();
            let answer = server.request(method.clone(), path).bearer_auth(token).send().await;
            match answer.map(|answer| answer.status().as_u16()) {
                Ok(200) => break,
                other => results.push(format!("{method} {path}: {other:?}")),
            }
        }
        let seen = &self.seen;
        seen.calls.fetch_add(1, Ordering::SeqCst);
        seen.repeated.fetch_add(usize::from(!results.is_empty()), Ordering::SeqCst);
        if results.len() == 2 {
            seen.failed.lock().unwrap().extend(results);
        }
        let mut longest = seen.longest.lock().unwrap();
        *longest = longest.max(began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_backends_are_upgraded_one_by_one_and_no_call_fails() {
    if !on_postgres() {
        return;
    }
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    // Both start at once on an older schema: one migrates, the other waits for it.
    migrate_to(&url, 7).await;
    let start = || {
        let mut command = serve(&url, &demo.running);
        std::thread::spawn(move || Program::start(&mut command))
    };
    let [mut one, mut two] = [start(), start()].map(|starting| starting.join().unwrap());
    let newest = sqlx::migrate!("./migrations").iter().map(|one| one.version).max().unwrap();
    assert_eq!(count(&url, "SELECT MAX(version) FROM _sqlx_migrations").await, newest);
    let hash = light_hash();
    import(&url, &(0..9).map(|n| format!("{n},p{n},{hash},P,Nr {n},en,SE,p{n}@company.com")).collect::<Vec<_>>());

    let balancer = Arc::new(Balancer {
        servers: [&one, &two].map(|program| Mutex::new(program.server.clone())),
        next: AtomicUsize::default(),
        seen: Seen::default(),
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let mut load = Vec::new();
    for n in 1..9 {
        let token = one.server.sign_in(&format!("p{n}")).await.token;
        let (balancer, is_over) = (Arc::clone(&balancer), Arc::clone(&is_over));
        load.push(tokio::spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                balancer.call(&token, Method::GET, "/v1/me/visma-connect").await;
                balancer.call(&token, Method::PUT, "/v1/me/visma-connect/snooze").await;
            }
        }));
    }
    let p0 = one.server.sign_in("p0").await;
    p0.send("p0@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("p0@company.com", 1).await;

    migrate_to_the_future(&url).await;
    for (n, program) in [&mut one, &mut two].into_iter().enumerate() {
        // The balancer does not know that one stops, until it refuses a connection.
        stop(program);
        // Older than the schema: it starts all the same, so that it can be restarted or put back.
        *program = Program::start(&mut serve(&url, &demo.running));
        *balancer.servers[n].lock().unwrap() = program.server.clone();
        let calls = balancer.seen.calls.load(Ordering::SeqCst);
        crate::support::until("more calls", async || {
            (balancer.seen.calls.load(Ordering::SeqCst) > calls + 100).then_some(())
        })
        .await;
    }
    let p0 = Employee { server: two.server.clone(), ..p0 };
    p0.verify(&code).await.state(200, "linked");
    is_over.store(true, Ordering::SeqCst);
    for task in load {
        task.await.unwrap();
    }
    let seen = &balancer.seen;
    let (calls, longest) = (seen.calls.load(Ordering::SeqCst), *seen.longest.lock().unwrap());
    let repeated = seen.repeated.load(Ordering::SeqCst);
    eprintln!("{calls} calls, {repeated} of them repeated at the other backend, the longest took {longest:?}");
    assert!(seen.failed.lock().unwrap().is_empty(), "{:?}", seen.failed.lock().unwrap());
    assert!(calls > 200 && repeated > 0, "{calls} calls, {repeated} repeated: this proved little");
    assert!(longest < Duration::from_secs(10), "an answer took {longest:?}");
    drop((one, two));
    demo.running.shutdown().await;
}
