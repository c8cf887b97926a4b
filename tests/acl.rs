//! Which commands the page may call: the real configuration on Tauri's mock runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use flex_connect_core::{App, Edition, LaunchOptions, ports, ports::Platform};
use tauri::{
    WebviewWindow, WebviewWindowBuilder,
    ipc::{CallbackFn, InvokeBody},
    test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder},
    webview::InvokeRequest,
};

/// Every port, without effects.
struct NullPorts;

impl ports::Vault for NullPorts {
    fn read(&self, _: &ports::TokenOwner) -> Result<Option<flex_connect_core::SecretString>, ports::VaultError> {
        Ok(None)
    }
    fn write(&self, _: &ports::StoredToken) -> ports::Persistence {
        ports::Persistence::SessionOnly
    }
    fn delete_others(&self, _: Option<&ports::TokenOwner>) -> Result<(), ports::VaultError> {
        Ok(())
    }
}

impl ports::RecordStore for NullPorts {
    fn load(&self) -> Option<String> {
        None
    }
    fn save(&self, _: &str) -> Result<(), ports::NotSaved> {
        Ok(())
    }
}

impl ports::Browser for NullPorts {
    fn open(&self, _: &str) -> Result<(), ports::NotOpened> {
        Err(ports::NotOpened)
    }
}

impl ports::Clipboard for NullPorts {
    fn copy(&self, _: &str) -> Result<(), ports::NotCopied> {
        Err(ports::NotCopied)
    }
    fn paste(&self) -> Result<flex_connect_core::SecretString, ports::NotCopied> {
        Err(ports::NotCopied)
    }
}

/// Call it once per process: Tauri allows one context.
fn window() -> (tauri::App<MockRuntime>, WebviewWindow<MockRuntime>) {
    hrm_backend::install_cryptography();
    let platform = Platform {
        vault: std::sync::Arc::new(NullPorts),
        record_store: std::sync::Arc::new(NullPorts),
        clock: std::sync::Arc::new(ports::SystemClock),
        browser: std::sync::Arc::new(NullPorts),
        clipboard: std::sync::Arc::new(NullPorts),
        email_app: None,
    };
    let options = LaunchOptions { edition: Edition::Desktop, server: None, username: None, system: String::new() };
    let core = App::new(options, platform, reqwest::Client::builder);
    let app = flex_connect_lib::with_commands(mock_builder()).manage(core).build(flex_connect_lib::context()).unwrap();
    // The mock runtime does not create the configured windows.
    let window = WebviewWindowBuilder::new(&app, "main", Default::default()).build().unwrap();
    (app, window)
}

fn call(window: &WebviewWindow<MockRuntime>, command: &str, origin: &str) -> Result<InvokeBody, String> {
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: origin.parse().unwrap(),
        body: InvokeBody::Json(serde_json::json!({
            "server": "not a server", "username": "", "password": "", "screen": "home", "email": "a@b.c",
            "code": "1", "language": null, "way": "phone", "url": "https://evil.example", "path": "/etc/passwd",
            "options": { "label": "second" }, "event": "x", "payload": null, "value": "x"
        })),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.into(),
    };
    get_ipc_response(window, request)
        .map(|body| match body {
            tauri::ipc::InvokeResponseBody::Json(text) => InvokeBody::Json(serde_json::from_str(&text).unwrap()),
            tauri::ipc::InvokeResponseBody::Raw(raw) => InvokeBody::Raw(raw),
        })
        .map_err(|error| error.to_string())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => { [$(stringify!($name)),*] };
}

#[test]
fn the_page_may_call_the_listed_commands_and_no_others() {
    let (_app, window) = window();
    let app_origin = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };
    let is_denied = |response: &Result<InvokeBody, String>| matches!(response, Err(error) if error.contains("not allowed") || error.contains("not found"));

    for command in flex_connect_core::commands!(names) {
        let response = call(&window, command, app_origin);
        assert!(!is_denied(&response), "{command}: {response:?}");
    }
    for command in [
        "eval",
        "exit",
        "plugin:window|create",
        "plugin:webview|create_webview_window",
        "plugin:window|close",
        "plugin:event|emit",
        "plugin:opener|open_url",
        "plugin:opener|open_path",
        "plugin:opener|reveal_item_in_dir",
        "plugin:clipboard-manager|read_text",
        "plugin:clipboard-manager|write_text",
        "plugin:log|log",
        "plugin:path|resolve_directory",
        "plugin:app|version",
        "plugin:window-state|save_window_state",
    ] {
        let response = call(&window, command, app_origin);
        assert!(is_denied(&response), "{command} must be denied: {response:?}");
    }
    for origin in ["https://evil.example", "http://127.0.0.1:8787", "http://localhost:5173"] {
        let response = call(&window, "view", origin);
        assert!(response.is_err(), "{origin} must be denied: {response:?}");
    }
}
