//! How many connections a backend opens.

use std::process::Stdio;
use std::time::Duration;

use crate::support::{TestDemo, database_url, serve};
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use tempfile::TempDir;

#[tokio::test]
async fn no_more_connections_are_opened_than_are_set() {
    let folder = TempDir::new().unwrap();
    let url = database_url(folder.path()).await;
    let database = Database::connect_with(&url, Events::default(), Some(4)).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(database.acquire().await.unwrap());
    }
    let fifth = database.acquire();
    tokio::pin!(fifth);
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut fifth).await.is_err(), "a fifth was opened");
    open.pop();
    drop(tokio::time::timeout(Duration::from_secs(10), fifth).await.unwrap().unwrap());
    drop(open);
    database.close().await;
}

#[tokio::test]
async fn a_number_out_of_range_is_named_at_start() {
    let demo = TestDemo::start().await;
    for number in ["0", "3", "501", "many"] {
        let mut command = serve("sqlite::memory:", &demo.running);
        let output = command.env("HRM_DATABASE_CONNECTIONS", number).stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains("HRM_DATABASE_CONNECTIONS: is not a number"), "{text}");
    }
    demo.running.shutdown().await;
}
