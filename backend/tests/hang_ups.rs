//! Clients that hang up in the middle of a call: phones in lifts, apps that are closed.

use std::path::Path;
use std::time::Duration;

use crate::support::{Employee, TestDemo, database_url, on_postgres, until};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

const STATE: &str = "/v1/me/visma-connect";
const HANG_UPS: u64 = 480;

/// A database whose every message takes a while, as over a network. SQLite has no network.
async fn distant_database(folder: &Path) -> String {
    let url = database_url(folder).await;
    if !on_postgres() {
        return url;
    }
    let host = url.split(&['=', '&'][..]).nth(1).unwrap().to_owned();
    let listener = tokio::net::UnixListener::bind(folder.join(".s.PGSQL.5432")).unwrap();
    let socket = format!("{host}/.s.PGSQL.5432");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = tokio::net::UnixStream::connect(&socket).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::spawn(forward_late(from_client, to_server));
            tokio::spawn(forward_late(from_server, to_client));
        }
    });
    url.replace(&host, folder.to_str().unwrap())
}

async fn forward_late(mut from: tokio::net::unix::OwnedReadHalf, mut to: tokio::net::unix::OwnedWriteHalf) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Makes calls of every kind and closes each connection after a time of its own.
async fn hang_up_often(who: &Employee) {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let calls = (0..HANG_UPS).map(|number| {
        let (client, who) = (client.clone(), who.clone());
        async move {
            // Not all at once: each call gets a connection of the pool in its turn.
            tokio::time::sleep(Duration::from_millis(number * 7)).await;
            let request = |method, path: &str| client.request(method, format!("{}{path}", who.server.url));
            let request = match number % 6 {
                0 => request(Method::GET, STATE),
                1 => request(Method::PUT, "/v1/me/visma-connect/snooze"),
                2 => request(Method::POST, "/v1/me/visma-connect/codes")
                    .header("Idempotency-Key", number.to_string())
                    .json(&json!({ "email": format!("{number}@company.com") })),
                3 => request(Method::POST, "/v1/me/visma-connect/verify").json(&json!({ "code": "000000" })),
                4 => request(Method::GET, "/v1/me/visma-connect/events"),
                _ => request(Method::POST, "/v1/session").json(&json!({ "username": "mia.berg", "password": "demo" })),
            };
            let hang_up = Duration::from_millis(number * 13 % 60);
            let _ = tokio::time::timeout(hang_up, request.bearer_auth(&who.token).send()).await;
        }
    });
    join_all(calls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_hang_up_leave_the_database_usable() {
    let folder = TempDir::new().unwrap();
    let demo = TestDemo::start_on(distant_database(folder.path()).await).await;
    let anna = demo.server.sign_in("anna.svensson").await;
    hang_up_often(&anna).await;

    let states = join_all((0..60).map(|_| anna.request(Method::GET, STATE).send())).await;
    let statuses: Vec<_> = states.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    if on_postgres() {
        until("the end of every transaction", async || {
            let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' \
                        AND datname = current_database()";
            (demo.count(open).await == 0).then_some(())
        })
        .await;
    }
    demo.running.shutdown().await;
}
