//! Outages, restarts and kills: nothing that was accepted is lost, nothing happens twice, and no secret is left lying.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::json;
use support::{ANNA, Answer, Server, World, code_in, until};

/// The real program, in a process of its own.
struct Program {
    child: Child,
    server: Server,
}

impl Program {
    fn start(folder: &Path) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hrm-backend"))
            .args(["demo", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder.join("data"))
            .env("HRM_LOG", "debug,hyper_util=info")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        // Reads on, so that the program never writes into a closed pipe.
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, server: Server::at(url) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL on Unix.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_backend_killed_before_the_mail_is_delivered_sends_it_once_after_its_restart() {
    let folder = tempfile::TempDir::new().unwrap();
    let first = Program::start(folder.path());
    first.server.faults(json!({ "mail": "delay" })).await;
    let anna = first.server.sign_in("anna.svensson").await;
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    assert!(first.server.inbox().await.is_empty());
    drop(first);

    let second = Program::start(folder.path());
    let code = code_in(&second.server.wait_for_mails(ANNA, 1).await[0]);
    let anna = support::Employee { server: second.server.clone(), ..anna };
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    assert_eq!(second.server.mails_to(ANNA).await.len(), 1);
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn a_backend_killed_right_after_accepting_sends_the_mail_at_least_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let first = Program::start(folder.path());
    let anna = first.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    drop(first);
    let second = Program::start(folder.path());
    let anna = support::Employee { server: second.server.clone(), ..anna };
    anna.wait_for_delivery("accepted").await;
    let mails = second.server.mails_to(ANNA).await;
    assert!(!mails.is_empty(), "at least once");
    anna.verify(&code_in(&mails[0])).await.state(200, "linked");
}

#[tokio::test]
async fn an_outage_of_visma_connect_heals_by_itself() {
    let world = World::start().await;
    let anna = world.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&world.server.wait_for_mails(ANNA, 1).await[0]);
    world.server.faults(json!({ "directory": "error" })).await;
    anna.verify(&code).await.state(200, "linking");
    anna.verify(&code).await.state(200, "linking");
    anna.start_over().await.state(200, "linking");
    world.server.faults(json!({ "directory": "ok" })).await;
    assert_eq!(anna.wait_for_status("linked").await["account"]["origin"], "created");
}

#[tokio::test]
async fn an_account_made_without_an_answer_is_found_again_and_was_created() {
    let world = World::start().await;
    let erik = world.server.sign_in("erik.lund").await;
    world.server.faults(json!({ "directory": "create_timeout" })).await;
    erik.send("erik.lund@verified.example").await.state(200, "linking");
    world.server.faults(json!({ "directory": "ok" })).await;
    let state = erik.wait_for_status("linked").await;
    assert_eq!(state["account"]["origin"], "created");
    assert!(world.server.inbox().await.is_empty());
}

#[tokio::test]
async fn a_visma_connect_that_never_answers_is_not_waited_for() {
    let world = World::start().await;
    let erik = world.server.sign_in("erik.lund").await;
    world.server.faults(json!({ "directory": "timeout" })).await;
    erik.send("erik.lund@verified.example").await.state(200, "linking");
    world.server.faults(json!({ "directory": "ok" })).await;
    erik.wait_for_status("linked").await;
}

#[tokio::test]
async fn a_link_that_waits_survives_a_restart() {
    let world = World::start().await;
    let erik = world.server.sign_in("erik.lund").await;
    world.server.faults(json!({ "directory": "error" })).await;
    erik.send("erik.lund@verified.example").await.state(200, "linking");
    let world = world.restart().await;
    let erik = support::Employee { server: world.server.clone(), ..erik };
    erik.wait_for_status("linked").await;
}

#[tokio::test]
async fn an_account_found_taken_in_the_background_ends_the_challenge() {
    let world = World::start().await;
    let (mia, kari) = (world.server.sign_in("mia.berg").await, world.server.sign_in("kari.holm").await);
    let address = "mia.berg@company.com";
    mia.send(address).await.state(202, "codeSent");
    mia.verify(&code_in(&world.server.wait_for_mails(address, 1).await[0])).await.state(200, "linked");
    kari.send(address).await.state(202, "codeSent");
    let code = code_in(&world.server.wait_for_mails(address, 2).await[0]);
    world.server.faults(json!({ "directory": "error" })).await;
    kari.verify(&code).await.state(200, "linking");
    world.server.faults(json!({ "directory": "ok" })).await;
    kari.wait_for_status("notLinked").await;
    kari.verify(&code).await.is(409, "account_taken");
}

#[tokio::test]
async fn the_state_follows_what_the_mail_server_says() {
    let world = World::start().await;
    let anna = world.server.sign_in("anna.svensson").await;
    world.server.faults(json!({ "mail": "refuse" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("bounced").await;
    world.server.faults(json!({ "mail": "delay" })).await;
    world.server.advance(60).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    world.server.faults(json!({ "mail": "ok" })).await;
    anna.wait_for_delivery("accepted").await;
    assert_eq!(world.server.inbox().await.len(), 1, "the refused one is not tried again");
}

#[tokio::test]
async fn a_mail_that_would_come_too_late_is_not_sent() {
    let world = World::start().await;
    let anna = world.server.sign_in("anna.svensson").await;
    world.server.faults(json!({ "mail": "delay" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    world.server.advance(11 * 60).await;
    anna.wait_for_delivery("bounced").await;
    world.server.faults(json!({ "mail": "ok" })).await;
    assert!(world.server.inbox().await.is_empty());
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let world = World::start().await;
    let anna = world.server.sign_in("anna.svensson").await;
    anna.snooze().await;
    world.server.advance(3_600).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    let before = anna.state().await;
    let world = world.restart().await;
    let anna = support::Employee { server: world.server.clone(), ..anna };
    let after = anna.state().await;
    for member in ["status", "challenge", "banner", "suggestions"] {
        assert_eq!(before[member], after[member]);
    }
    let ahead = |state: &serde_json::Value| state["serverTime"].as_str().unwrap().to_owned();
    assert!(ahead(&after) > ahead(&before), "the clock stays ahead");
    let code = code_in(&world.server.mails_to(ANNA).await[0]);
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn no_code_password_or_token_is_in_the_database_or_the_log() {
    let folder = tempfile::TempDir::new().unwrap();
    let program = Program::start(folder.path());
    let anna = program.server.sign_in("anna.svensson").await;
    let body = json!({ "username": "anna.svensson", "password": WRONG_PASSWORD });
    let answer = Answer::of(program.server.request(Method::POST, "/v1/session").json(&body)).await;
    answer.is(401, "bad_credentials");
    program.server.faults(json!({ "mail": "delay" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    let waiting = bytes_of(folder.path());
    program.server.faults(json!({ "mail": "ok" })).await;
    let code = code_in(&program.server.wait_for_mails(ANNA, 1).await[0]);
    anna.verify(&code).await.state(200, "linked");
    until("the notices", async || (program.server.inbox().await.len() == 3).then_some(())).await;
    for (when, bytes) in [("while the mail waits", waiting), ("in the end", bytes_of(folder.path()))] {
        for secret in [&anna.token, ANNA_LOCAL] {
            let is_address = secret == ANNA_LOCAL;
            let place = if is_address { &bytes.log } else { &bytes.all };
            assert!(
                !contains(place, secret.as_bytes()),
                "a secret {when}: {}",
                if is_address { "address in the log" } else { "token" }
            );
        }
        // Six digits turn up in times and hashes by chance, so a code is looked for as a word.
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

/// The log and the database with its journal; not the demo's inbox, which is a mailbox.
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
