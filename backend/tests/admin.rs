//! The administrator's commands, while a demo uses the same database.
//!
//! The tests are multi-threaded: they block while a command runs, and the demo may hold the lock that it needs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use reqwest::Method;
use serde_json::Value;
use support::{ANNA, Answer, TestDemo, admin, code_in, light_hash, until};

const HEADING: &str = "id,username,password_hash,first_name,last_name,language,country,addresses";

impl TestDemo {
    fn admin(&self, args: &[&str]) -> String {
        let (done, output) = admin(&self.database_url, args);
        assert!(done, "{args:?}: {output}");
        output
    }

    fn refused(&self, args: &[&str]) -> String {
        let (done, output) = admin(&self.database_url, args);
        assert!(!done, "{args:?}: {output}");
        output
    }

    fn csv(&self, rows: &[&str]) -> String {
        let path = self.folder.path().join("people.csv");
        std::fs::write(&path, format!("{HEADING}\n{}\n", rows.join("\n"))).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn audit(&self) -> Vec<Value> {
        serde_json::from_str(&self.admin(&["audit", "--format", "json"])).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_what_the_import_then_does() {
    let demo = TestDemo::start().await;
    let hash = light_hash();
    let (nils, anna) = (
        format!("n1,Nils,{hash},Nils,Ek,no,NO,nils@company.com;nils@home.example"),
        "demo-anna,anna.svensson,,Anna,Svensson,sv,SE,anna.svensson@company.com anna.svensson@gmail.com anna.svensson@user.com",
    );
    let file = demo.csv(&[&nils, anna]);
    let output = demo.admin(&["import", "--company", "demo", "--dry-run", &file]);
    for line in ["line 2  Nils  new", "line 3  anna.svensson  changed: language", "1 new, 1 changed, 0 unchanged"] {
        assert!(output.contains(line), "{line} is not in: {output}");
    }
    assert_eq!(demo.count("SELECT COUNT(*) FROM employees").await, 4);
    assert!(demo.audit().is_empty(), "a dry run leaves no trace");

    let done = demo.admin(&["import", "--company", "demo", &file]);
    assert_eq!(done.trim(), output.trim().strip_suffix("\nThis was a dry run: nothing was changed.").unwrap());
    let nils = demo.server.sign_in("nils").await;
    assert_eq!(nils.state().await["suggestions"][0], "nils@company.com");
    let audit = demo.audit();
    assert_eq!(audit.len(), 2);
    let row = audit.iter().find(|row| row["subject"] == "employee demo-anna").unwrap();
    assert_eq!((row["who"].as_str(), row["what"].as_str()), (Some("the test"), Some("import")));
    assert!(row["old"].as_str().unwrap().contains(r#""language":"en""#), "{row}");
    assert!(row["new"].as_str().unwrap().contains(r#""language":"sv""#), "{row}");
    assert!(row["time"].is_string());
    assert!(!row.to_string().contains("argon2"), "no hash in the audit");
    assert!(demo.admin(&["import", "--company", "demo", &file]).contains("0 new, 0 changed, 2 unchanged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_import_changes_nothing_and_lists_every_error() {
    let demo = TestDemo::start().await;
    let hash = light_hash();
    let file = demo.csv(&[
        &format!("n1,nils,{hash},Nils,Ek,nb,NO,nils@company.com"),
        &format!("n1,nils2,{hash},Nils,Ek,nb,NO,"),
        &format!("n3,ANNA.svensson,{hash},Nils,Ek,nb,NO,"),
        "n4,nora,,Nora,Ek,nb,NO,",
        "n5,nora,secret,Nora,Ek,nb,NO,",
        &format!("n6,nora,{hash},Nora,Ek,de,NO,"),
        &format!("n7,nora,{hash},Nora,Ek,nb,Norway,"),
        &format!("n8,nora,{hash},Nora,Ek,nb,NO,nora@"),
        "n9,nora",
    ]);
    let output = demo.refused(&["import", "--company", "demo", &file]);
    for (line, fault) in [
        (3, "a line above has it"),
        (4, "belongs to somebody else"),
        (5, "needs a password_hash"),
        (6, "not an Argon2 hash"),
        (7, "language must be en, sv, nb, da or fi"),
        (8, "two capital letters"),
        (9, "nora@ is not an e-mail address"),
        (10, "CSV"),
    ] {
        let row = output.lines().find(|row| row.contains(&format!("line {line} "))).unwrap();
        assert!(row.contains(fault), "{fault} is not in: {row}");
    }
    assert!(output.contains("1 new, 0 changed, 0 unchanged, 8 with errors"), "{output}");
    assert_eq!(demo.count("SELECT COUNT(*) FROM employees").await, 4);
    assert!(demo.audit().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_tried_in_a_dry_run_and_set_at_run_time() {
    let demo = TestDemo::start().await;
    let hash = light_hash();
    // Two people share an address, in different case.
    let file = demo.csv(&[
        &format!("p1,one,{hash},One,P,en,SE,Desk@company.com"),
        &format!("p2,two,{hash},Two,P,en,SE,desk@company.com"),
    ]);
    demo.admin(&["import", "--company", "demo", &file]);
    let output = demo.admin(&["dry-run", "--company", "demo"]);
    assert!(output.starts_with("1 would be linked at once, 2 need a code, 1 have no address, 2 share one"), "{output}");
    let output = demo.admin(&["dry-run", "--company", "demo", "--policy", "never", "--allowed", "company.com"]);
    assert!(
        output.starts_with("2 would be linked at once, 0 need a code, 1 have no address, 2 share one, 1 are"),
        "{output}"
    );
    assert!(demo.refused(&["dry-run", "--company", "nowhere"]).contains("no company nowhere"));
    assert!(demo.refused(&["company", "demo", "--verified", "not a domain"]).contains("not a domain"));

    let anna = demo.server.sign_in("anna.svensson").await;
    demo.admin(&["company", "demo", "--policy", "never", "--verified", "VERIFIED.example,räksmörgås.example"]);
    anna.send(ANNA).await.state(200, "linked");
    let audit = demo.audit();
    assert_eq!(audit[0]["what"], "company");
    assert!(audit[0]["old"].as_str().unwrap().contains("verified_domains"));
    assert!(audit[0]["new"].as_str().unwrap().contains("xn--rksmrgs-5wao1o.example"));
    let rows = audit.len();
    demo.admin(&["company", "demo", "--policy", "never"]);
    assert_eq!(demo.audit().len(), rows, "no change, no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_new_password_ends_the_persons_sessions() {
    let demo = TestDemo::start().await;
    let (anna, erik) = (demo.server.sign_in("anna.svensson").await, demo.server.sign_in("erik.lund").await);
    let import = |hash: &str, language: &str| {
        let row = format!("demo-anna,anna.svensson,{hash},Anna,Svensson,{language},SE,{ANNA}");
        demo.admin(&["import", "--company", "demo", &demo.csv(&[&row])]);
    };
    import("", "sv");
    assert_eq!(anna.state().await["status"], "notLinked");
    import(&light_hash(), "sv");
    Answer::of(anna.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
    assert_eq!(erik.state().await["status"], "notLinked");
    demo.server.sign_in("anna.svensson").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_lists_everybody_in_three_formats() {
    let demo = TestDemo::start().await;
    let (anna, erik, mia) = (
        demo.server.sign_in("anna.svensson").await,
        demo.server.sign_in("erik.lund").await,
        demo.server.sign_in("mia.berg").await,
    );
    demo.server.faults(serde_json::json!({ "mail": "refuse" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("bounced").await;
    erik.send("erik.lund@verified.example").await.state(200, "linked");
    mia.snooze().await;
    let json: Value =
        serde_json::from_str(&demo.admin(&["progress", "--company", "demo", "--format", "json"])).unwrap();
    for (name, sum) in [("linked", 1), ("code_sent", 1), ("snoozed", 1), ("bounced", 1), ("no_address", 1)] {
        assert_eq!(json["sums"][name], sum, "{name}");
    }
    assert_eq!(json["people"][0]["username"], "anna.svensson");
    assert_eq!(json["people"][0]["bounced"], "yes");
    let csv = demo.admin(&["progress", "--company", "demo", "--format", "csv"]);
    assert!(csv.contains("\nkari.holm,Kari,Holm,not started,,,yes,,\n"), "{csv}");
    let table = demo.admin(&["progress", "--company", "demo"]);
    assert!(table.contains("1 linked, 0 linking, 1 code sent, 2 not started"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_who_is_unlinked_can_link_again() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    let address = "erik.lund@verified.example";
    assert!(demo.refused(&["unlink", "erik.lund"]).contains("is not linked"));
    erik.send_with_key(address, "k").await.state(200, "linked");
    demo.admin(&["unlink", "Erik.Lund"]);
    erik.wait_for_status("notLinked").await;
    assert_eq!(
        demo.server.wait_for_mails(address, 1).await[0]["subject"],
        "Your user is no longer linked to a Visma Connect account"
    );
    let audit = &demo.audit()[0];
    assert_eq!(audit["what"], "unlink");
    assert!(audit["old"].as_str().unwrap().contains(address), "{audit}");
    assert_eq!(erik.send_with_key(address, "k").await.state(200, "linked")["account"]["origin"], "existing");
    assert!(demo.refused(&["unlink", "nobody"]).contains("no user nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_lifted_by_the_administrator() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    assert!(demo.refused(&["lift-lock", "anna.svensson"]).contains("is not locked"));
    demo.execute("UPDATE employees SET failed_attempts = 100 WHERE id = 'demo-anna'").await;
    anna.send(ANNA).await.is(423, "linking_locked");
    demo.admin(&["lift-lock", "anna.svensson"]);
    anna.send(ANNA).await.state(202, "codeSent");
    let code = until("the code", async || demo.server.mails_to(ANNA).await.first().map(code_in)).await;
    anna.verify(&code).await.state(200, "linked");
    assert_eq!(demo.audit()[0]["what"], "lift-lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hashed_password_signs_in() {
    use std::io::Write;
    let mut command = support::program();
    let command = command.args(["admin", "hash-password"]).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"demo\n").unwrap();
    let hash = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let demo = TestDemo::start().await;
    let file = demo.csv(&[&format!("n1,nils,\"{}\",Nils,Ek,nb,NO,", hash.trim())]);
    demo.admin(&["import", "--company", "demo", &file]);
    demo.server.sign_in("nils").await;
}
