//! The real backend in demo mode, in this process, and its `/demo` endpoints.

use std::{path::PathBuf, time::Instant};

use hrm_backend::demo::{Demo, Options};
use hrm_fakes::mail_server::code_in;
use serde_json::{Value, json};

use super::{eventually, report};

pub struct Backend {
    demo: Demo,
    pub url: String,
    http: reqwest::Client,
}

impl Backend {
    pub async fn start(data_dir: PathBuf) -> Self {
        Self::listen(0, data_dir).await
    }

    /// On this port, or on any other if it is in use.
    pub async fn listen(port: u16, data_dir: PathBuf) -> Self {
        let start = |port| Demo::start(Options { listen: ([127, 0, 0, 1], port).into(), data_dir: data_dir.clone() });
        let demo = match start(port).await {
            Ok(demo) => demo,
            Err(_) => start(0).await.unwrap(),
        };
        Self { url: demo.url(), demo, http: reqwest::Client::new() }
    }

    pub async fn stop(self) {
        self.demo.shutdown().await;
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let began = Instant::now();
        let response = self.http.post(format!("{}{path}", self.url)).json(&body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        report::step(&format!("POST {path} {body}"), began);
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Requests from apps that it has answered.
    pub async fn request_count(&self) -> u32 {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let api = metrics.lines().filter(|line| line.starts_with(r#"hrm_http_requests_total{path="/v1/"#));
        api.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum()
    }

    /// Returns the scenario's name, description, user name and so on.
    pub async fn load_scenario(&self, name: &str) -> Value {
        self.post("/demo/scenario", json!({ "name": name })).await
    }

    /// The mails, newest first.
    pub async fn inbox(&self) -> Vec<Value> {
        let inbox = self.http.get(format!("{}/demo/inbox.json", self.url)).send().await.unwrap();
        inbox.json().await.unwrap()
    }

    /// Waits for a code mail to this address that came after the first `before` mails, and returns its code.
    pub async fn code_sent_to(&self, email: &str, before: usize) -> String {
        eventually(&format!("a mail to {email}"), || async {
            let inbox = self.inbox().await;
            let mail = inbox.iter().take(inbox.len().saturating_sub(before)).find(|mail| mail["to"] == email)?;
            code_in(mail["text"].as_str()?).map(str::to_owned)
        })
        .await
    }

    /// Anna's other device begins to try the new login. Returns the address for its browser.
    pub async fn try_login_elsewhere(&self) -> String {
        let session = self.post("/v1/session", json!({ "username": "anna.svensson", "password": "demo" })).await;
        let call = self.http.post(format!("{}{}", self.url, hrm_api::path::TRY_LOGIN));
        let begun = call.bearer_auth(session["token"].as_str().unwrap()).send().await.unwrap();
        begun.json::<Value>().await.unwrap()["authorizeUrl"].as_str().unwrap().to_owned()
    }

    pub async fn advance_clock(&self, seconds: u64) {
        self.post("/demo/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub async fn set_faults(&self, faults: Value) {
        self.post("/demo/faults", faults).await;
    }
}

/// A well-formed code other than this one.
pub fn wrong_code(code: &str) -> String {
    let first = if code.starts_with('9') { '1' } else { '9' };
    format!("{first}{}", &code[1..])
}
