//! A minimal client with one open connection. It uses the processor of the measured backend, so it does little.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) const STATE: &str = "/v1/me/visma-connect";
pub(crate) const EVENTS: &str = "/v1/me/visma-connect/events";

#[derive(Debug, Clone)]
pub(crate) struct Employee {
    pub number: u32,
    pub token: String,
    /// The client address that a proxy forwards.
    pub ip: String,
}

impl Employee {
    /// At home: with an address of its own.
    pub(crate) fn new(number: u32) -> Self {
        let [_, b, c, d] = number.to_be_bytes();
        Self { number, token: format!("token of {number}"), ip: format!("10.{b}.{c}.{d}") }
    }

    /// In one of a company's networks, each of which has one address on the internet.
    pub(crate) fn at_work(self) -> Self {
        const NETWORKS: u32 = 3;
        Self { ip: format!("192.0.2.{}", self.number % NETWORKS), ..self }
    }

    /// On another device.
    pub(crate) fn on(number: u32, device: u32) -> Self {
        Self { token: format!("token of {number} on {device}"), ..Self::new(number) }
    }

    pub(crate) fn address(&self) -> String {
        format!("user{}@company.com", self.number)
    }
}

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub(crate) async fn call(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        let response = self.open(request).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// For a response that is a stream.
    pub(crate) async fn open(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// The time of a call, which must have this status.
    pub(crate) async fn timed(&mut self, request: Request<Full<Bytes>>, status: u16) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let (got, body) = self.call(request).await?;
        let took = began.elapsed();
        ensure!(got == status, "{got} instead of {status}: {}", String::from_utf8_lossy(&body));
        Ok(took)
    }
}

fn request(method: Method, path: &str, employee: &Employee) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "127.0.0.1")
        .header("Authorization", format!("Bearer {}", employee.token))
        .header("X-Forwarded-For", &employee.ip)
}

fn with(builder: Builder, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    builder.body(Full::new(body.into())).unwrap()
}

pub(crate) fn get(path: &str, employee: &Employee) -> Request<Full<Bytes>> {
    with(request(Method::GET, path, employee), "")
}

pub(crate) fn snooze(employee: &Employee) -> Request<Full<Bytes>> {
    with(request(Method::PUT, "/v1/me/visma-connect/snooze", employee), "")
}

pub(crate) fn send_code(employee: &Employee) -> Request<Full<Bytes>> {
    let body = format!(r#"{{"email":"{}"}}"#, employee.address());
    let key = uuid::Uuid::new_v4().to_string();
    let builder = request(Method::POST, "/v1/me/visma-connect/codes", employee).header("Idempotency-Key", key);
    with(builder.header("Content-Type", "application/json"), body)
}

pub(crate) fn verify(employee: &Employee, code: &str) -> Request<Full<Bytes>> {
    let builder = request(Method::POST, "/v1/me/visma-connect/verify", employee);
    with(builder.header("Content-Type", "application/json"), format!(r#"{{"code":"{code}"}}"#))
}

/// A sign-in as people experience it: who is told to come back does so after the time that was told.
pub(crate) struct SignIn {
    /// How often somebody was told to come back, being one of many (429 or 503).
    pub refusals: u32,
    /// The longest wait for an answer.
    pub longest: Duration,
}

pub(crate) async fn sign_in(client: &mut Client, employee: &mut Employee) -> anyhow::Result<SignIn> {
    let mut done = SignIn { refusals: 0, longest: Duration::ZERO };
    loop {
        let builder = request(Method::POST, "/v1/session", employee).header("Content-Type", "application/json");
        let credentials = format!(r#"{{"username":"user{}","password":"demo"}}"#, employee.number);
        let began = Instant::now();
        let (status, body) = client.call(with(builder, credentials)).await?;
        done.longest = done.longest.max(began.elapsed());
        let body: Value = serde_json::from_slice(&body)?;
        if status == 201 {
            body["token"].as_str().context("no token")?.clone_into(&mut employee.token);
            return Ok(done);
        }
        ensure!(matches!(status, 429 | 503), "{status}: {body}");
        done.refusals += 1;
        let wait = body["retryAfterSeconds"].as_u64().context("told no time to come back")?;
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}
