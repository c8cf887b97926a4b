//! Visma Connect's token endpoint and the calls of its Public API v1.0 that the backend makes. The path of unlinking is not
//! public: it is the backend's default.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

pub use crate::accounts::{CLIENT_ID, CLIENT_SECRET, NewUser, User, Users, add_user};
use crate::json_file::JsonFile;
use crate::login::{self, CodeGrant, Login};

const SEARCH: &str = "/v1.0/search/users";
const USERS: &str = "/v1.0/users";
const TOKEN: &str = "/connect/token";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryFault {
    #[default]
    Ok,
    /// It answers 500 and does nothing.
    Error,
    /// It never answers.
    Timeout,
    /// It creates accounts and never answers; all other calls are answered.
    CreateTimeout,
    /// A search finds nobody, but a creation responds that the account exists.
    Conflict,
    /// It refuses every creation for good.
    Refuse,
    /// It answers 429 to every call but that for a token, and asks for a pause of two seconds.
    Busy,
    /// It answers 500 where a login's code is redeemed, and works otherwise.
    LoginError,
}

struct Fake {
    users: Arc<JsonFile<Users>>,
    fault: Box<dyn Fn() -> DirectoryFault + Send + Sync>,
    token: String,
    login: Arc<Login>,
}

/// Serves clients until the future is dropped. `fault` is called for every request. `login`: the OpenID provider at the same
/// address.
pub async fn serve(
    listener: TcpListener,
    users: Arc<JsonFile<Users>>,
    login: Arc<Login>,
    fault: impl Fn() -> DirectoryFault + Send + Sync + 'static,
) {
    let fake = Arc::new(Fake { users, fault: Box::new(fault), token: Uuid::new_v4().to_string(), login });
    let api = Router::new()
        .route(SEARCH, get(search))
        .route(USERS, post(create))
        .route("/v1.0/users/{id}/unlink", post(unlink))
        .layer(middleware::from_fn_with_state(Arc::clone(&fake), check_token))
        .route(TOKEN, post(issue_token))
        .with_state(Arc::clone(&fake))
        .merge(login::router(Arc::clone(&fake.login)))
        .layer(middleware::from_fn_with_state(fake, inject_fault));
    // axum documents that this never returns.
    let _ = axum::serve(listener, api).await;
}

async fn inject_fault(State(fake): State<Arc<Fake>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    match (fake.fault)() {
        DirectoryFault::Error => error(StatusCode::INTERNAL_SERVER_ERROR, "ERROR_INTERNAL"),
        DirectoryFault::Timeout => never_answer().await,
        DirectoryFault::CreateTimeout if request.method() == Method::POST && path == USERS => {
            next.run(request).await;
            never_answer().await
        }
        DirectoryFault::Conflict if path == SEARCH => StatusCode::NO_CONTENT.into_response(),
        DirectoryFault::Refuse if request.method() == Method::POST && path == USERS => {
            error(StatusCode::BAD_REQUEST, "ERROR_INVALID_USER")
        }
        DirectoryFault::Busy if path != TOKEN => {
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, "ERROR_TOO_MANY_REQUESTS");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            response
        }
        DirectoryFault::Ok
        | DirectoryFault::LoginError
        | DirectoryFault::CreateTimeout
        | DirectoryFault::Conflict
        | DirectoryFault::Refuse
        | DirectoryFault::Busy => next.run(request).await,
    }
}

/// Waits longer than any client's timeout.
async fn never_answer() -> Response {
    tokio::time::sleep(Duration::from_secs(60)).await;
    error(StatusCode::GATEWAY_TIMEOUT, "ERROR_TIMEOUT")
}

async fn check_token(State(fake): State<Arc<Fake>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if header.and_then(|value| value.strip_prefix("Bearer ")) == Some(&fake.token) {
        next.run(request).await
    } else {
        error(StatusCode::UNAUTHORIZED, "ERROR_UNAUTHORIZED")
    }
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(flatten)]
    code: CodeGrant,
}

async fn issue_token(State(fake): State<Arc<Fake>>, headers: HeaderMap, Form(request): Form<TokenRequest>) -> Response {
    if request.grant_type == "authorization_code" {
        if (fake.fault)() == DirectoryFault::LoginError {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "ERROR_INTERNAL");
        }
        return login::redeem(&fake.login, &headers, request.code).await;
    }
    let is_client = request.client_id == CLIENT_ID && request.client_secret == CLIENT_SECRET;
    if request.grant_type != "client_credentials" || !is_client {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    Json(json!({ "access_token": fake.token, "expires_in": 3600, "token_type": "Bearer" })).into_response()
}

#[derive(Deserialize)]
struct Search {
    email: String,
}

async fn search(State(fake): State<Arc<Fake>>, Query(search): Query<Search>) -> Response {
    match fake.users.read(|users| users.get(&search.email.to_ascii_lowercase()).cloned()) {
        Some(user) => Json([user]).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn create(State(fake): State<Arc<Fake>>, Json(new): Json<NewUser>) -> Response {
    match fake.users.change(|users| add_user(users, new)) {
        Some(user) => (StatusCode::CREATED, Json(user)).into_response(),
        None => error(StatusCode::CONFLICT, "ERROR_USER_EXISTS"),
    }
}

async fn unlink(State(fake): State<Arc<Fake>>, Path(id): Path<Uuid>) -> Response {
    let before = fake.users.change(|users| {
        let user = users.values_mut().find(|user| user.id() == id)?;
        Some(std::mem::replace(&mut user.unlinked, true))
    });
    match before {
        Some(false) => StatusCode::NO_CONTENT.into_response(),
        Some(true) => error(StatusCode::CONFLICT, "ERROR_USER_UNLINKED_FROM_CLIENT"),
        None => error(StatusCode::NOT_FOUND, "ERROR_USER_NOT_FOUND"),
    }
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error_code": code }))).into_response()
}
