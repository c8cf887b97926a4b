//! Visma Connect, as a directory of accounts: search and create.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hrm_api::Language;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

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
    /// The address has an account: search again.
    Exists,
}

/// The request failed, or its outcome is unknown. Retry later.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No response, or not a readable one. A creation may have happened.
    #[error("Visma Connect is out of reach: {0}")]
    OutOfReach(String),
    /// An error status, and the `error_code` of the body if it has one.
    #[error("Visma Connect answered {status} {code:?}")]
    Rejected { status: u16, code: String },
}

impl DirectoryError {
    pub fn is_permanent(&self) -> bool {
        false
    }
}

pub trait Directory: Send + Sync {
    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>>;
    fn create<'a>(&'a self, account: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>>;
}

#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// `https://connect.visma.com/connect/token`.
    pub token_url: Url,
    /// `https://public-api.connect.visma.com/`.
    pub api_url: Url,
    pub client_id: String,
    pub client_secret: SecretString,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Client of the Visma Connect Public API, version v1.0.
pub struct PublicApi {
    http: reqwest::Client,
    settings: DirectorySettings,
    token: Mutex<Option<Token>>,
}

struct Token {
    value: SecretString,
    valid_until: Instant,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: SecretString,
    expires_in: u64,
}

#[derive(Deserialize)]
struct User {
    id: String,
    email: String,
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    error_code: String,
}

impl PublicApi {
    /// Does not connect yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: DirectorySettings) -> reqwest::Result<Self> {
        let http =
            reqwest::Client::builder().timeout(settings.timeout).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, settings, token: Mutex::default() })
    }

    async fn token(&self) -> Result<SecretString, DirectoryError> {
        let mut cached = self.token.lock().await;
        if let Some(token) = cached.as_ref().filter(|token| Instant::now() < token.valid_until) {
            return Ok(token.value.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "publicapi:user:create publicapi:user:read publicapi:user:update"),
            ("client_id", &self.settings.client_id),
            ("client_secret", self.settings.client_secret.expose_secret()),
        ];
        let response =
            self.http.post(self.settings.token_url.clone()).form(&form).send().await.map_err(out_of_reach)?;
        if !response.status().is_success() {
            return Err(rejected(response).await);
        }
        let response: TokenResponse = response.json().await.map_err(out_of_reach)?;
        // A minute less, so that the token does not expire during a request.
        let life = Duration::from_secs(response.expires_in.saturating_sub(60));
        *cached = Some(Token { value: response.access_token.clone(), valid_until: Instant::now() + life });
        Ok(response.access_token)
    }

    /// Calls with the cached token, and once more with a new one after a 401.
    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&serde_json::Value>,
    ) -> Result<reqwest::Response, DirectoryError> {
        let url = self.settings.api_url.join(path).map_err(|error| DirectoryError::OutOfReach(error.to_string()))?;
        let mut is_first = true;
        loop {
            let token = self.token().await?;
            let mut request = self.http.request(method.clone(), url.clone()).query(query);
            request = request.bearer_auth(token.expose_secret());
            if let Some(body) = body {
                request = request.json(body);
            }
            let response = request.send().await.map_err(out_of_reach)?;
            if response.status() != StatusCode::UNAUTHORIZED || !is_first {
                return Ok(response);
            }
            is_first = false;
            *self.token.lock().await = None;
        }
    }
}

impl Directory for PublicApi {
    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>> {
        Box::pin(async move {
            let response = self.call(Method::GET, "v1.0/search/users", &[("email", email)], None).await?;
            match response.status() {
                StatusCode::NO_CONTENT => Ok(None),
                StatusCode::OK => {
                    let users: Vec<User> = response.json().await.map_err(out_of_reach)?;
                    // The search can match more than the exact address.
                    Ok(users
                        .into_iter()
                        .find(|user| user.email.eq_ignore_ascii_case(email))
                        .map(|user| UserId(user.id)))
                }
                _ => Err(rejected(response).await),
            }
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
                    let user: User = response.json().await.map_err(out_of_reach)?;
                    Ok(Creation::Created(UserId(user.id)))
                }
                StatusCode::CONFLICT => Ok(Creation::Exists),
                _ => Err(rejected(response).await),
            }
        })
    }
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

fn out_of_reach(error: reqwest::Error) -> DirectoryError {
    // The URL's query contains the address.
    DirectoryError::OutOfReach(error.without_url().to_string())
}

async fn rejected(response: reqwest::Response) -> DirectoryError {
    let status = response.status().as_u16();
    let error: ErrorBody = response.json().await.unwrap_or_default();
    DirectoryError::Rejected { status, code: error.error_code }
}
