//! The log of a backend that is stopped is complete.

use std::fs::{self, File};
use std::process::Command;

use crate::support::{Program, TestDemo, database_url, serve};
use futures_util::future::join_all;
use reqwest::Method;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_before_the_stop_has_its_line() {
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    let log = folder.path().join("log");
    let mut backend = Program::start(serve(&url, &demo.running).stderr(File::create(&log).unwrap()));
    let mut ids = Vec::new();
    for _ in 0..20 {
        let answers = (0..100).map(|_| backend.server.request(Method::GET, "/healthz").send());
        for answer in join_all(answers).await {
            ids.push(answer.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned());
        }
    }
    assert!(Command::new("kill").arg(backend.child.id().to_string()).status().unwrap().success());
    assert!(backend.child.wait().unwrap().success());
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("answered status=200")).collect();
    assert_eq!(lines.len(), ids.len());
    assert!(lines.iter().zip(&ids).any(|(line, id)| line.contains(id.as_str())));
}
