//! The HRM backend as the app calls it: time-outs, sizes, retries, and every answer turned into a type or a [`Problem`].

use std::time::Duration;

use hrm_api::{IDEMPOTENCY_KEY, SendCode, SignedIn, State, path};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::{Problem, answer, server::Server};

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
/// A State with a thousand addresses is under 100 kB; anything longer is not from an HRM backend.
const LARGEST_ANSWER: usize = 512 * 1024;
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The calls of the contract.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    /// Builds the client from a builder with the platform's TLS and proxy settings. One for everything: each reads the
    /// system's certificates.
    pub(crate) fn new(base: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        let client = base
            .connect_timeout(CONNECT)
            .read_timeout(2 * WHOLE)
            // A redirect is a captive portal or a wrong address; following it could carry the token elsewhere.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("FlexHrmConnect/", env!("CARGO_PKG_VERSION")));
        Ok(Self(client.build()?))
    }

    /// A call that is answered within [`WHOLE`].
    fn call(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url).timeout(WHOLE)
    }

    /// Makes sure that an HRM backend lives at the address, before a password goes there.
    pub(crate) async fn recognise(&self, server: &Server) -> Result<(), Problem> {
        let answer = match self.repeat(|| self.call(Method::GET, server.at(path::HEALTH))).await {
            Err(Problem::Offline) if tokio::net::lookup_host(server.host()).await.is_err() => {
                return Err(Problem::NoSuchHost);
            }
            answer => answer?,
        };
        let health: serde_json::Value = read(answer).await.map_err(|problem| match problem {
            Problem::Unexpected => Problem::NotHrmServer,
            other => other,
        })?;
        if health["service"] == "flex-hrm-connect" { Ok(()) } else { Err(Problem::NotHrmServer) }
    }

    pub(crate) async fn sign_in(
        &self,
        server: &Server,
        username: &str,
        password: &SecretString,
    ) -> Result<SignedIn, Problem> {
        let body = json!({ "username": username, "password": password.expose_secret() });
        let answer = self.call(Method::POST, server.at(path::SESSION)).json(&body).send().await;
        read(answer.map_err(|error| problem_of(&error))?).await
    }

    pub(crate) async fn sign_out(&self, at: &Session) -> Result<(), Problem> {
        let answer = self.repeat(|| self.as_employee(Method::DELETE, at, path::SESSION)).await?;
        if answer.status() == StatusCode::NO_CONTENT { Ok(()) } else { read(answer).await }
    }

    pub(crate) async fn state(&self, at: &Session) -> Result<State, Problem> {
        read(self.repeat(|| self.as_employee(Method::GET, at, path::STATE)).await?).await
    }

    /// Repeating is safe: the same `key` sends one mail.
    pub(crate) async fn send_code(&self, at: &Session, email: &str, key: Uuid) -> Result<State, Problem> {
        let body = SendCode { email: email.to_owned() };
        let call = || {
            let call = self.as_employee(Method::POST, at, path::CODES);
            call.header(IDEMPOTENCY_KEY, key.to_string()).json(&body)
        };
        read(self.repeat(call).await?).await
    }

    /// Repeating is safe by the contract: a used code links once.
    pub(crate) async fn verify(&self, at: &Session, code: &SecretString) -> Result<State, Problem> {
        let body = json!({ "code": code.expose_secret() });
        read(self.repeat(|| self.as_employee(Method::POST, at, path::VERIFY).json(&body)).await?).await
    }

    pub(crate) async fn start_over(&self, at: &Session) -> Result<State, Problem> {
        read(self.repeat(|| self.as_employee(Method::DELETE, at, path::CHALLENGE)).await?).await
    }

    pub(crate) async fn snooze(&self, at: &Session) -> Result<State, Problem> {
        read(self.repeat(|| self.as_employee(Method::PUT, at, path::SNOOZE)).await?).await
    }

    /// Opens the stream of events; the answer's body is the stream.
    pub(crate) async fn events(&self, at: &Session) -> Result<Response, Problem> {
        // It lives as long as the app is in front: it has no whole time-out.
        let call = self.0.get(at.server.at(path::EVENTS)).bearer_auth(at.token.expose_secret());
        let answer = call.header(header::ACCEPT, "text/event-stream").send().await;
        let answer = answer.map_err(|error| problem_of(&error))?;
        match content_type(&answer) {
            "text/event-stream" if answer.status() == StatusCode::OK => Ok(answer),
            _ => Err(read::<State>(answer).await.err().unwrap_or(Problem::Unexpected)),
        }
    }

    fn as_employee(&self, method: Method, at: &Session, path: &str) -> RequestBuilder {
        self.call(method, at.server.at(path)).bearer_auth(at.token.expose_secret())
    }

    /// Makes a call that is safe to repeat again when the connection broke or the server was out for a moment.
    async fn repeat(&self, call: impl Fn() -> RequestBuilder) -> Result<Response, Problem> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match call().send().await {
                Ok(answer) if is_a_moment_out(&answer) => {}
                Ok(answer) => match still_runs_for(&answer) {
                    Some(wait) => {
                        tokio::time::sleep(wait).await;
                        continue;
                    }
                    None => return Ok(answer),
                },
                Err(error) => match problem_of(&error) {
                    Problem::Offline => {}
                    problem => return Err(problem),
                },
            }
            // Jitter, so that ten thousand apps do not come back in the same instant.
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause *= 2;
        }
        call().send().await.map_err(|error| problem_of(&error))
    }
}

/// A session to make calls in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) server: Server,
    pub(crate) token: SecretString,
}

/// A gateway's 502 or 504, or a 503 that names no time: worth another try at once. A named time is obeyed instead.
fn is_a_moment_out(answer: &Response) -> bool {
    matches!(answer.status().as_u16(), 502..=504) && retry_after(answer).is_none()
}

/// An earlier try of this call, whose connection broke, is still being worked on: its answer is there in so long.
fn still_runs_for(answer: &Response) -> Option<Duration> {
    let seconds = retry_after(answer).filter(|_| answer.status() == StatusCode::CONFLICT)?;
    Some(Duration::from_secs(seconds.into())).filter(|wait| *wait <= WHOLE)
}

fn retry_after(answer: &Response) -> Option<u32> {
    answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn content_type(answer: &Response) -> &str {
    let value = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    answer::media_type(value.unwrap_or_default())
}

async fn read<T: DeserializeOwned>(mut answer: Response) -> Result<T, Problem> {
    let mut body = Vec::new();
    if answer::is_json(content_type(&answer)) {
        while let Some(chunk) = answer.chunk().await.map_err(|error| problem_of(&error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(Problem::Unexpected);
            }
            body.extend_from_slice(&chunk);
        }
    }
    answer::read(answer.status().as_u16(), content_type(&answer), retry_after(&answer), &body)
}

fn problem_of(error: &reqwest::Error) -> Problem {
    match tls_fault(error) {
        Some(rustls::Error::InvalidCertificate(_)) => return Problem::CertificateNotTrusted,
        // Something that speaks no TLS answered: plain HTTP on an https address.
        Some(rustls::Error::InvalidMessage(_)) => return Problem::NotHrmServer,
        _ => {}
    }
    if error.is_timeout() && !error.is_connect() {
        Problem::TimedOut
    } else if error.is_builder() {
        Problem::Unexpected
    } else {
        Problem::Offline
    }
}

/// Looks for the TLS error behind an error. `io::Error`s, one in the other, hide it from the chain of sources.
fn tls_fault<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let hidden = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error
        .downcast_ref()
        .or_else(|| hidden.and_then(|hidden| tls_fault(hidden)))
        .or_else(|| error.source().and_then(tls_fault))
}
