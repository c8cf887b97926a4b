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
use tokio::net::TcpStream;

pub(crate) const STATE: &str = "/v1/me/visma-connect";
pub(crate) const EVENTS: &str = "/v1/me/visma-connect/events";

#[derive(Debug, Clone)]
pub(crate) struct Employee {
    pub number: u32,
    pub token: String,
}

impl Employee {
    pub(crate) fn new(number: u32) -> Self {
        Self { number, token: format!("token of {number}") }
    }

    /// On another device.
    pub(crate) fn on(number: u32, device: u32) -> Self {
        Self { number, token: format!("token of {number} on {device}") }
    }

    pub(crate) fn address(&self) -> String {
        format!("user{}@company.com", self.number)
    }

    /// Every employee has a different address, since the backend limits calls per client address.
    fn ip(&self) -> String {
        let [_, b, c, d] = self.number.to_be_bytes();
        format!("10.{b}.{c}.{d}")
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
        .header("X-Forwarded-For", employee.ip())
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

pub(crate) fn sign_in(employee: &Employee) -> Request<Full<Bytes>> {
    let builder = request(Method::POST, "/v1/session", employee).header("Content-Type", "application/json");
    with(builder, format!(r#"{{"username":"user{}","password":"demo"}}"#, employee.number))
}
