//! `cargo xtask qa --scenario NAME`: the demo backend in that scenario and tauri-driver, until standard input closes or Ctrl-C.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use serde_json::json;
use support::{
    backend::Backend,
    eventually,
    programs::HeldPort,
    sandbox::{Sandbox, capabilities},
};
use tokio::io::AsyncReadExt as _;

const DEFAULT_WEBDRIVER_PORT: u16 = 4444;
const DEFAULT_DEMO_PORT: u16 = 8787;

#[tokio::main]
async fn main() {
    let name = std::env::var("QA_SCENARIO").unwrap_or_else(|_| "not-linked".into());
    let edition = std::env::var("QA_EDITION").unwrap_or_else(|_| "mobile".into());
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::listen(DEFAULT_DEMO_PORT, folder.path().join("backend")).await;
    let scenario = backend.load_scenario(&name).await;
    let text = |key: &str| scenario[key].as_str().unwrap();
    let display = std::env::var("DISPLAY").ok().filter(|display| !display.is_empty());
    let sandbox = Sandbox::on_display(display);
    let driver = sandbox.start_driver(HeldPort::take(DEFAULT_WEBDRIVER_PORT).unwrap_or_else(HeldPort::any), None);
    let webdriver = &driver.url;
    let address = webdriver.trim_start_matches("http://");
    eventually("tauri-driver", || async { tokio::net::TcpStream::connect(address).await.ok() }).await;

    let demo = backend.url.as_str();
    let capabilities = capabilities(&["--edition", &edition, "--server", demo, "--username", text("username")]);
    let session = json!({ "webdriver": webdriver, "capabilities": capabilities, "demo": demo, "scenario": scenario });
    std::fs::write("target/qa.json", format!("{session:#}\n")).unwrap();
    println!(
        "
{name}: {}

Sign in as    {}, password demo
WebDriver     {webdriver}
Capabilities  {capabilities}
Inbox         {demo}/demo/inbox, as JSON {demo}/demo/inbox.json
Clock         cargo xtask qa clock +24h             POST {demo}/demo/clock {{\"advanceSeconds\": 86400}}
Faults        cargo xtask qa fault network=offline  POST {demo}/demo/faults {{\"network\": \"offline\"}}
Scenarios     cargo xtask qa scenario code-sent     POST {demo}/demo/scenario {{\"name\": \"code-sent\"}}

The same as JSON: target/qa.json. Press Ctrl-C to stop.
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
    drop(driver);
    drop(sandbox);
    backend.stop().await;
    drop(folder);
    // The thread that reads standard input would block the exit.
    std::process::exit(0);
}
