//! The app's core without Tauri, for tests of the phone edition in browsers: the page as it ships, the `commands!` and the
//! `changed` event behind HTTP on the loopback interface, and the demo backend. Prints both addresses and runs until its
//! standard input closes. The paths below `/phone` are what happens to a phone.
//!
//! `cargo run -p flex-connect-core --example phone`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

// A part of it is for tests only.
#[allow(dead_code)]
#[path = "../../src-tauri/core/tests/support/mod.rs"]
mod support;

use std::{
    convert::Infallible,
    fs,
    path::Path as FilePath,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderName, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::{get, post},
};
use chrono::TimeDelta;
use flex_connect_core::{App, ContactWay, Edition, Language, Problem, Screen, SecretString, View, commands};
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use support::{Backend, FakeDevice, start};
use tokio::task::JoinHandle;

#[derive(Clone)]
struct Phone {
    device: Arc<Mutex<FakeDevice>>,
    app: Arc<Mutex<(App, JoinHandle<()>)>>,
}

impl Phone {
    fn new() -> Self {
        let device = new_device();
        Self { app: Arc::new(Mutex::new(launch(&device))), device: Arc::new(Mutex::new(device)) }
    }

    fn app(&self) -> App {
        self.app.lock().unwrap().0.clone()
    }

    fn device(&self) -> FakeDevice {
        self.device.lock().unwrap().clone()
    }

    /// As after a kill: what the device has stored is all that is left.
    fn relaunch(&self) {
        let mut app = self.app.lock().unwrap();
        app.1.abort();
        *app = launch(&self.device());
    }
}

fn new_device() -> FakeDevice {
    let device = FakeDevice::default();
    device.with(|state| state.has_email_app = true);
    device
}

fn launch(device: &FakeDevice) -> (App, JoinHandle<()>) {
    let app = start(device, Edition::Mobile);
    let following = app.clone();
    (app, tokio::spawn(async move { following.follow().await }))
}

macro_rules! dispatch {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => {
        /// None if there is no such command or an argument is wrong.
        async fn call(app: &App, command: &str, arguments: Value) -> Option<Result<View, Problem>> {
            match command {
                $(stringify!($name) => {
                    #[derive(Deserialize)]
                    #[serde(rename_all = "camelCase")]
                    struct Arguments { $($arg: $ty),* }
                    let Arguments { $($arg),* } = serde_json::from_value(arguments).ok()?;
                    Some(app.log_problem(app.$name($($arg),*).await))
                })*
                _ => None,
            }
        }
    };
}

commands!(dispatch);

async fn command(State(phone): State<Phone>, Path(name): Path<String>, Json(arguments): Json<Value>) -> Response {
    match call(&phone.app(), &name, arguments).await {
        // Not by status: the browser logs a failed call.
        Some(result) => Json(result).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// As `emit_view_changes` of the shell.
async fn changed(State(phone): State<Phone>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let views = phone.app().views();
    Sse::new(stream::unfold(views, |mut views| async move {
        views.changed().await.ok()?;
        let event = Event::default().json_data(&*views.borrow_and_update()).unwrap();
        Some((Ok(event), views))
    }))
}

const DIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/dist");

/// The shipped policy, except that the page talks to this program instead of Tauri.
fn policy() -> String {
    let config = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tauri.conf.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let (shipped, tauri) =
        (config["app"]["security"]["csp"].as_str().unwrap(), "connect-src ipc: http://ipc.localhost;");
    assert!(shipped.contains(tauri) && config["app"]["security"]["freezePrototype"] == true);
    shipped.replace(tauri, "connect-src 'self';")
}

/// For a browser whose window has one size: the page in a frame, whose policy lets this program's own page frame it.
async fn framed() -> Response {
    let frame = "<!doctype html><meta name=viewport content='width=device-width'><iframe src=./in-frame style='border:0;position:absolute;left:0;top:0'></iframe>";
    ([(header::CONTENT_TYPE, "text/html")], frame).into_response()
}

async fn page_in_frame() -> Response {
    page_with(&policy().replace("frame-ancestors 'none'", "frame-ancestors 'self'"))
}

async fn page() -> Response {
    page_with(&policy())
}

fn page_with(policy: &str) -> Response {
    let page = fs::read_to_string(FilePath::new(DIST).join("index.html")).expect("ui/dist: npm run build");
    // Tauri runs its own script before the page's, too.
    let with_bridge = page.replacen("<head>", "<head><script src=\"./bridge.js\"></script>", 1);
    assert_ne!(page, with_bridge);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (HeaderName::from_static("content-security-policy"), policy.to_owned()),
    ];
    (headers, with_bridge).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    let kind = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
    match fs::read(FilePath::new(DIST).join("assets").join(name)) {
        Ok(content) => ([(header::CONTENT_TYPE, kind)], content).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn bridge_script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript")], include_str!("bridge.js"))
}

/// Another phone, on which the app was never started.
async fn replace(State(phone): State<Phone>) {
    *phone.device.lock().unwrap() = new_device();
    phone.relaunch();
}

async fn kill(State(phone): State<Phone>) {
    phone.relaunch();
}

#[derive(Deserialize)]
struct Foreground {
    foreground: bool,
}

/// As the shell's window tells it.
async fn set_foreground(State(phone): State<Phone>, Json(Foreground { foreground }): Json<Foreground>) {
    phone.app().set_foreground(foreground);
}

#[derive(Deserialize)]
struct Sleep {
    seconds: u32,
}

/// The phone's clocks go on.
async fn sleep(State(phone): State<Phone>, Json(Sleep { seconds }): Json<Sleep>) {
    phone.device().with(|state| {
        state.clock_skew += TimeDelta::seconds(seconds.into());
        state.slept += Duration::from_secs(seconds.into());
    });
}

#[derive(Deserialize)]
struct Copied {
    text: String,
}

async fn copy(State(phone): State<Phone>, Json(Copied { text }): Json<Copied>) {
    phone.device().with(|state| state.copied = Some(text));
}

/// What the app opened outside itself, and what it stored.
async fn look(State(phone): State<Phone>) -> Json<Value> {
    phone.device().with(|state| Json(json!({ "opened": state.opened, "record": state.record })))
}

#[tokio::main]
async fn main() {
    let mut backend = Backend::start().await;
    let router = Router::new()
        .route("/", get(page))
        .route("/framed", get(framed))
        .route("/in-frame", get(page_in_frame))
        .route("/assets/{name}", get(asset))
        .route("/bridge.js", get(bridge_script))
        // Only a browser asks for it.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/bridge/changed", get(changed))
        .route("/bridge/{command}", post(command))
        .route("/phone", get(look))
        .route("/phone/replace", post(replace))
        .route("/phone/kill", post(kill))
        .route("/phone/foreground", post(set_foreground))
        .route("/phone/sleep", post(sleep))
        .route("/phone/copy", post(copy))
        .with_state(Phone::new());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", json!({ "page": format!("http://{}/", listener.local_addr().unwrap()), "demo": backend.url }));
    tokio::select! {
        served = axum::serve(listener, router) => served.unwrap(),
        _ = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())) => {}
    }
    backend.stop().await;
}
