//! Visma Connect, as a directory of accounts: search, create and unlink.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use hrm_api::Language;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::email::Address;
use crate::rules::{DIRECTORY_PAUSE, DIRECTORY_PAUSES};

/// The immutable id of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserId(pub String);

#[derive(Debug, Clone)]
pub struct NewAccount {
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub language: Language,
    /// ISO 3166 alpha-2.
    pub country: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    Created(UserId),
    /// Created, but the answer does not say as which account: search again.
    CreatedWithoutId,
    /// The address has an account: search again.
    Exists,
}

/// Why a call has no result. The texts are for administrators and the log: without addresses and names.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No response, or not a readable one. A creation may have happened.
    #[error("Visma Connect is out of reach: {0}")]
    OutOfReach(String),
    /// No call is made before the pause ends.
    #[error("Visma Connect asked for a pause")]
    Paused(Duration),
    /// The token endpoint gave none: nothing was asked about the person.
    #[error("Visma Connect gave no token: {0}")]
    NoToken(String),
    /// An error status, and the `error_code` of the body if it has one.
    #[error("Visma Connect answered {status}{}{code}", if code.is_empty() { "" } else { " " })]
    Rejected { status: u16, code: String },
}

impl DirectoryError {
    /// A word for the metrics.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::OutOfReach(_) => "out_of_reach",
            Self::Paused(_) => "paused",
            Self::NoToken(_) => "no_token",
            Self::Rejected { status: 401 | 403, .. } => "not_authorised",
            Self::Rejected { status: 500.., .. } => "server_error",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// Whether calls about other people will fail, too.
    pub fn is_trouble_for_all(&self) -> bool {
        match self {
            Self::OutOfReach(_) | Self::NoToken(_) => true,
            Self::Rejected { status, .. } => matches!(status, 401 | 403 | 500..),
            Self::Paused(_) => false,
        }
    }

    /// Whether the same call will get the same answer.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Rejected { status, .. } => (400..500).contains(status) && ![401, 408, 409, 425, 429].contains(status),
            Self::OutOfReach(_) | Self::Paused(_) | Self::NoToken(_) => false,
        }
    }
}

pub trait Directory: Send + Sync {
    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>>;
    fn create<'a>(&'a self, account: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>>;
    /// Takes the account away from this application. An account that was taken away before counts as done.
    fn unlink<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<(), DirectoryError>>;
}

#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// `https://connect.visma.com/connect/token`.
    pub token_url: Url,
    /// `https://public-api.connect.visma.com/`.
    pub api_url: Url,
    /// Path of the call that unlinks `{user_id}`, below `api_url`.
    pub unlink_path: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// How long one request may take.
    pub timeout: Duration,
}

/// The default of [`DirectorySettings::unlink_path`]. Visma's public documentation names the call, but not its path.
pub const UNLINK_PATH: &str = "v1.0/users/{user_id}/unlink";

/// No answer of the Public API is nearly as long.
const LONGEST_BODY: usize = 1024 * 1024;

/// The life of a token whose answer names none, which RFC 6749 allows.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// Client of the Visma Connect Public API, version v1.0.
pub struct PublicApi {
    http: reqwest::Client,
    settings: DirectorySettings,
    token: Mutex<Option<Token>>,
    /// Held by the one call that gets a new token, while the others wait for it.
    getting_token: tokio::sync::Mutex<()>,
    tokens_not_got: AtomicU64,
    paused_until: Mutex<Option<Instant>>,
}

struct Token {
    value: SecretString,
    valid_until: Instant,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    expires_in: Option<u64>,
}

impl PublicApi {
    /// Does not connect yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: DirectorySettings) -> reqwest::Result<Self> {
        let http =
            reqwest::Client::builder().timeout(settings.timeout).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self {
            http,
            settings,
            token: Mutex::default(),
            getting_token: tokio::sync::Mutex::default(),
            tokens_not_got: AtomicU64::default(),
            paused_until: Mutex::default(),
        })
    }

    fn cached_token(&self) -> Option<SecretString> {
        let cached = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().filter(|token| Instant::now() < token.valid_until).map(|token| token.value.clone())
    }

    /// The cached token or a new one. One call gets it; the others wait for that one call only, and fail with it.
    async fn token(&self) -> Result<SecretString, DirectoryError> {
        if let Some(token) = self.cached_token() {
            return Ok(token);
        }
        let not_got = self.tokens_not_got.load(Ordering::SeqCst);
        let turn = tokio::time::timeout(self.settings.timeout, self.getting_token.lock()).await;
        let _turn = turn.map_err(|_| DirectoryError::NoToken("no answer in time".to_owned()))?;
        if let Some(token) = self.cached_token() {
            return Ok(token);
        }
        if self.tokens_not_got.load(Ordering::SeqCst) != not_got {
            return Err(DirectoryError::NoToken("another call got none".to_owned()));
        }
        let token = self.new_token().await;
        if token.is_err() {
            self.tokens_not_got.fetch_add(1, Ordering::SeqCst);
        }
        token
    }

    async fn new_token(&self) -> Result<SecretString, DirectoryError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "publicapi:user:create publicapi:user:read publicapi:user:update"),
            ("client_id", &self.settings.client_id),
            ("client_secret", self.settings.client_secret.expose_secret()),
        ];
        let no_token = |error: DirectoryError| DirectoryError::NoToken(error.to_string());
        let response = self.http.post(self.settings.token_url.clone()).form(&form).send().await;
        let response = response.map_err(|error| no_token(out_of_reach(error)))?;
        self.respect_pause(&response)?;
        if !response.status().is_success() {
            return Err(no_token(rejected(response).await));
        }
        let body = body_of(response).await.map_err(no_token)?;
        // The error's text could quote the token.
        let response: TokenResponse =
            serde_json::from_slice(&body).map_err(|_| DirectoryError::NoToken("not a token".to_owned()))?;
        let life = response.expires_in.map_or(TOKEN_LIFE, Duration::from_secs);
        // A minute less, so that the token does not expire during a request.
        let life =
            life.saturating_sub(Duration::from_secs(60).min(life / 2)).min(DIRECTORY_PAUSES.end().saturating_mul(24));
        let token = Token { value: response.access_token.clone(), valid_until: Instant::now() + life };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(response.access_token)
    }

    /// Another call may have got a newer token meanwhile, which stays.
    fn forget_token(&self, refused: &SecretString) {
        let mut cached = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.as_ref().is_some_and(|token| token.value.expose_secret() == refused.expose_secret()) {
            *cached = None;
        }
    }

    fn check_pause(&self) -> Result<(), DirectoryError> {
        let paused_until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        match paused_until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(left) if !left.is_zero() => Err(DirectoryError::Paused(left)),
            _ => Ok(()),
        }
    }

    /// A 429, and a 503 with `Retry-After` (RFC 9110 10.2.3), pause all calls of this process.
    fn respect_pause(&self, response: &reqwest::Response) -> Result<(), DirectoryError> {
        let asked = retry_after(response.headers());
        let pause = match response.status() {
            StatusCode::TOO_MANY_REQUESTS => asked.unwrap_or(DIRECTORY_PAUSE),
            StatusCode::SERVICE_UNAVAILABLE if let Some(asked) = asked => asked,
            _ => return Ok(()),
        };
        let pause = pause.clamp(*DIRECTORY_PAUSES.start(), *DIRECTORY_PAUSES.end());
        tracing::warn!(seconds = pause.as_secs(), "Visma Connect asked for a pause");
        let until = Instant::now() + pause;
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = Some(paused_until.map_or(until, |known| known.max(until)));
        Err(DirectoryError::Paused(pause))
    }

    /// Calls with the cached token, and once more with a new one after a 401.
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<reqwest::Response, DirectoryError> {
        let url = self.settings.api_url.join(path).map_err(|error| DirectoryError::OutOfReach(error.to_string()))?;
        let mut is_first = true;
        loop {
            self.check_pause()?;
            let token = self.token().await?;
            self.check_pause()?;
            let mut request = self.http.request(method.clone(), url.clone()).query(query);
            request = request.bearer_auth(token.expose_secret());
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.send().await.map_err(out_of_reach)?;
            self.respect_pause(&response)?;
            if response.status() != StatusCode::UNAUTHORIZED || !is_first {
                return Ok(response);
            }
            is_first = false;
            self.forget_token(&token);
        }
    }

    /// The accounts that a search lists: ids and addresses.
    async fn search(&self, email: &str) -> Result<Vec<(UserId, String)>, DirectoryError> {
        let response = self.call(Method::GET, "v1.0/search/users", &[("email", email)], None).await?;
        let body = match response.status() {
            StatusCode::OK => body_of(response).await?,
            StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => return Ok(Vec::new()),
            _ => return Err(rejected(response).await),
        };
        if body.trim_ascii().is_empty() {
            return Ok(Vec::new());
        }
        let users = match serde_json::from_slice(&body) {
            Ok(Value::Array(users)) => users,
            Ok(Value::Null) => Vec::new(),
            Ok(user @ Value::Object(_)) => vec![user],
            Ok(_) | Err(_) => return Err(DirectoryError::OutOfReach("the answer is not a list of users".to_owned())),
        };
        let of = |user: &Value| Some((UserId(text(user, "id")?), text(user, "email")?));
        Ok(users.iter().filter_map(of).collect())
    }
}

impl Directory for PublicApi {
    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>> {
        Box::pin(async move {
            let wanted = Address::parse(email);
            let wanted = wanted.map_err(|_| DirectoryError::Rejected { status: 400, code: "ADDRESS".to_owned() })?;
            for spelling in spellings(&wanted) {
                let users = self.search(&spelling).await?;
                // The search can list more than the exact address.
                let pick = |is_same: fn(&Address, &Address) -> bool| {
                    users.iter().find(|(_, email)| Address::parse(email).is_ok_and(|email| is_same(&email, &wanted)))
                };
                if let Some((id, _)) = pick(Address::is_same_mailbox).or_else(|| pick(Address::is_same_without_case)) {
                    return Ok(Some(id.clone()));
                }
            }
            Ok(None)
        })
    }

    fn create<'a>(&'a self, account: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>> {
        Box::pin(async move {
            let body = json!({
                "email": account.email,
                "first_name": account.first_name,
                "last_name": account.last_name,
                "country_code": account.country,
                "preferred_language": preferred_language(account.language),
            });
            let response = self.call(Method::POST, "v1.0/users", &[], Some(&body)).await?;
            match response.status() {
                StatusCode::CREATED | StatusCode::OK => {
                    let body = body_of(response).await?;
                    let id = serde_json::from_slice(&body).ok().and_then(|user| text(&user, "id"));
                    Ok(id.map_or(Creation::CreatedWithoutId, |id| Creation::Created(UserId(id))))
                }
                StatusCode::CONFLICT => Ok(Creation::Exists),
                _ => Err(rejected(response).await),
            }
        })
    }

    fn unlink<'a>(&'a self, user: &'a UserId) -> BoxFuture<'a, Result<(), DirectoryError>> {
        Box::pin(async move {
            let id: String = url::form_urlencoded::byte_serialize(user.0.as_bytes()).collect();
            let path = self.settings.unlink_path.replace("{user_id}", &id);
            let response = self.call(Method::POST, &path, &[], None).await?;
            if response.status().is_success() {
                return Ok(());
            }
            match rejected(response).await {
                DirectoryError::Rejected { status: 409, code } if code == "ERROR_USER_UNLINKED_FROM_CLIENT" => Ok(()),
                error => Err(error),
            }
        })
    }
}

/// The address in punycode, and in Unicode if that differs: Visma Connect finds what it stored.
fn spellings(address: &Address) -> Vec<String> {
    let mailbox = address.mailbox();
    let (unicode, is_valid) = idna::domain_to_unicode(address.domain());
    let local = mailbox.strip_suffix(address.domain()).unwrap_or_default();
    let other = is_valid.ok().map(|()| format!("{local}{unicode}")).filter(|other| *other != mailbox);
    std::iter::once(mailbox.clone()).chain(other).collect()
}

fn text(user: &Value, member: &str) -> Option<String> {
    user.get(member)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn preferred_language(language: Language) -> &'static str {
    match language {
        Language::En => "en-US",
        Language::Sv => "sv-SE",
        Language::Nb => "nb-NO",
        Language::Da => "da-DK",
        Language::Fi => "fi-FI",
    }
}

/// `Retry-After` in seconds or as a date, which the sender's own clock reads.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let text = header(RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = header(DATE).and_then(date).unwrap_or_else(SystemTime::now);
    Some(date(text)?.duration_since(now).unwrap_or_default())
}

async fn body_of(mut response: reqwest::Response) -> Result<Vec<u8>, DirectoryError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(out_of_reach)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_BODY {
            return Err(DirectoryError::OutOfReach("the answer is too long".to_owned()));
        }
    }
    Ok(body)
}

fn out_of_reach(error: reqwest::Error) -> DirectoryError {
    // The URL's query contains the address.
    DirectoryError::OutOfReach(error.without_url().to_string())
}

/// The code is kept only if it is one, so that no text about a person gets into the log.
async fn rejected(response: reqwest::Response) -> DirectoryError {
    let status = response.status().as_u16();
    let body = body_of(response).await.ok();
    let error: Option<Value> = body.and_then(|body| serde_json::from_slice(&body).ok());
    let is_code = |code: &String| {
        code.len() <= 80 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let code = error.and_then(|error| text(&error, "error_code")).filter(is_code);
    DirectoryError::Rejected { status, code: code.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: &str, date: Option<&str>) -> HeaderMap {
        let date = date.map(|date| (DATE, date.parse().unwrap()));
        std::iter::once((RETRY_AFTER, retry_after.parse().unwrap())).chain(date).collect()
    }

    #[test]
    fn retry_after_is_seconds_or_one_of_three_forms_of_a_date() {
        let now = Some("Fri, 15 Jan 2027 08:00:00 GMT");
        for (text, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Fri, 15 Jan 2027 08:00:30 GMT", Some(30)),
            ("Friday, 15-Jan-27 08:00:30 GMT", Some(30)),
            ("Fri Jan 15 08:00:30 2027", Some(30)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(&headers(text, now)).map(|pause| pause.as_secs()), seconds, "{text}");
        }
        assert_eq!(retry_after(&headers("Fri, 15 Jan 1999 08:00:00 GMT", None)), Some(Duration::ZERO));
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
