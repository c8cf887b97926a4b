//! The HTTP client of the HRM backend: timeouts, size limits, retries.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use hrm_api::{IDEMPOTENCY_KEY, SendCode, SignedIn, State, TryLoginStarted, path};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::{network_error::problem_of, problem::Problem, resolver::Resolver, response, server_url::ServerUrl};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// A `State` with a thousand addresses is under 100 kB.
const MAX_RESPONSE_BYTES: usize = 512 * 1024;
const MAX_ATTEMPTS: u32 = 3;
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    /// `base` has the platform's TLS and proxy settings.
    pub(crate) fn new(base: reqwest::ClientBuilder) -> reqwest::Result<Self> {
        let client = base
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(2 * REQUEST_TIMEOUT)
            // Finds a dead connection before a call on it times out.
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_INTERVAL)
            // A redirect is a captive portal or a wrong address; following it could send the token elsewhere.
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(Resolver::default()))
            .user_agent(concat!("FlexHrmConnect/", env!("CARGO_PKG_VERSION")));
        Ok(Self(client.build()?))
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url).timeout(REQUEST_TIMEOUT)
    }

    /// Checks that the server is an HRM backend, before a password is sent there.
    pub(crate) async fn probe(&self, server: &ServerUrl) -> Result<(), Problem> {
        let response = self.retry(|| self.request(Method::GET, server.endpoint(path::HEALTH))).await?;
        let health: serde_json::Value = parse(response).await.map_err(|problem| match problem {
            Problem::Unexpected => Problem::NotHrmServer,
            other => other,
        })?;
        if health["service"] == "flex-hrm-connect" { Ok(()) } else { Err(Problem::NotHrmServer) }
    }

    pub(crate) async fn sign_in(
        &self,
        server: &ServerUrl,
        username: &str,
        password: &SecretString,
        device_token: Option<&str>,
    ) -> Result<SignedIn, Problem> {
        let mut body = json!({ "username": username, "password": password.expose_secret() });
        if let Some(token) = device_token {
            body["deviceToken"] = token.into();
        }
        let response = self.request(Method::POST, server.endpoint(path::SESSION)).json(&body).send().await;
        parse(response.map_err(|error| problem_of(&error))?).await
    }

    pub(crate) async fn sign_out(&self, session: &Session) -> Result<(), Problem> {
        let response = self.retry(|| self.authorized(Method::DELETE, session, path::SESSION)).await?;
        if response.status() == StatusCode::NO_CONTENT { Ok(()) } else { parse(response).await }
    }

    pub(crate) async fn state(&self, session: &Session) -> Result<State, Problem> {
        parse(self.retry(|| self.authorized(Method::GET, session, path::STATE)).await?).await
    }

    /// Safe to retry: one `key` sends one mail.
    pub(crate) async fn send_code(
        &self,
        session: &Session,
        email: &str,
        key: Uuid,
    ) -> Result<(State, Attempts), Problem> {
        let body = SendCode { email: email.to_owned() };
        let request = || {
            let request = self.authorized(Method::POST, session, path::CODES);
            request.header(IDEMPOTENCY_KEY, key.to_string()).json(&body)
        };
        let (response, attempts) = self.retry_counted(request).await?;
        Ok((parse(response).await?, attempts))
    }

    /// Safe to retry: a used code links once.
    pub(crate) async fn verify(&self, session: &Session, code: &SecretString) -> Result<State, Problem> {
        let body = json!({ "code": code.expose_secret() });
        parse(self.retry(|| self.authorized(Method::POST, session, path::VERIFY).json(&body)).await?).await
    }

    pub(crate) async fn start_over(&self, session: &Session) -> Result<State, Problem> {
        parse(self.retry(|| self.authorized(Method::DELETE, session, path::CHALLENGE)).await?).await
    }

    pub(crate) async fn snooze(&self, session: &Session) -> Result<State, Problem> {
        parse(self.retry(|| self.authorized(Method::PUT, session, path::SNOOZE)).await?).await
    }

    /// Safe to retry: a new try ends the one before.
    pub(crate) async fn try_login(&self, session: &Session) -> Result<TryLoginStarted, Problem> {
        parse(self.retry(|| self.authorized(Method::POST, session, path::TRY_LOGIN)).await?).await
    }

    pub(crate) async fn cancel_try_login(&self, session: &Session) -> Result<State, Problem> {
        parse(self.retry(|| self.authorized(Method::DELETE, session, path::TRY_LOGIN)).await?).await
    }

    /// Opens the event stream: the response's body, which has no total timeout.
    pub(crate) async fn events(&self, session: &Session) -> Result<Response, Problem> {
        let request = self.0.get(session.server.endpoint(path::EVENTS)).bearer_auth(session.token.expose_secret());
        let response = request.header(header::ACCEPT, "text/event-stream").send().await;
        let response = response.map_err(|error| problem_of(&error))?;
        match content_type(&response) {
            "text/event-stream" if response.status() == StatusCode::OK => Ok(response),
            _ => Err(parse::<State>(response).await.err().unwrap_or(Problem::Unexpected)),
        }
    }

    fn authorized(&self, method: Method, session: &Session, path: &str) -> RequestBuilder {
        self.request(method, session.server.endpoint(path)).bearer_auth(session.token.expose_secret())
    }

    async fn retry(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Problem> {
        Ok(self.retry_counted(request).await?.0)
    }

    /// Sends a request that is safe to retry, and retries broken connections and transient server errors.
    async fn retry_counted(&self, request: impl Fn() -> RequestBuilder) -> Result<(Response, Attempts), Problem> {
        let mut backoff = FIRST_BACKOFF;
        for attempt in 1..MAX_ATTEMPTS {
            let started = tokio::time::Instant::now();
            match request().send().await {
                Ok(response) if is_transient(&response) => {}
                Ok(response) => match in_progress_retry_after(&response) {
                    Some(wait) => {
                        tokio::time::sleep(wait).await;
                        continue;
                    }
                    None if attempt == 1 => return Ok((response, Attempts::One)),
                    None => return Ok((response, Attempts::Several)),
                },
                Err(error) => match problem_of(&error) {
                    Problem::Offline | Problem::NoSuchHost => {}
                    // The pings got no answer: the device slept, or changed its network, and the pooled connection is
                    // dead. The next attempt makes a fresh one.
                    Problem::TimedOut if started.elapsed() < REQUEST_TIMEOUT => {}
                    problem => return Err(problem),
                },
            }
            // Jitter, so that ten thousand apps do not retry at the same instant.
            tokio::time::sleep(backoff.mul_f64(0.5 + fastrand::f64())).await;
            backoff *= 2;
        }
        let response = request().send().await.map_err(|error| problem_of(&error))?;
        Ok((response, Attempts::Several))
    }
}

/// How often a call was sent until its answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempts {
    One,
    Several,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// Which sign-in it belongs to.
    pub(crate) generation: u64,
    pub(crate) server: ServerUrl,
    pub(crate) token: SecretString,
}

/// A gateway's 502 or 504, or a 503 without `Retry-After`. A given time is respected instead.
fn is_transient(response: &Response) -> bool {
    matches!(response.status().as_u16(), 502..=504) && retry_after(response).is_none()
}

/// When the result of an earlier attempt, whose connection broke, will be ready.
fn in_progress_retry_after(response: &Response) -> Option<Duration> {
    let seconds = retry_after(response).filter(|_| response.status() == StatusCode::CONFLICT)?;
    Some(Duration::from_secs(seconds.into())).filter(|wait| *wait <= REQUEST_TIMEOUT)
}

/// Seconds or a date (RFC 9110, 10.2.3). A date is read by the server's own clock, since the device's may be wrong.
fn retry_after(response: &Response) -> Option<u32> {
    let text = |name| Some(response.headers().get(name)?.to_str().ok()?.trim());
    let value = text(header::RETRY_AFTER)?;
    let date = |text| DateTime::parse_from_rfc2822(text).ok();
    value.parse().ok().or_else(|| {
        let wait = date(value)? - date(text(header::DATE)?)?;
        u32::try_from(wait.num_seconds().max(0)).ok()
    })
}

fn content_type(response: &Response) -> &str {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    response::media_type(value.unwrap_or_default())
}

async fn parse<T: DeserializeOwned>(mut response: Response) -> Result<T, Problem> {
    let mut body = Vec::new();
    if response::is_json(content_type(&response)) {
        while let Some(chunk) = response.chunk().await.map_err(|error| problem_of(&error))? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(Problem::Unexpected);
            }
            body.extend_from_slice(&chunk);
        }
    }
    response::parse(response.status().as_u16(), content_type(&response), retry_after(&response), &body)
}
