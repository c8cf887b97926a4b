//! Why a sign-in finds no server: no network, a proxy that refuses, or a name that nobody has.

use crate::support::{FakeDevice, start, start_with};
use flex_connect_core::{App, Edition};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
};

async fn refused(app: &App, server: &str) -> String {
    let problem = app.sign_in(server.into(), "anna".into(), "demo".into()).await.unwrap_err();
    serde_json::to_value(problem).unwrap()["code"].as_str().unwrap().to_owned()
}

/// A proxy that gives every request this answer.
async fn proxy_answering(head: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_err() {
                continue;
            }
            let answer = format!("HTTP/1.1 {head}\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    url
}

fn behind(proxy: &str) -> App {
    let proxy = proxy.to_owned();
    start_with(&FakeDevice::default(), Edition::Desktop, move || {
        reqwest::Client::builder().proxy(reqwest::Proxy::all(&proxy).unwrap())
    })
}

/// A port that refuses connections, as long as the socket lives.
fn closed_port(address: &str) -> (TcpSocket, String) {
    let address: std::net::SocketAddr = address.parse().unwrap();
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.unwrap();
    socket.bind(address).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, format!("http://{address}"))
}

#[tokio::test]
async fn an_ipv6_address_is_never_an_unknown_host() {
    let (_held, server) = closed_port("[::1]:0");
    let app = start(&FakeDevice::default(), Edition::Desktop);
    assert_eq!(refused(&app, &server).await, "offline");
}

#[tokio::test]
async fn an_unknown_host_is_named_so() {
    // RFC 6761: `.invalid` never resolves.
    let app = start(&FakeDevice::default(), Edition::Desktop);
    assert_eq!(refused(&app, "https://hrm.invalid").await, "noSuchHost");
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_named_so() {
    let proxy = proxy_answering("407 Proxy Authentication Required").await;
    assert_eq!(refused(&behind(&proxy), "https://hrm.company.com").await, "proxyRefused", "a tunnel");
    assert_eq!(refused(&behind(&proxy), "http://localhost:1").await, "proxyRefused", "a request in plain HTTP");
}

#[tokio::test]
async fn behind_a_proxy_the_name_is_the_proxys_business() {
    let proxy = proxy_answering("502 Bad Gateway").await;
    assert_eq!(refused(&behind(&proxy), "https://hrm.invalid").await, "proxyRefused");
    let (_held, closed) = closed_port("127.0.0.1:0");
    assert_eq!(refused(&behind(&closed), "https://hrm.invalid").await, "offline");
    assert_eq!(refused(&behind("http://proxy.invalid:3128"), "https://hrm.company.com").await, "offline");
}
