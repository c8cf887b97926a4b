//! Visma Connect, as the backend sees it: a directory of accounts that can be searched and added to.

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

/// Who an account is made for.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The proved address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Language.
    pub language: Language,
    /// Country, ISO 3166 alpha-2.
    pub country: String,
}

/// What became of an attempt to create an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It was created.
    Created(UserId),
    /// There is one for this address: search again.
    Exists,
}

/// The directory did not do what it was asked, or it is not known whether it did. Worth another try later.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No answer, or none that can be read. A creation may have happened.
    #[error("Visma Connect is out of reach: {0}")]
    OutOfReach(String),
    /// An answer with an error status.
    #[error("Visma Connect answered {status} {code:?}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its `error_code`, or nothing.
        code: String,
    },
}

/// The one place where the backend meets Visma Connect.
pub trait Directory: Send + Sync {
    /// The account with this e-mail address, if there is one.
    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>>;
    /// Creates an account.
    fn create<'a>(&'a self, account: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>>;
}

/// Where Visma Connect is, and who the backend is to it.
#[derive(Debug, Clone)]
pub struct DirectorySettings {
    /// `https://connect.visma.com/connect/token`.
    pub token_url: Url,
    /// `https://public-api.connect.visma.com/`.
    pub api_url: Url,
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
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
    good_until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u64,
}

#[derive(Deserialize)]
struct User {
    id: String,
    email: String,
}

#[derive(Deserialize, Default)]
struct ErrorAnswer {
    #[serde(default)]
    error_code: String,
}

impl PublicApi {
    /// A client. Nothing is called yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: DirectorySettings) -> reqwest::Result<Self> {
        let http =
            reqwest::Client::builder().timeout(settings.timeout).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, settings, token: Mutex::default() })
    }

    async fn token(&self) -> Result<SecretString, DirectoryError> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.good_until) {
            return Ok(token.value.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "publicapi:user:create publicapi:user:read publicapi:user:update"),
            ("client_id", &self.settings.client_id),
            ("client_secret", self.settings.client_secret.expose_secret()),
        ];
        let answer = self.http.post(self.settings.token_url.clone()).form(&form).send().await.map_err(out_of_reach)?;
        if !answer.status().is_success() {
            return Err(refused(answer).await);
        }
        let answer: TokenAnswer = answer.json().await.map_err(out_of_reach)?;
        // A minute early: a token that ends on the way is a wasted call.
        let life = Duration::from_secs(answer.expires_in.saturating_sub(60));
        *kept = Some(Token { value: answer.access_token.clone(), good_until: Instant::now() + life });
        Ok(answer.access_token)
    }

    /// One call with a token; once more with a new one if Visma Connect no longer takes the old.
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
            let answer = request.send().await.map_err(out_of_reach)?;
            if answer.status() != StatusCode::UNAUTHORIZED || !is_first {
                return Ok(answer);
            }
            is_first = false;
            *self.token.lock().await = None;
        }
    }
}

impl Directory for PublicApi {
    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>> {
        Box::pin(async move {
            let answer = self.call(Method::GET, "v1.0/search/users", &[("email", email)], None).await?;
            match answer.status() {
                StatusCode::NO_CONTENT => Ok(None),
                StatusCode::OK => {
                    let users: Vec<User> = answer.json().await.map_err(out_of_reach)?;
                    // A search may find more than was asked for.
                    Ok(users
                        .into_iter()
                        .find(|user| user.email.eq_ignore_ascii_case(email))
                        .map(|user| UserId(user.id)))
                }
                _ => Err(refused(answer).await),
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
            let answer = self.call(Method::POST, "v1.0/users", &[], Some(&body)).await?;
            match answer.status() {
                StatusCode::CREATED | StatusCode::OK => {
                    let user: User = answer.json().await.map_err(out_of_reach)?;
                    Ok(Creation::Created(UserId(user.id)))
                }
                StatusCode::CONFLICT => Ok(Creation::Exists),
                _ => Err(refused(answer).await),
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
    // The address is in the URL's query.
    DirectoryError::OutOfReach(error.without_url().to_string())
}

async fn refused(answer: reqwest::Response) -> DirectoryError {
    let status = answer.status().as_u16();
    let error: ErrorAnswer = answer.json().await.unwrap_or_default();
    DirectoryError::Refused { status, code: error.error_code }
}
