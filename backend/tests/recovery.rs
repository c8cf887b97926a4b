//! Outages, restarts and kills: every accepted call takes effect once, and no secret is in the database or the log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{ANNA, Answer, Program, RecordingRelay, TestDemo, code_in, program, until};
use hrm_backend::clock::Clock;
use hrm_fakes::mail_server;
use reqwest::Method;
use serde_json::json;

/// Starts a demo in a process of its own that logs to a file.
fn start_demo(folder: &Path) -> Program {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = program();
    command.args(["demo", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("data"));
    Program::start(command.env("HRM_LOG", "debug,hyper_util=info").stderr(log))
}

#[tokio::test]
async fn a_mail_delayed_at_a_kill_is_sent_once_after_the_restart() {
    let folder = tempfile::TempDir::new().unwrap();
    let first = start_demo(folder.path());
    first.server.faults(json!({ "mail": "delay" })).await;
    let anna = first.server.sign_in("anna.svensson").await;
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    assert!(first.server.inbox().await.is_empty());
    drop(first);

    let second = start_demo(folder.path());
    let code = second.server.wait_for_code(ANNA, 1).await;
    let anna = crate::support::Employee { server: second.server.clone(), ..anna };
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    assert_eq!(second.server.mails_to(ANNA).await.len(), 1);
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn a_send_accepted_right_before_a_kill_is_mailed() {
    let folder = tempfile::TempDir::new().unwrap();
    let first = start_demo(folder.path());
    let anna = first.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    drop(first);
    let second = start_demo(folder.path());
    let anna = crate::support::Employee { server: second.server.clone(), ..anna };
    anna.wait_for_delivery("accepted").await;
    let mails = second.server.mails_to(ANNA).await;
    assert!(!mails.is_empty(), "at least once");
    anna.verify(&code_in(&mails[0])).await.state(200, "linked");
}

#[tokio::test]
async fn a_key_claimed_by_a_killed_backend_is_soon_free() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    // The row of a call whose backend was killed before it responded.
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    let soon = Clock::system_now() + 2_000;
    let of = "UPDATE idempotency SET status = 0, body = '', running_until =";
    demo.execute(&format!("{of} {soon}")).await;
    let repeated = anna.send_with_key(ANNA, "k").await;
    let wait = repeated.retry_after.unwrap();
    assert!(wait <= 2, "{repeated:?}");
    repeated.is(409, "request_in_progress");
    demo.server.advance(60).await;
    tokio::time::sleep(Duration::from_secs(wait)).await;
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
}

#[tokio::test]
async fn a_link_is_finished_after_an_outage_of_visma_connect() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    demo.server.faults(json!({ "directory": "error" })).await;
    anna.verify(&code).await.state(200, "linking");
    anna.verify(&code).await.state(200, "linking");
    anna.start_over().await.state(200, "linking");
    demo.server.faults(json!({ "directory": "ok" })).await;
    assert_eq!(anna.wait_for_status("linked").await["account"]["origin"], "created");
}

#[tokio::test]
async fn an_account_created_without_a_response_counts_as_created() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    demo.server.faults(json!({ "directory": "create_timeout" })).await;
    erik.send("erik.lund@verified.example").await.state(200, "linking");
    demo.server.faults(json!({ "directory": "ok" })).await;
    let state = erik.wait_for_status("linked").await;
    assert_eq!(state["account"]["origin"], "created");
    assert!(demo.server.inbox().await.is_empty());
}

#[tokio::test]
async fn a_call_does_not_wait_for_a_silent_visma_connect() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    demo.server.faults(json!({ "directory": "timeout" })).await;
    erik.send("erik.lund@verified.example").await.state(200, "linking");
    demo.server.faults(json!({ "directory": "ok" })).await;
    erik.wait_for_status("linked").await;
}

#[tokio::test]
async fn a_pending_link_survives_a_restart() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    demo.server.faults(json!({ "directory": "error" })).await;
    erik.send("erik.lund@verified.example").await.state(200, "linking");
    let demo = demo.restart().await;
    let erik = crate::support::Employee { server: demo.server.clone(), ..erik };
    erik.wait_for_status("linked").await;
}

#[tokio::test]
async fn an_account_found_taken_by_the_worker_ends_the_challenge() {
    let demo = TestDemo::start().await;
    let (mia, kari) = (demo.server.sign_in("mia.berg").await, demo.server.sign_in("kari.holm").await);
    let address = "mia.berg@company.com";
    mia.send(address).await.state(202, "codeSent");
    mia.verify(&demo.server.wait_for_code(address, 1).await).await.state(200, "linked");
    kari.send(address).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(address, 2).await;
    demo.server.faults(json!({ "directory": "error" })).await;
    kari.verify(&code).await.state(200, "linking");
    demo.server.faults(json!({ "directory": "ok" })).await;
    kari.wait_for_status("notLinked").await;
    kari.verify(&code).await.is(409, "account_taken");
}

#[tokio::test]
async fn an_account_that_a_search_misses_at_first_counts_as_existing() {
    let demo = TestDemo::start().await;
    let mia = demo.server.sign_in("mia.berg").await;
    let address = "mia.berg@company.com";
    mia.send(address).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(address, 1).await;
    demo.server.faults(json!({ "directory": "conflict" })).await;
    mia.verify(&code).await.state(200, "linking");
    demo.server.faults(json!({ "directory": "ok" })).await;
    assert_eq!(mia.wait_for_status("linked").await["account"]["origin"], "existing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_link_restores_the_banner_and_can_be_repeated() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    let address = "erik.lund@verified.example";
    demo.server.faults(json!({ "directory": "error" })).await;
    erik.send(address).await.state(200, "linking");
    erik.snooze().await.state(200, "linking");
    demo.execute("UPDATE link_jobs SET created_at = 0").await;
    assert_eq!(erik.wait_for_status("notLinked").await["banner"]["visible"], true);
    let (_, progress) = crate::support::admin(&demo.database_url, &["progress", "--company", "demo"]);
    assert!(progress.contains("linking given up"), "{progress}");
    demo.server.faults(json!({ "directory": "ok" })).await;
    erik.send(address).await.state(200, "linked");
}

#[tokio::test]
async fn old_rows_are_deleted_once_no_rule_needs_them() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    anna.start_over().await;
    let rows = "SELECT (SELECT COUNT(*) FROM codes) + (SELECT COUNT(*) FROM challenges)
                     + (SELECT COUNT(*) FROM idempotency) + (SELECT COUNT(*) FROM sessions)";
    demo.server.advance(23 * 3_600).await;
    demo.server.wait_for_metric("hrm_sweeps_total", 2).await;
    assert_eq!(demo.count(rows).await, 4, "a day's limits look back for a day");
    demo.server.advance(31 * 24 * 3_600).await;
    until("empty tables", async || (demo.count(rows).await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_mail_is_retried_until_the_mail_server_is_up() {
    let demo = TestDemo::start().await;
    // A socket that is bound and does not listen: it refuses connections and holds its port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let smtp_url = format!("smtp://{}", socket.local_addr().unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    let hash = crate::support::light_hash();
    crate::support::import(&url, &[format!("1,anna,{hash},Anna,Svensson,en,SE,{ANNA}")]);
    let backend = Program::start(crate::support::serve(&url, &demo.running).env("HRM_SMTP_URL", smtp_url));
    let anna = backend.server.sign_in("anna").await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    let relay = Arc::new(RecordingRelay::default());
    tokio::spawn(mail_server::serve(socket.listen(16).unwrap(), Arc::clone(&relay)));
    anna.wait_for_delivery("accepted").await;
    let code = relay.mails.lock().unwrap()[0].code().unwrap().to_owned();
    assert_eq!(relay.mails.lock().unwrap()[0].to, ANNA);
    anna.verify(&code).await.state(200, "linked");
}

#[cfg(unix)]
#[tokio::test]
async fn a_stopping_backend_finishes_running_calls() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut demo = start_demo(folder.path());
    demo.server.faults(json!({ "directory": "timeout" })).await;
    let erik = demo.server.sign_in("erik.lund").await;
    let call = tokio::spawn({
        let erik = erik.clone();
        async move { erik.send("erik.lund@verified.example").await }
    });
    erik.wait_for_status("linking").await;
    assert!(!call.is_finished(), "Visma Connect lets it wait for two seconds");
    let pid = demo.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    call.await.unwrap().state(200, "linking");
    assert!(demo.child.wait().unwrap().success());
}

#[tokio::test]
async fn the_state_follows_the_mail_servers_replies() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.server.faults(json!({ "mail": "refuse" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("bounced").await;
    demo.server.faults(json!({ "mail": "delay" })).await;
    demo.server.advance(60).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    demo.server.faults(json!({ "mail": "ok" })).await;
    anna.wait_for_delivery("accepted").await;
    assert_eq!(demo.server.inbox().await.len(), 1, "the refused one is not tried again");
}

#[tokio::test]
async fn a_mail_too_late_for_its_code_is_not_sent() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.server.faults(json!({ "mail": "delay" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    demo.server.advance(11 * 60).await;
    anna.wait_for_delivery("failed").await;
    demo.server.faults(json!({ "mail": "ok" })).await;
    assert!(demo.server.inbox().await.is_empty());
}

#[tokio::test]
async fn a_restart_continues_with_the_same_state() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.snooze().await;
    demo.server.advance(3_600).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    let before = anna.state().await;
    let demo = demo.restart().await;
    let anna = crate::support::Employee { server: demo.server.clone(), ..anna };
    let after = anna.state().await;
    for member in ["status", "challenge", "banner", "suggestions"] {
        assert_eq!(before[member], after[member]);
    }
    // As times: as text, a whole second would come after its fractions.
    let time = |state: &serde_json::Value| {
        state["serverTime"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    assert!(time(&after) > time(&before), "the clock stays ahead");
    let code = code_in(&demo.server.mails_to(ANNA).await[0]);
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn no_code_password_or_token_is_in_the_database_or_the_log() {
    let folder = tempfile::TempDir::new().unwrap();
    let program = start_demo(folder.path());
    let anna = program.server.sign_in("anna.svensson").await;
    let body = json!({ "username": "anna.svensson", "password": WRONG_PASSWORD });
    let answer = Answer::of(program.server.request(Method::POST, "/v1/session").json(&body)).await;
    answer.is(401, "bad_credentials");
    program.server.faults(json!({ "mail": "delay" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    let waiting = bytes_of(folder.path());
    program.server.faults(json!({ "mail": "ok" })).await;
    let code = program.server.wait_for_code(ANNA, 1).await;
    anna.verify(&code).await.state(200, "linked");
    until("the notices", async || (program.server.inbox().await.len() == 3).then_some(())).await;
    for (when, bytes) in [("while the mail waits", waiting), ("in the end", bytes_of(folder.path()))] {
        for secret in [&anna.token, ANNA_LOCAL] {
            let is_address = secret == ANNA_LOCAL;
            let searched = if is_address { &bytes.log } else { &bytes.all };
            assert!(
                !contains(searched, secret.as_bytes()),
                "a secret {when}: {}",
                if is_address { "address in the log" } else { "token" }
            );
        }
        // Times and hashes can contain the six digits by chance, so they count as a whole word only.
        let text = String::from_utf8_lossy(&bytes.all).into_owned();
        let is_word = text.match_indices(&code).any(|(at, _)| {
            let is_edge = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
            is_edge(text[..at].chars().next_back()) && is_edge(text[at + code.len()..].chars().next())
        });
        assert!(!is_word, "the code {when}");
        assert!(!contains(&bytes.all, WRONG_PASSWORD.as_bytes()), "a password {when}");
    }
}

const ANNA_LOCAL: &str = "anna.svensson@";
const WRONG_PASSWORD: &str = "correct horse battery";

struct Bytes {
    log: Vec<u8>,
    all: Vec<u8>,
}

/// The log, and the database with its journal.
fn bytes_of(folder: &Path) -> Bytes {
    let log = std::fs::read(folder.join("log")).unwrap();
    let mut all = log.clone();
    for name in ["hrm.sqlite", "hrm.sqlite-wal"] {
        all.extend(std::fs::read(folder.join("data").join(name)).unwrap_or_default());
    }
    assert!(contains(&all, b"demo-anna"), "the search would find something");
    Bytes { log, all }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
