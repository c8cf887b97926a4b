//! Visma Connect as an OpenID provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636). Tokens are checked
//! and dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, SignatureVerificationError, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

/// Where the browser comes back to, below `HRM_PUBLIC_URL`.
pub const CALLBACK_PATH: &str = "v1/visma-connect/callback";

/// By how much the clocks of two servers may differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: usize = 1 << 20;
/// How long the provider's addresses and keys are used before they are read again. New keys are looked for at once.
const METADATA_LIFE: Duration = Duration::from_hours(1);
/// How long a failure to read them answers for the next tries.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);

/// Signatures whose keys the provider publishes.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

#[derive(Debug, Clone)]
pub struct LoginSettings {
    /// As the provider writes it: a slash at the end counts.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// The whole address of [`CALLBACK_PATH`].
    pub callback: Url,
}

/// What a try has to remember until the browser comes back.
#[derive(Serialize, Deserialize)]
pub struct Secrets {
    nonce: String,
    verifier: String,
}

/// A try that has begun.
pub struct Begun {
    pub authorize_url: Url,
    /// Comes back with the browser.
    pub state: SecretString,
    pub secrets: Secrets,
}

/// Without text of the provider, and without anything that a token says.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("the provider's addresses and keys cannot be read: {0}")]
    Discovery(String),
    #[error("the token endpoint gave no tokens: {0}")]
    Token(String),
    #[error("the ID token is not valid: {0}")]
    IdToken(String),
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    #[error(transparent)]
    Response(#[from] http::Error),
    #[error("the answer is too long")]
    TooLong,
}

/// Calls for the library. A named type, since the futures of closures are not `Send` for every lifetime.
struct Http(reqwest::Client);

impl Http {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let request = self.0.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
        let mut answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.answer(request))
    }
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The provider's addresses and keys, when they were read, and when that failed.
#[derive(Default)]
struct Discovery {
    known: Option<(Arc<CoreProviderMetadata>, Instant)>,
    failed_at: Option<Instant>,
}

pub struct LoginProvider {
    settings: LoginSettings,
    http: Http,
    discovery: Mutex<Discovery>,
}

impl LoginProvider {
    /// Does not call the provider yet: it may be away while this program starts.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(settings: LoginSettings) -> reqwest::Result<Self> {
        // A redirect could lead the client secret elsewhere.
        let http = reqwest::Client::builder().timeout(ANSWER_LIMIT).redirect(reqwest::redirect::Policy::none());
        Ok(Self { settings, http: Http(http.build()?), discovery: Mutex::default() })
    }

    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// What was read longer ago than `oldest` is read again.
    async fn metadata(&self, oldest: Duration) -> Result<Arc<CoreProviderMetadata>, LoginError> {
        let mut discovery = self.discovery.lock().await;
        if let Some((metadata, _)) = discovery.known.as_ref().filter(|(_, read_at)| read_at.elapsed() < oldest) {
            return Ok(Arc::clone(metadata));
        }
        // One call at a time waits for a provider that does not answer; those that come after it hear of it.
        if discovery.failed_at.is_some_and(|at| at.elapsed() < FAILURE_PAUSE) {
            return Err(LoginError::Discovery("it failed a moment ago".to_owned()));
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone());
        let issuer = issuer.map_err(|error| LoginError::Discovery(error.to_string()))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.http).await;
        let metadata = metadata.map_err(|error| {
            discovery.failed_at = Some(Instant::now());
            LoginError::Discovery(match error {
                DiscoveryError::Request(error) => chain(&error),
                DiscoveryError::Response(status, ..) => format!("it answered {status}"),
                DiscoveryError::Validation(_) => "it names another issuer".to_owned(),
                _ => "its answer is not readable".to_owned(),
            })
        })?;
        let metadata = Arc::new(metadata);
        discovery.known = Some((Arc::clone(&metadata), Instant::now()));
        Ok(metadata)
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Client {
        let secret = ClientSecret::new(self.settings.client_secret.expose_secret().to_owned());
        CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.settings.client_id.clone()),
            Some(secret),
        )
        .set_redirect_uri(RedirectUrl::from_url(self.settings.callback.clone()))
    }

    /// # Errors
    /// The provider is out of reach.
    pub async fn begin(&self) -> Result<Begun, LoginError> {
        let metadata = self.metadata(METADATA_LIFE).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (authorize_url, state, nonce) = self
            .client(&metadata)
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge)
            // A sign-in that the browser remembers would practise nothing, and another account could not be chosen.
            .add_prompt(CoreAuthPrompt::Login)
            .url();
        let secrets = Secrets { nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        Ok(Begun { authorize_url, state: SecretString::from(state.into_secret()), secrets })
    }

    /// Redeems a code, and returns whose account it was (`sub`).
    ///
    /// # Errors
    /// Every fault of the tokens. The code is used up then.
    pub async fn subject(
        &self,
        code: &str,
        secrets: Secrets,
        clock: impl Fn() -> DateTime<Utc>,
    ) -> Result<String, LoginError> {
        let metadata = self.metadata(METADATA_LIFE).await?;
        let client = self.client(&metadata);
        let request = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| LoginError::Discovery(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier));
        let tokens = request.request_async(&self.http).await.map_err(|error| {
            LoginError::Token(match error {
                RequestTokenError::ServerResponse(answer) => format!("{:?}", answer.error()),
                RequestTokenError::Request(error) => chain(&error),
                RequestTokenError::Parse(..) | RequestTokenError::Other(_) => "its answer is not readable".to_owned(),
            })
        })?;
        // After the answer, which may have taken a while.
        let now = clock();
        let token = tokens.id_token().ok_or_else(|| LoginError::Token("there is no ID token".to_owned()))?;
        let nonce = Nonce::new(secrets.nonce);
        let subject = |metadata: &CoreProviderMetadata| {
            let client = self.client(metadata);
            let verifier = client
                .id_token_verifier()
                .set_allowed_algs(ALGORITHMS)
                .set_time_fn(move || now - LEEWAY)
                .set_issue_time_verifier_fn(move |issued| {
                    if issued <= now + LEEWAY { Ok(()) } else { Err("issued in the future".to_owned()) }
                });
            token.claims(&verifier, &nonce).map(|claims| claims.subject().to_string())
        };
        let result = match subject(&metadata) {
            // The provider may have begun to sign with a new key.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                subject(&*self.metadata(Duration::ZERO).await?)
            }
            result => result,
        };
        result.map_err(|error| LoginError::IdToken(fault(&error).to_owned()))
    }
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The library's text can quote the token.
fn fault(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "expired",
        ClaimsVerificationError::InvalidAudience(_) => "for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "of another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "for another try",
        ClaimsVerificationError::SignatureVerification(_) => "the signature does not hold",
        _ => "a claim is wrong",
    }
}
