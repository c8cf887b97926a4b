//! The kit: the demo backend in a known state, and tauri-driver beside it, until the end of the standard input or Ctrl-C.
//! `cargo xtask qa` starts it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::net::TcpListener;

use serde_json::json;
use support::{
    backend::Backend,
    desk::{Desk, capabilities, free_port},
    eventually,
};
use tokio::io::AsyncReadExt as _;

/// What WebDriver clients and the contract expect, if nobody has them.
const WEBDRIVER: u16 = 4444;
const DEMO: u16 = 8787;

#[tokio::main]
async fn main() {
    let name = std::env::var("QA_SCENARIO").unwrap_or_else(|_| "not-linked".into());
    let edition = std::env::var("QA_EDITION").unwrap_or_else(|_| "mobile".into());
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::listen(usual(DEMO), folder.path().join("backend")).await;
    let scenario = backend.scenario(&name).await;
    let text = |key: &str| scenario[key].as_str().unwrap();
    let display = std::env::var("DISPLAY").ok().filter(|display| !display.is_empty());
    let desk = Desk::shown_on(display);
    let (_driver, webdriver) = desk.driver(usual(WEBDRIVER));
    let address = webdriver.trim_start_matches("http://");
    eventually("tauri-driver", || async { tokio::net::TcpStream::connect(address).await.ok() }).await;

    let demo = backend.url.as_str();
    let capabilities = capabilities(&["--edition", &edition, "--server", demo, "--username", text("username")]);
    let kit = json!({ "webdriver": webdriver, "capabilities": capabilities, "demo": demo, "scenario": scenario });
    std::fs::write("target/qa.json", format!("{kit:#}\n")).unwrap();
    println!(
        "
{name}: {}

Sign in as    {}, password demo
WebDriver     {webdriver}
Capabilities  {capabilities}
The inbox     {demo}/demo/inbox, for programs {demo}/demo/inbox.json
The clock     cargo xtask qa clock +24h             POST {demo}/demo/clock {{\"advanceSeconds\": 86400}}
Faults        cargo xtask qa fault network=offline  POST {demo}/demo/faults {{\"network\": \"offline\"}}
Other states  cargo xtask qa scenario code-sent     POST {demo}/demo/scenario {{\"name\": \"code-sent\"}}

The same for programs: target/qa.json. Ctrl-C ends it.
Ready.",
        text("what"),
        text("username")
    );

    let (mut input, mut rest) = (tokio::io::stdin(), Vec::new());
    tokio::select! {
        _ = input.read_to_end(&mut rest) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    std::fs::remove_file("target/qa.json").ok();
    drop(desk);
    backend.stop().await;
    drop(folder);
    // The thread that reads the standard input would hold the program until the input ends.
    std::process::exit(0);
}

/// This port, or another one if somebody has it.
fn usual(port: u16) -> u16 {
    if TcpListener::bind(("127.0.0.1", port)).is_ok() { port } else { free_port() }
}
