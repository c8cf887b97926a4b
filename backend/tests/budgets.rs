//! What a call may cost, in statements and in commits, which no machine changes. `cargo xtask bench` has the times.

use std::fs::{self, File};
use std::path::Path;

use crate::support::{Program, TestDemo, database_url, import, light_hash, on_postgres, serve, until};
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use tempfile::TempDir;

/// The statements of calls of this route so far, from the log of a backend, and those that read the revisions for several
/// calls. Without the settings of a new connection, which whoever finds none idle opens.
fn statements(log: &Path, route: &str) -> usize {
    let (call, statement) = (format!("route=\"{route}\""), "sqlx::query: summary=\"");
    let text = fs::read_to_string(log).unwrap();
    let of_calls = text
        .lines()
        .filter_map(|line| line.split_once(statement))
        .filter(|(before, text)| before.contains(&call) || text.starts_with("SELECT token_hash, expires_at, (SELECT"));
    of_calls.filter(|(_, text)| !text.starts_with("PRAGMA ") && !text.starts_with("SET ")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_somebody_who_has_not_changed_is_one_statement() {
    // A debug build reads the rows again to compare.
    let statements_of_each = if cfg!(debug_assertions) { 2 } else { 1 };
    let route = "/v1/me/visma-connect";
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,anna@company.com", light_hash())]);
    let log = folder.path().join("log");
    let mut command = serve(&url, &demo.running);
    command.env("HRM_LOG", "sqlx::query=debug,hrm_backend=info").stderr(File::create(&log).unwrap());
    let backend = Program::start(&mut command);

    let anna = backend.server.sign_in("anna").await;
    let read = async |after: usize, count: usize| {
        for _ in 0..count {
            assert_eq!(anna.state().await["status"], "notLinked");
        }
        // The line of the last call comes after those of its statements.
        let answered = format!("route=\"{route}\"}}: hrm_backend::routes: answered");
        until("the log", async || {
            let text = fs::read_to_string(&log).unwrap();
            (text.matches(&answered).count() == after + count).then_some(())
        })
        .await;
        statements(&log, route)
    };
    let first = read(0, 1).await;
    assert_eq!(first, 1);
    let then = read(1, 10).await - first;
    assert_eq!(then, 10 * statements_of_each);
}

/// The commits in SQLite's write-ahead log: frames that say how large the database is after them.
/// See "WAL File Format" in SQLite's documentation.
fn commits(log: &Path) -> usize {
    let bytes = fs::read(log).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let (page_size, salt) = (number(8) as usize, &bytes[16..24]);
    let frames = (32..bytes.len()).step_by(24 + page_size);
    frames.filter(|at| &bytes[at + 8..at + 16] == salt && number(at + 4) > 0).count()
}

/// On SQLite only, which has a file to count in. PostgreSQL commits the same transactions.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_send_to_the_link_there_are_seven_commits() {
    if on_postgres() {
        return;
    }
    let demo = TestDemo::start().await;
    let kari = demo.server.sign_in("kari.holm").await;
    let database = Database::connect(&demo.database_url, Events::default()).await.unwrap();
    let mut reader = database.begin_read().await.unwrap();
    // While somebody reads an old state, the log is not begun anew.
    sqlx::query("SELECT id FROM companies").fetch_all(&mut *reader).await.unwrap();
    let log = demo.folder.path().join("hrm.sqlite-wal");
    let before = commits(&log);

    let address = "kari.holm@company.com";
    kari.send(address).await.state(202, "codeSent");
    kari.wait_for_delivery("accepted").await;
    let code = demo.server.wait_for_code(address, 1).await;
    kari.verify(&code).await.state(200, "linked");
    assert_eq!(commits(&log) - before, 7);
}
