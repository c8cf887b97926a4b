//! Visma Connect as an OpenID provider: discovery, keys, a page to choose an account, codes and ID tokens (OpenID Connect
//! Core 1.0, authorization code with PKCE), signed with Ed25519 (RFC 8037). It can also issue what no provider should.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{CLIENT_ID, CLIENT_SECRET, Users};
use crate::json_file::{JsonFile, lock};

/// Seconds that an ID token is valid.
const TOKEN_LIFE: i64 = 300;

/// What is wrong with the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenFault {
    #[default]
    None,
    /// The token endpoint answers 500.
    Error,
    /// The token endpoint never answers.
    Timeout,
    NoIdToken,
    OtherIssuer,
    OtherAudience,
    OtherNonce,
    /// `alg: none`.
    Unsigned,
    /// Signed with a key that is not published, under the name of one that is.
    ForgedKey,
    /// Under the name of a key that nobody knows.
    UnknownKey,
    /// Signed with the client's secret (HS256), as if that were the key.
    SignedBySecret,
    /// By so many seconds.
    Expired(i64),
    IssuedAhead(i64),
}

struct Key {
    id: String,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new() -> Self {
        // Neither fails: the generator is the system's, and the key is the one just made.
        #[allow(clippy::expect_used, reason = "a fake")]
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .ok()
            .and_then(|document| Ed25519KeyPair::from_pkcs8(document.as_ref()).ok())
            .expect("an Ed25519 key");
        Self { id: Uuid::new_v4().to_string(), pair }
    }
}

/// A browser's request that waits for a choice of account, and later the code's.
#[derive(Clone, Deserialize)]
struct Authorize {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    #[serde(default)]
    scope: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// The provider.
pub struct Login {
    issuer: String,
    /// The one that the client has registered.
    redirect_uri: Mutex<String>,
    users: Arc<JsonFile<Users>>,
    /// Unix time in seconds.
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    keys: Mutex<Vec<Key>>,
    waiting: Mutex<HashMap<String, Authorize>>,
    codes: Mutex<HashMap<String, (Authorize, String)>>,
    fault: Mutex<TokenFault>,
}

impl Login {
    pub fn new(issuer: String, users: Arc<JsonFile<Users>>, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            issuer,
            redirect_uri: Mutex::default(),
            users,
            now: Box::new(now),
            keys: Mutex::new(vec![Key::new()]),
            waiting: Mutex::default(),
            codes: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    /// Registers the address that browsers are sent back to.
    pub fn register(&self, redirect_uri: &str) {
        redirect_uri.clone_into(&mut lock(&self.redirect_uri));
    }

    pub fn misbehave(&self, fault: TokenFault) {
        *lock(&self.fault) = fault;
    }

    /// Signs with a new key from now on. The old one is not published any more.
    pub fn rotate_key(&self) {
        *lock(&self.keys) = vec![Key::new()];
    }

    /// The account's `sub`. None: nobody has the address.
    fn subject(&self, email: &str) -> Option<String> {
        self.users.read(|users| users.get(&email.to_ascii_lowercase()).map(|user| user.id().to_string()))
    }

    /// What the page does when somebody chooses this account: the address that the browser is sent to. None: the address is
    /// no request for a login.
    pub fn sign_in(&self, authorize_url: &str, email: &str) -> Option<String> {
        let Query(request) = Query::<Authorize>::try_from_uri(&authorize_url.parse().ok()?).ok()?;
        Some(self.answer(request, email))
    }

    fn answer(&self, request: Authorize, email: &str) -> String {
        let encoded = |text: &str| text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02X}"));
        let (state, issuer) = (encoded(&request.state), encoded(&self.issuer));
        let redirect_uri = request.redirect_uri.clone();
        let answer = match self.subject(email) {
            Some(subject) => {
                let code = Uuid::new_v4().to_string();
                lock(&self.codes).insert(code.clone(), (request, subject));
                format!("code={code}")
            }
            None => "error=access_denied".to_owned(),
        };
        format!("{redirect_uri}?{answer}&state={state}&iss={issuer}")
    }

    fn id_token(&self, request: &Authorize, subject: &str) -> String {
        let fault = *lock(&self.fault);
        let now = (self.now)();
        let (issued, expires) = match fault {
            TokenFault::Expired(by) => (now - by - TOKEN_LIFE, now - by),
            TokenFault::IssuedAhead(by) => (now + by, now + by + TOKEN_LIFE),
            _ => (now, now + TOKEN_LIFE),
        };
        let other = |is: bool, right: &str| if is { "https://somebody.example".to_owned() } else { right.to_owned() };
        let claims = json!({
            "iss": other(fault == TokenFault::OtherIssuer, &self.issuer),
            "aud": other(fault == TokenFault::OtherAudience, &request.client_id),
            "nonce": other(fault == TokenFault::OtherNonce, &request.nonce),
            "sub": subject,
            "iat": issued,
            "exp": expires,
        });
        let keys = lock(&self.keys);
        let published = keys.first().map_or("", |key| &key.id);
        let forged = (fault == TokenFault::ForgedKey).then(Key::new);
        let (algorithm, key) = match fault {
            TokenFault::Unsigned => ("none", None),
            TokenFault::SignedBySecret => ("HS256", None),
            _ => ("EdDSA", forged.as_ref().or(keys.first())),
        };
        let id = if fault == TokenFault::UnknownKey { "nobody's" } else { published };
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "alg": algorithm, "typ": "JWT", "kid": id })), part(&claims));
        let signature = match (key, fault) {
            (Some(key), _) => BASE64_URL_SAFE_NO_PAD.encode(key.pair.sign(text.as_bytes())),
            (None, TokenFault::SignedBySecret) => {
                let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
                BASE64_URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, text.as_bytes()))
            }
            (None, _) => String::new(),
        };
        format!("{text}.{signature}")
    }
}

/// The calls of a browser and of everybody.
pub fn router(login: Arc<Login>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/connect/jwks", get(jwks))
        .route("/connect/authorize", get(authorize).post(choose))
        .with_state(login)
}

async fn discovery(State(login): State<Arc<Login>>) -> Json<Value> {
    let issuer = &login.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/connect/authorize"),
        "token_endpoint": format!("{issuer}/connect/token"),
        "jwks_uri": format!("{issuer}/connect/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(State(login): State<Arc<Login>>) -> Json<Value> {
    let keys: Vec<_> = lock(&login.keys)
        .iter()
        .map(|key| {
            let x = BASE64_URL_SAFE_NO_PAD.encode(key.pair.public_key());
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": x })
        })
        .collect();
    Json(json!({ "keys": keys }))
}

/// The page to choose an account on.
async fn authorize(State(login): State<Arc<Login>>, Query(request): Query<Authorize>) -> Response {
    // Nobody is sent to an address that is not the client's (RFC 6749, 4.1.2.1).
    let is_clients = request.client_id == CLIENT_ID && request.redirect_uri == *lock(&login.redirect_uri);
    let is_ours = request.response_type == "code" && request.code_challenge_method == "S256";
    if !is_clients || !is_ours || !request.scope.split(' ').any(|scope| scope == "openid") {
        return (StatusCode::BAD_REQUEST, "This request is not the client's.").into_response();
    }
    let id = Uuid::new_v4().to_string();
    lock(&login.waiting).insert(id.clone(), request);
    let mut buttons = String::new();
    for email in login.users.read(|users| users.keys().cloned().collect::<Vec<_>>()) {
        let email = email.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let _ = writeln!(buttons, "<p><button name=\"email\" value=\"{email}\">{email}</button></p>");
    }
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Stand-in for Visma Connect</title>\n\
         <style>body {{ font: 1rem/1.5 system-ui; max-width: 32rem; margin: 0 auto; padding: 24px 16px }}\n\
         button {{ font: inherit; padding: 8px 16px; overflow-wrap: anywhere }}</style>\n\
         <h1>Stand-in for Visma Connect</h1>\n<p>Choose the account to sign in to:</p>\n\
         <form method=\"post\">\n<input type=\"hidden\" name=\"request\" value=\"{id}\">\n{buttons}\
         <p><button name=\"email\" value=\"\">Cancel</button></p>\n</form>\n</html>\n"
    ))
    .into_response()
}

#[derive(Deserialize)]
struct Choice {
    request: String,
    email: String,
}

async fn choose(State(login): State<Arc<Login>>, Form(choice): Form<Choice>) -> Response {
    let Some(request) = lock(&login.waiting).remove(&choice.request) else {
        return (StatusCode::BAD_REQUEST, "This sign-in is over.").into_response();
    };
    Redirect::to(&login.answer(request, &choice.email)).into_response()
}

/// The body of a request for tokens.
#[derive(Deserialize)]
pub(crate) struct CodeGrant {
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
}

/// Redeems a code, once.
pub(crate) async fn redeem(login: &Login, headers: &HeaderMap, grant: CodeGrant) -> Response {
    let fault = *lock(&login.fault);
    match fault {
        TokenFault::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        TokenFault::Timeout => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        _ => redeem_now(login, headers, &grant)
            .unwrap_or_else(|error| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()),
    }
}

fn redeem_now(login: &Login, headers: &HeaderMap, grant: &CodeGrant) -> Result<Response, &'static str> {
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) != Some(&expected) {
        return Err("invalid_client");
    }
    let code = grant.code.as_deref().ok_or("invalid_request")?;
    let (request, subject) = lock(&login.codes).remove(code).ok_or("invalid_grant")?;
    let challenge = grant
        .code_verifier
        .as_deref()
        .map(|verifier| BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
    if challenge.as_ref() != Some(&request.code_challenge) || grant.redirect_uri.as_ref() != Some(&request.redirect_uri)
    {
        return Err("invalid_grant");
    }
    let mut answer = json!({ "access_token": Uuid::new_v4(), "token_type": "Bearer", "expires_in": TOKEN_LIFE });
    if *lock(&login.fault) != TokenFault::NoIdToken {
        answer["id_token"] = json!(login.id_token(&request, &subject));
    }
    Ok(Json(answer).into_response())
}
