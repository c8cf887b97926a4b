//! A backup that is made while people work, and what a backend finds that starts on it. The commands are those of
//! `docs/operations.md`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{
    Employee, Program, TestDemo, code_in, count, database_url, execute, import, light_hash, on_postgres, serve,
};
use serde_json::json;
use tempfile::TempDir;

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The database of `url`, which a backend serves, in a file.
async fn back_up(url: &str, file: &Path) {
    if on_postgres() {
        run(Command::new("pg_dump").arg("--format=custom").arg("--file").arg(file).arg(url));
    } else if Command::new("sqlite3").arg("--version").output().is_ok() {
        let source = url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
        let vacuum = format!("VACUUM INTO '{}'", file.display());
        run(Command::new("sqlite3").args(["-cmd", ".timeout 10000", source, &vacuum]));
    } else {
        // The same statement without Debian's package sqlite3.
        let database = hrm_backend::database::Database::connect(url, Default::default()).await.unwrap();
        let vacuum = format!("VACUUM INTO '{}'", file.display());
        sqlx::query(sqlx::AssertSqlSafe(vacuum)).execute(&mut *database.acquire().await.unwrap()).await.unwrap();
        database.close().await;
    }
}

/// A fresh database from the file; its URL.
async fn restore(file: &Path, folder: &Path) -> String {
    let url = database_url(folder).await;
    if on_postgres() {
        run(Command::new("pg_restore").arg("--exit-on-error").arg("--no-owner").arg("--dbname").arg(&url).arg(file));
    } else {
        std::fs::copy(file, folder.join("hrm.sqlite")).unwrap();
    }
    // Apps that run keep a State with a higher revision.
    execute(&url, "UPDATE employees SET revision = revision + 1000000").await;
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_at_work_restores_links_codes_and_mails() {
    let (demo, folder, fresh) = (TestDemo::start().await, TempDir::new().unwrap(), TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    let hash = light_hash();
    let people: Vec<_> = ["linked", "under-way", "waiting", "busy"]
        .iter()
        .map(|name| format!("{name},{name},{hash},Anna,Svensson,en,SE,{name}@company.com"))
        .collect();
    import(&url, &people);
    let program = Program::start(&mut serve(&url, &demo.running));
    let linked = program.server.sign_in("linked").await;
    linked.send("linked@company.com").await.state(202, "codeSent");
    linked.verify(&demo.server.wait_for_code("linked@company.com", 1).await).await.state(200, "linked");
    let under_way = program.server.sign_in("under-way").await;
    under_way.send("under-way@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("under-way@company.com", 1).await;
    under_way.wait_for_delivery("accepted").await;
    demo.server.faults(json!({ "mail": "delay" })).await;
    let waiting = program.server.sign_in("waiting").await;
    waiting.send("waiting@company.com").await.state(202, "codeSent");
    waiting.wait_for_delivery("deferred").await;

    // Somebody changes rows all the time.
    let (busy, is_over) = (program.server.sign_in("busy").await, Arc::new(AtomicBool::new(false)));
    let work = tokio::spawn({
        let (busy, is_over) = (busy.clone(), Arc::clone(&is_over));
        async move {
            let mut calls = 0;
            while !is_over.load(Ordering::SeqCst) {
                busy.snooze().await.state(200, "notLinked");
                calls += 1;
            }
            calls
        }
    });
    let file = folder.path().join("backup");
    back_up(&url, &file).await;
    is_over.store(true, Ordering::SeqCst);
    let calls = work.await.unwrap();
    assert!(calls > 0, "nobody worked during the backup");

    // After the backup the mail goes out, and then the machine is lost.
    demo.server.faults(json!({ "mail": "ok" })).await;
    let first = demo.server.wait_for_mails("waiting@company.com", 1).await;
    let revision = busy.state().await["revision"].as_i64().unwrap();
    drop(program);
    let restored = restore(&file, fresh.path()).await;
    let program = Program::start(&mut serve(&restored, &demo.running));

    let again = |employee: &Employee| Employee { server: program.server.clone(), ..employee.clone() };
    assert_eq!(again(&linked).state().await["status"], "linked");
    again(&under_way).verify(&code).await.state(200, "linked");
    assert!(again(&busy).state().await["revision"].as_i64().unwrap() > revision, "running apps take the State");
    // What waited at the time of the backup is sent again, the same; nothing else is.
    let mails = demo.server.wait_for_mails("waiting@company.com", 2).await;
    assert_eq!(code_in(&mails[0]), code_in(&first[0]));
    again(&waiting).verify(&code_in(&mails[0])).await.state(200, "linked");
    crate::support::until("an empty outbox", async || {
        (count(&restored, "SELECT COUNT(*) FROM outbox").await == 0).then_some(())
    })
    .await;
    for (address, mails) in [("linked@company.com", 1), ("under-way@company.com", 1), ("waiting@company.com", 2)] {
        assert_eq!(demo.server.mails_to(address).await.len(), mails, "{address}");
    }
    eprintln!("{calls} changes while the backup ran");
    drop(program);
    demo.running.shutdown().await;
}
