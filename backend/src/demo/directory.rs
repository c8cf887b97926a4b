//! A stand-in for Visma Connect that speaks its HTTP API, so that the real client runs against it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Form, Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::Utc;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::faults::{DirectoryFault, Faults};
use super::json_file::JsonFile;
use super::people;

/// The client id and the secret that the stand-in takes.
pub const CLIENT: (&str, &str) = ("flex-hrm-demo", "flex-hrm-demo-secret");

/// An account as the Public API writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    id: String,
    email: String,
    email_verified: bool,
    name: String,
    first_name: String,
    last_name: String,
    country_code: String,
    preferred_language: String,
    created_date: String,
    updated_date: String,
    login_count: u32,
}

#[derive(Debug, Deserialize)]
struct NewUser {
    email: String,
    country_code: String,
    preferred_language: String,
    first_name: String,
    last_name: String,
}

struct StandIn {
    users: Arc<JsonFile<Vec<User>>>,
    faults: Arc<Faults>,
    tokens: Mutex<Vec<String>>,
}

/// The accounts that exist before anybody links.
pub fn first_users() -> Vec<User> {
    people::WITH_ACCOUNT
        .iter()
        .map(|(email, first_name, last_name)| {
            user(NewUser {
                email: (*email).to_owned(),
                country_code: "DK".to_owned(),
                preferred_language: "da-DK".to_owned(),
                first_name: (*first_name).to_owned(),
                last_name: (*last_name).to_owned(),
            })
        })
        .collect()
}

/// Starts the stand-in on a free port.
///
/// # Errors
/// When there is no port.
pub async fn start(
    users: Arc<JsonFile<Vec<User>>>,
    faults: Arc<Faults>,
    stopping: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let state = Arc::new(StandIn { users, faults, tokens: Mutex::default() });
    let api = Router::new()
        .route("/v1.0/search/users", get(search))
        .route("/v1.0/users", post(create))
        .route("/v1.0/users/{id}", get(show).put(update))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), with_token))
        .route("/connect/token", post(token))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), with_faults))
        .with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        tokio::select! {
            _ = axum::serve(listener, api) => {}
            () = stopping.cancelled() => {}
        }
    });
    Ok(address)
}

async fn with_faults(State(stand_in): State<Arc<StandIn>>, request: Request, next: Next) -> Response {
    let is_creation = request.method() == Method::POST && request.uri().path() == "/v1.0/users";
    match stand_in.faults.now().directory {
        DirectoryFault::Error => error(StatusCode::INTERNAL_SERVER_ERROR, "ERROR_INTERNAL"),
        DirectoryFault::Timeout => never_answer().await,
        DirectoryFault::CreateTimeout if is_creation => {
            next.run(request).await;
            never_answer().await
        }
        DirectoryFault::Conflict if request.uri().path() == "/v1.0/search/users" => {
            StatusCode::NO_CONTENT.into_response()
        }
        DirectoryFault::Ok | DirectoryFault::CreateTimeout | DirectoryFault::Conflict => next.run(request).await,
    }
}

/// Longer than any client waits.
async fn never_answer() -> Response {
    tokio::time::sleep(Duration::from_secs(60)).await;
    error(StatusCode::GATEWAY_TIMEOUT, "ERROR_TIMEOUT")
}

async fn with_token(State(stand_in): State<Arc<StandIn>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let is_known = stand_in.tokens.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|known| known == token);
    if is_known { next.run(request).await } else { error(StatusCode::UNAUTHORIZED, "ERROR_UNAUTHORIZED") }
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

async fn token(State(stand_in): State<Arc<StandIn>>, Form(request): Form<TokenRequest>) -> Response {
    let is_client = (request.client_id.as_str(), request.client_secret.as_str()) == CLIENT;
    if request.grant_type != "client_credentials" || !is_client {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    let token = crate::keys::new_token().expose_secret().to_owned();
    stand_in.tokens.lock().unwrap_or_else(PoisonError::into_inner).push(token.clone());
    Json(json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" })).into_response()
}

#[derive(Deserialize)]
struct Search {
    email: String,
}

async fn search(State(stand_in): State<Arc<StandIn>>, Query(search): Query<Search>) -> Response {
    let found: Vec<User> = stand_in
        .users
        .read(|users| users.iter().filter(|user| user.email.eq_ignore_ascii_case(&search.email)).cloned().collect());
    if found.is_empty() { StatusCode::NO_CONTENT.into_response() } else { Json(found).into_response() }
}

async fn create(State(stand_in): State<Arc<StandIn>>, Json(new): Json<NewUser>) -> Response {
    let created = stand_in.users.change(|users| {
        if users.iter().any(|user| user.email.eq_ignore_ascii_case(&new.email)) {
            return None;
        }
        let user = user(new);
        users.push(user.clone());
        Some(user)
    });
    match created {
        Some(user) => (StatusCode::CREATED, Json(user)).into_response(),
        None => error(StatusCode::CONFLICT, "ERROR_USER_EXISTS"),
    }
}

async fn show(State(stand_in): State<Arc<StandIn>>, Path(id): Path<String>) -> Response {
    match stand_in.users.read(|users| users.iter().find(|user| user.id == id).cloned()) {
        Some(user) => Json(user).into_response(),
        None => error(StatusCode::NOT_FOUND, "ERROR_INVALID_USER"),
    }
}

async fn update(State(stand_in): State<Arc<StandIn>>, Path(id): Path<String>, Json(new): Json<NewUser>) -> Response {
    let updated = stand_in.users.change(|users| {
        let known = users.iter_mut().find(|user| user.id == id)?;
        *known = User { id, created_date: known.created_date.clone(), ..user(new) };
        Some(known.clone())
    });
    match updated {
        Some(user) => Json(user).into_response(),
        None => error(StatusCode::NOT_FOUND, "ERROR_INVALID_USER"),
    }
}

fn user(new: NewUser) -> User {
    let now = Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    User {
        id: uuid::Uuid::new_v4().to_string(),
        email: new.email,
        email_verified: false,
        name: format!("{} {}", new.first_name, new.last_name),
        first_name: new.first_name,
        last_name: new.last_name,
        country_code: new.country_code,
        preferred_language: new.preferred_language,
        created_date: now.clone(),
        updated_date: now,
        login_count: 0,
    }
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error_code": code }))).into_response()
}
