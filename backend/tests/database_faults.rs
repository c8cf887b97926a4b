//! A database that is full, read-only, or gone for a while.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{ANNA, Server, TestDemo, on_postgres, until};
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;

async fn readiness(server: &Server) -> StatusCode {
    server.request(Method::GET, "/readyz").send().await.unwrap().status()
}

async fn sign_in_status(server: &Server) -> StatusCode {
    let body = json!({ "username": "anna.svensson", "password": "demo" });
    server.request(Method::POST, "/v1/session").json(&body).send().await.unwrap().status()
}

/// A small file system, unmounted at the end. None where this process may not mount.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(folder.path());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_and_heals_by_itself() {
    if on_postgres() {
        return;
    }
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("not run: this user cannot mount a small file system");
        return;
    };
    let url = format!("sqlite://{}?mode=rwc", disk.path().join("hrm.sqlite").display());
    let demo = TestDemo::start_on(url).await;
    let anna = demo.server.sign_in("anna.svensson").await;
    assert_eq!(readiness(&demo.server).await, 200);

    let ballast = disk.path().join("ballast");
    // Fails when the disk is full, after writing what fits.
    let _ = fs::write(&ballast, vec![1; 16 << 20]);
    until("a sign-in that fails", async || (sign_in_status(&demo.server).await == 503).then_some(())).await;
    for _ in 0..20 {
        anna.request(Method::PUT, "/v1/me/visma-connect/snooze").send().await.unwrap();
    }
    until("the end of readiness", async || (readiness(&demo.server).await == 503).then_some(())).await;
    assert_eq!(demo.server.request(Method::GET, "/healthz").send().await.unwrap().status(), 200);

    fs::remove_file(&ballast).unwrap();
    until("readiness", async || (readiness(&demo.server).await == 200).then_some(())).await;
    for _ in 0..20 {
        assert_eq!(sign_in_status(&demo.server).await, 201);
    }
    anna.send(ANNA).await.state(202, "codeSent");
    demo.server.wait_for_mails(ANNA, 1).await;
    demo.running.shutdown().await;
}

#[tokio::test]
async fn no_call_fails_when_the_database_drops_its_connections() {
    if !on_postgres() {
        return;
    }
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    for round in 0..10 {
        demo.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        match round % 4 {
            0 => assert_eq!(anna.state().await["status"], "notLinked"),
            1 => assert_eq!(sign_in_status(&demo.server).await, 201),
            2 => drop(anna.snooze().await.state(200, "notLinked")),
            _ => drop(anna.send("not an address").await.is(422, "email_invalid")),
        }
        // Many connections at once are broken in the next round.
        futures_util::future::join_all((0..12).map(|_| anna.state())).await;
    }
    demo.running.shutdown().await;
}

#[tokio::test]
async fn a_read_only_database_is_not_ready() {
    if !on_postgres() {
        return;
    }
    let demo = TestDemo::start().await;
    let name = demo.database_url.split(&['/', '?'][..]).nth(3).unwrap();
    let mut operator = sqlx::PgConnection::connect(&demo.database_url.replace(name, "postgres")).await.unwrap();
    let mut read_only = async |value: &str| {
        let change = format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = {value};
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        operator.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(change))).await.unwrap();
    };
    read_only("on").await;
    until("the end of readiness", async || (readiness(&demo.server).await == 503).then_some(())).await;
    assert_eq!(sign_in_status(&demo.server).await, 503);
    read_only("off").await;
    until("readiness", async || (readiness(&demo.server).await == 200).then_some(())).await;
    assert_eq!(sign_in_status(&demo.server).await, 201);
    demo.running.shutdown().await;
}

#[tokio::test]
async fn a_slow_database_is_not_ready_and_heals_by_itself() {
    let demo = TestDemo::start().await;
    // Holds every change up, as a disk does that hangs.
    sqlx::any::install_default_drivers();
    let mut disk = sqlx::AnyConnection::connect(&demo.database_url).await.unwrap();
    let hang = if on_postgres() { "BEGIN; LOCK TABLE readiness IN EXCLUSIVE MODE" } else { "BEGIN IMMEDIATE" };
    disk.execute(sqlx::raw_sql(hang)).await.unwrap();
    // What was checked a moment ago counts for a second.
    until("the end of readiness", async || {
        let asked = Instant::now();
        let status = readiness(&demo.server).await;
        assert!(asked.elapsed() < Duration::from_secs(5), "a probe does not wait longer");
        (status == 503).then_some(())
    })
    .await;
    disk.execute(sqlx::raw_sql("ROLLBACK")).await.unwrap();
    until("readiness", async || (readiness(&demo.server).await == 200).then_some(())).await;
    disk.close().await.unwrap();
    demo.running.shutdown().await;
}

#[tokio::test]
async fn a_second_process_cannot_serve_the_same_file() {
    if on_postgres() {
        return;
    }
    let demo = TestDemo::start().await;
    let second =
        crate::support::serve(&demo.database_url, &demo.running).stderr(std::process::Stdio::piped()).output().unwrap();
    assert!(!second.status.success());
    let text = String::from_utf8(second.stderr).unwrap();
    assert!(text.contains("another hrm-backend serves this database"), "{text}");

    // The lock ends with the process, even one that is killed.
    let url = demo.database_url.clone();
    let services = demo.running.services().clone();
    demo.running.shutdown().await;
    let killed = crate::support::Program::start(&mut crate::support::serve_with(&url, &services));
    drop(killed);
    drop(crate::support::Program::start(&mut crate::support::serve_with(&url, &services)));
}

#[tokio::test]
async fn a_stopped_backend_frees_the_file_at_once() {
    if on_postgres() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    let stopped = Database::connect(&url, Events::default()).await.unwrap();
    stopped.start_serving(&url).await.unwrap();
    stopped.close().await;
    // Its handle may live on, as in a child process that was just forked.
    let next = Database::connect(&url, Events::default()).await.unwrap();
    next.start_serving(&url).await.unwrap();
    next.close().await;
    drop(stopped);
}
