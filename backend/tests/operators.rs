//! What an operator does: deactivate, delete, keep for a time, and look after the mails that wait or come back.
//!
//! The tests are multi-threaded: they block while a command runs, and the demo may hold the lock that it needs.

use std::time::Duration;

use crate::support::{ANNA, Answer, Program, TestDemo, light_hash, serve, until};
use futures_util::future::join_all;
use hrm_backend::clock::{Clock, DAY, HOUR, Millis};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const ERIK: &str = "erik.lund@verified.example";

impl TestDemo {
    async fn sign_in_fails(&self, username: &str) {
        let right = json!({ "username": username, "password": "demo" });
        Answer::of(self.server.request(Method::POST, "/v1/session").json(&right)).await.is(401, "bad_credentials");
    }
}

mod deactivation {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_person_signs_out_and_takes_the_code_back() {
        let demo = TestDemo::start().await;
        let anna = demo.server.sign_in("anna.svensson").await;
        anna.send(ANNA).await.state(202, "codeSent");
        assert!(demo.admin(&["deactivate", "Anna.Svensson"]).contains("signed out on 1 devices"));
        Answer::of(anna.request(Method::GET, "/v1/me/visma-connect")).await.is(401, "signed_out");
        demo.sign_in_fails("anna.svensson").await;
        assert!(demo.admin(&["show", "anna.svensson"]).contains("cannot sign in: the person is deactivated since 20"));
        assert!(demo.admin(&["progress", "--company", "demo"]).contains("1 deactivated"));
        assert!(demo.admin_refused(&["deactivate", "anna.svensson"]).contains("is deactivated already"));
        demo.server.sign_in("erik.lund").await;

        demo.admin(&["activate", "anna.svensson"]);
        assert_eq!(demo.server.sign_in("anna.svensson").await.state().await["status"], "notLinked");
        assert!(demo.admin_refused(&["activate", "anna.svensson"]).contains("is not deactivated"));
        let audit: Vec<Value> = serde_json::from_str(&demo.admin(&["audit", "--format", "json"])).unwrap();
        let done: Vec<_> = audit.iter().map(|row| (row["what"].as_str().unwrap(), &row["subject"])).collect();
        let anna = json!("employee demo-anna");
        assert_eq!(done, [("activate", &anna), ("deactivate", &anna)]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn takes_the_session_of_a_call_that_is_under_way() {
        let demo = TestDemo::start().await;
        let erik = demo.server.sign_in("erik.lund").await;
        // The call has found its session, and waits for the lock that the administrator holds.
        demo.execute("UPDATE employees SET deactivated_at = 1 WHERE id = 'demo-erik'").await;
        erik.send(ERIK).await.is(401, "signed_out");
        assert_eq!(demo.count("SELECT COUNT(*) FROM link_jobs").await, 0);
        demo.execute("DELETE FROM sessions").await;
        demo.admin(&["deactivate", "--company", "demo"]);
        assert!(demo.admin(&["activate", "erik.lund"]).contains("is active, but company demo is deactivated"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_ends_their_open_streams() {
        // With SQLite, a stream sees another program's change within a minute.
        if !crate::support::on_postgres() {
            return;
        }
        let demo = TestDemo::start().await;
        let hash = light_hash();
        let people: Vec<_> = (0..150).map(|n| format!("n{n},user{n},{hash},Nils,Ek,nb,NO,")).collect();
        crate::support::import(&demo.database_url, &people);
        let user = demo.server.sign_in("user149").await;
        let mut events = user.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
        crate::support::read_until(&mut events, "notLinked").await;
        demo.admin(&["deactivate", "--company", "acme"]);
        // Before the minute in which it would be seen anyway.
        let end = async { while let Ok(Some(_)) = events.chunk().await {} };
        tokio::time::timeout(Duration::from_secs(20), end).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_company_keeps_only_its_people_out() {
        let demo = TestDemo::start().await;
        crate::support::import(&demo.database_url, &[format!("n1,nils,{},Nils,Ek,nb,NO,", light_hash())]);
        let erik = demo.server.sign_in("erik.lund").await;
        demo.server.faults(json!({ "directory": "error" })).await;
        erik.send(ERIK).await.state(200, "linking");
        assert!(demo.admin(&["deactivate", "--company", "demo"]).contains("signed out on 1 devices"));
        Answer::of(erik.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
        assert_eq!(demo.count("SELECT COUNT(*) FROM link_jobs").await, 0, "nobody is linked who cannot sign in");
        for username in ["erik.lund", "anna.svensson"] {
            demo.sign_in_fails(username).await;
        }
        demo.server.sign_in("nils").await;
        assert!(demo.admin(&["company", "demo"]).contains("(deactivated)"));
        demo.admin(&["activate", "--company", "demo"]);
        assert_eq!(demo.server.sign_in("erik.lund").await.state().await["status"], "notLinked");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn leaves_no_session_of_a_sign_in_that_is_under_way() {
        let demo = TestDemo::start().await;
        let right = json!({ "username": "anna.svensson", "password": "demo" });
        let sign_ins =
            (0..8).map(|_| tokio::spawn(Answer::of(demo.server.request(Method::POST, "/v1/session").json(&right))));
        let sign_ins: Vec<_> = sign_ins.collect();
        demo.admin(&["deactivate", "--company", "demo"]);
        join_all(sign_ins).await;
        assert_eq!(demo.count("SELECT COUNT(*) FROM sessions").await, 0);
    }
}

mod verifying_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn links_everybody_whose_work_address_needs_no_code() {
        let demo = TestDemo::start().await;
        let anna = demo.server.sign_in("anna.svensson").await;
        assert!(demo.admin(&["verify-accounts", "--company", "demo"]).starts_with("1 people would be linked"));
        assert_eq!(demo.count("SELECT COUNT(*) FROM link_jobs").await, 0);
        let other = demo.admin(&["verify-accounts", "--company", "demo", "--domain", "company.com", "--yes"]);
        assert!(other.starts_with("0 people are being linked"), "{other}");
        assert!(
            demo.admin_refused(&["verify-accounts", "--company", "demo", "--domain", "@"]).contains("is not a domain")
        );

        assert!(
            demo.admin(&["verify-accounts", "--company", "demo", "--yes"]).starts_with("1 people are being linked")
        );
        let erik = demo.server.sign_in("erik.lund").await;
        erik.wait_for_status("linked").await;
        assert_eq!(anna.state().await["status"], "notLinked");
        assert!(demo.admin(&["audit"]).contains("verify-accounts"));
        assert!(demo.admin(&["verify-accounts", "--company", "demo"]).starts_with("0 people"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn leaves_out_who_cannot_sign_in_or_has_left() {
        let demo = TestDemo::start().await;
        demo.admin(&["deactivate", "erik.lund"]);
        assert!(demo.admin(&["verify-accounts", "--company", "demo"]).starts_with("0 people"));
        demo.admin(&["activate", "erik.lund"]);
        demo.admin(&["deactivate", "--company", "demo"]);
        assert!(demo.admin(&["verify-accounts", "--company", "demo"]).starts_with("0 people"));
        assert!(demo.admin(&["progress", "--company", "demo"]).contains("4 deactivated"));
        demo.admin(&["activate", "--company", "demo"]);
        let yesterday = hrm_backend::clock::date(Clock::system_now() - DAY).format("%Y-%m-%d").to_string();
        demo.admin(&["leaving-date", "erik.lund", &yesterday]);
        assert!(demo.admin(&["verify-accounts", "--company", "demo"]).starts_with("0 people"));
        let done = demo.admin(&["verify-accounts", "--company", "demo", "--yes"]);
        assert!(done.starts_with("0 people are being linked"), "{done}");
        assert_eq!(demo.count("SELECT COUNT(*) FROM link_jobs").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_of_a_company_that_was_deleted() {
    let demo = TestDemo::start().await;
    let row = format!("n1,nilsen,{},Nilsa,Ekberg,nb,NO,nilsen@acme.example", light_hash());
    crate::support::import(&demo.database_url, &[row]);
    demo.admin(&["company", "acme", "--contact-email", "greta@acme.example", "--verified", "acme.example"]);
    demo.admin(&["leaving-date", "nilsen", "2099-01-01"]);
    let nils = demo.server.sign_in("nilsen").await;
    nils.send("nilsen@acme.example").await.state(202, "codeSent");
    nils.wait_for_delivery("accepted").await;
    let wrong = json!({ "username": "nilsen", "password": "wrong" });
    Answer::of(demo.server.request(Method::POST, "/v1/session").json(&wrong)).await.is(401, "bad_credentials");
    let name_hash = hrm_backend::keys::sha256("nilsen");
    let texts = ["nilsen", "nilsa", "ekberg", "acme.example", "greta", "employee n1", name_hash.as_str()];
    for text in texts {
        assert!(!demo.search(&[text]).await.is_empty(), "{text}: the search finds nothing");
    }
    let output = demo.admin_refused(&["delete-company", "acme"]);
    assert!(output.contains("with 1 people for good; 0 of them are linked"), "{output}");

    let rows = demo.count("SELECT COUNT(*) FROM audit").await;
    demo.admin(&["delete-company", "acme", "--yes"]);
    assert_eq!(demo.search(&texts).await, Vec::<String>::new());
    assert_eq!(demo.count("SELECT COUNT(*) FROM audit").await, rows + 1, "that something was done stays");
    Answer::of(nils.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
    assert!(demo.admin_refused(&["progress", "--company", "acme"]).contains("There is no company acme"));
    demo.server.sign_in("anna.svensson").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_keeps_a_change_for_two_years() {
    let demo = TestDemo::start().await;
    demo.admin(&["company", "demo", "--policy", "never"]);
    demo.admin(&["company", "demo", "--policy", "always"]);
    let aged = |policy: &str, days: i64| {
        let at = Clock::system_now() - days * DAY;
        format!("UPDATE audit SET at = {at} WHERE new_value LIKE '%\"policy\":\"{policy}\"%'")
    };
    demo.execute(&aged("never", 731)).await;
    demo.execute(&aged("always", 729)).await;
    // The hourly sweep.
    demo.server.advance(3_601).await;
    until("the sweep", async || (demo.count("SELECT COUNT(*) FROM audit").await < 2).then_some(())).await;
    assert!(demo.admin(&["audit", "--format", "json"]).contains(r#"\"policy\":\"always\""#));
}

mod a_session {
    use super::*;

    async fn number(database_url: &str, query: &'static str) -> Millis {
        crate::support::count(database_url, query).await
    }

    /// A backend whose sessions end after a day without use.
    async fn start() -> (TestDemo, TempDir, String, Program) {
        let demo = TestDemo::start().await;
        let folder = TempDir::new().unwrap();
        let database_url = crate::support::database_url(folder.path()).await;
        crate::support::import(&database_url, &[format!("n1,nils,{},Nils,Ek,nb,NO,", light_hash())]);
        let program = Program::start(serve(&database_url, &demo.running).env("HRM_SESSION_IDLE_DAYS", "1"));
        (demo, folder, database_url, program)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_used_does_not_end() {
        let (_demo, _folder, url, program) = start().await;
        let nils = program.server.sign_in("nils").await;
        let left = async || number(&url, "SELECT expires_at FROM sessions").await - Clock::system_now();
        assert!((DAY - HOUR..=DAY).contains(&left().await));
        crate::support::execute(&url, &format!("UPDATE sessions SET expires_at = expires_at - {}", 20 * HOUR)).await;
        nils.state().await;
        assert!((DAY - HOUR..=DAY).contains(&left().await), "use prolongs it");

        let end = Clock::system_now() + 3 * HOUR;
        crate::support::execute(&url, &format!("UPDATE sessions SET ends_at = {end}, expires_at = {}", end - 2 * HOUR))
            .await;
        Answer::of(nils.request(Method::GET, "/v1/session")).await;
        assert_eq!(number(&url, "SELECT expires_at FROM sessions").await, end, "but not beyond its end");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_not_used_ends() {
        let (_demo, _folder, url, program) = start().await;
        let nils = program.server.sign_in("nils").await;
        crate::support::execute(&url, &format!("UPDATE sessions SET expires_at = {}", Clock::system_now() - 1)).await;
        Answer::of(nils.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
    }
}

mod a_mail_that_waits {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn is_listed_with_its_problem_and_tried_again_at_once() {
        let demo = TestDemo::start().await;
        assert_eq!(demo.admin(&["mails", "--company", "demo"]), "No mail waits.\n");
        assert!(demo.admin_refused(&["retry-mails", "--company", "demo"]).contains("No mail waits"));
        let anna = demo.server.sign_in("anna.svensson").await;
        demo.server.faults(json!({ "mail": "delay" })).await;
        anna.send(ANNA).await.state(202, "codeSent");
        anna.wait_for_delivery("deferred").await;
        let list = demo.admin(&["mails", "--company", "demo"]);
        assert!(list.contains("anna.svensson  code  20") && list.contains("got the reply 4"), "{list}");
        assert!(!list.contains('@'), "{list}");

        // Longer than the test waits.
        let later = Clock::system_now() + HOUR;
        until("the last try to end", async || {
            demo.execute(&format!("UPDATE outbox SET next_at = {later} WHERE lease_until = 0")).await;
            (demo.count("SELECT MIN(next_at) FROM outbox").await == later).then_some(())
        })
        .await;
        demo.server.faults(json!({ "mail": "ok" })).await;
        assert!(demo.admin(&["retry-mails", "--company", "demo"]).starts_with("1 mails are tried again"));
        demo.server.wait_for_code(ANNA, 1).await;
        anna.wait_for_delivery("accepted").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn is_given_up_and_the_app_says_so() {
        let demo = TestDemo::start().await;
        let anna = demo.server.sign_in("anna.svensson").await;
        assert!(demo.admin_refused(&["give-up-mails", "anna.svensson"]).contains("No mail waits for"));
        demo.server.faults(json!({ "mail": "delay" })).await;
        anna.send(ANNA).await.state(202, "codeSent");
        anna.wait_for_delivery("deferred").await;
        assert!(demo.admin(&["give-up-mails", "anna.svensson"]).starts_with("1 mails to anna.svensson are given up"));
        assert_eq!(anna.state().await["challenge"]["delivery"], "failed");
        assert_eq!(demo.count("SELECT COUNT(*) FROM outbox").await, 0);
    }
}
