//! The real backend in its demo form, in this process, and the doors that testers have.

use std::{path::PathBuf, time::Instant};

use hrm_backend::demo::{Demo, Options};
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

    pub async fn listen(port: u16, data_dir: PathBuf) -> Self {
        let demo = Demo::start(Options { listen: ([127, 0, 0, 1], port).into(), data_dir }).await.unwrap();
        Self { url: demo.url(), demo, http: reqwest::Client::new() }
    }

    pub async fn stop(self) {
        self.demo.shutdown().await;
    }

    pub async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let began = Instant::now();
        let answer = self.http.post(format!("{}{path}", self.url)).json(&body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        report::step(&format!("POST {path} {body}"), began);
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// How many requests of an app it has answered.
    pub async fn requests(&self) -> u32 {
        let metrics = self.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let of_apps = metrics.lines().filter(|line| line.starts_with(r#"hrm_http_requests_total{path="/v1/"#));
        of_apps.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum()
    }

    /// Brings the backend into a known state; what there is to know about it.
    pub async fn scenario(&self, name: &str) -> Value {
        self.post("/demo/scenario", json!({ "name": name })).await
    }

    /// The mails, newest first.
    pub async fn inbox(&self) -> Vec<Value> {
        self.get("/demo/inbox.json").await.as_array().unwrap().clone()
    }

    /// Waits for the newest code mail to an address among more than `before` mails, and reads its code.
    pub async fn code_to(&self, email: &str, before: usize) -> String {
        eventually(&format!("a mail to {email}"), || async {
            let inbox = self.inbox().await;
            let mail = inbox.iter().take(inbox.len().saturating_sub(before)).find(|mail| mail["to"] == email)?;
            let alone = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
            mail["text"].as_str()?.lines().map(str::trim).find(alone).map(str::to_owned)
        })
        .await
    }

    pub async fn pass(&self, seconds: u64) {
        self.post("/demo/clock", json!({ "advanceSeconds": seconds })).await;
    }

    pub async fn faults(&self, faults: Value) {
        self.post("/demo/faults", faults).await;
    }
}

/// A code of the right form that is not this one.
pub fn not(code: &str) -> String {
    let first = if code.starts_with('9') { '1' } else { '9' };
    format!("{first}{}", &code[1..])
}
