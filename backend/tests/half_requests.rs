//! Requests that never become whole, as broken phones and slow attackers send them.

use std::time::{Duration, Instant};

use crate::support::TestDemo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const HALVES: [&str; 5] = [
    "",
    "GET /v1/me",
    "GET /healthz HTTP/1.1\r\nHost: a\r\n",
    "POST /v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    "PRI * HTTP/2.0\r\n\r\nSM",
];

#[tokio::test]
async fn a_half_request_does_not_hold_up_the_stop() {
    let demo = TestDemo::start().await;
    let address = demo.server.url.strip_prefix("http://").unwrap().to_owned();
    let mut open = Vec::new();
    for half in HALVES {
        let mut client = TcpStream::connect(&address).await.unwrap();
        client.write_all(half.as_bytes()).await.unwrap();
        open.push(client);
    }
    // All have been accepted: connections are taken in turn.
    demo.server.sign_in("anna.svensson").await;
    let began = Instant::now();
    demo.running.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(5), "the stop took {:?}", began.elapsed());
}
