//! The administrator's commands, while a demo uses the same database.
//!
//! The tests are multi-threaded: they block while a command runs, and the demo may hold the lock that it needs.

use crate::support::{ANNA, Answer, TestDemo, admin, code_in, light_hash, until};
use reqwest::Method;
use serde_json::{Value, json};

const HEADING: &str = "id,username,password_hash,first_name,last_name,language,country,addresses";

impl TestDemo {
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
    for line in ["row 2  nils  new", "row 3  anna.svensson  changed: language", "1 new, 1 changed, 0 unchanged"] {
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
    let output = demo.admin_refused(&["import", "--company", "demo", &file]);
    for fault in [
        "row 3, id: “n1” is in row 2 already",
        "row 4, username: “anna.svensson” is the user name of somebody else",
        "row 5, password_hash: is empty, and the person is new",
        "row 6, password_hash: is not a password hash",
        "row 7, language: “de” is not a language of the mails: write en, sv, nb, da or fi",
        "row 8, country: “Norway” is not a country: write its two letters",
        "row 9, addresses: “nora@” is not an e-mail address",
        "row 10: has 2 cells, not 8",
        "8 faults: nothing was changed.",
    ] {
        assert!(output.contains(fault), "{fault} is not in: {output}");
    }
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
    assert!(demo.admin_refused(&["dry-run", "--company", "nowhere"]).contains("no company nowhere"));
    assert!(demo.admin_refused(&["company", "demo", "--verified", "not a domain"]).contains("not a domain"));

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
    assert!(demo.admin_refused(&["unlink", "erik.lund"]).contains("is not linked"));
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
    assert!(demo.admin_refused(&["unlink", "nobody"]).contains("no user nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_lifted_by_the_administrator() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    assert!(demo.admin_refused(&["lift-lock", "anna.svensson"]).contains("is not locked"));
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
    let mut command = crate::support::program();
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

#[tokio::test(flavor = "multi_thread")]
async fn the_name_is_given_before_or_after_the_command() {
    let demo = TestDemo::start().await;
    let run = |args: &[&str]| {
        let output =
            crate::support::program().arg("admin").args(args).env("DATABASE_URL", &demo.database_url).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["--by", "Ada", "company", "one", "--name", "One"]);
    run(&["company", "two", "--name", "Two", "--by", "Bo"]);
    run(&["company", "--by", "Cy", "three", "--name", "Three"]);
    let who: Vec<_> = demo.audit().iter().map(|row| row["who"].as_str().unwrap().to_owned()).collect();
    assert_eq!(who, ["Cy", "Bo", "Ada"]);
    let (done, output) = admin(&demo.database_url, &["company", "four", "--name", "F\u{7}our"]);
    assert!(!done && output.contains("The company's name has an invisible character (U+0007)"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_is_shown_without_options() {
    let demo = TestDemo::start().await;
    assert!(demo.admin(&["company", "demo"]).starts_with("demo: {"));
    assert!(demo.admin_refused(&["company", "nowhere"]).contains("There is no company nowhere. To create it"));
    demo.admin(&["company", "acme", "--name", "Acme AB"]);
    let all = demo.admin(&["company"]);
    assert_eq!(all.lines().map(|line| line.split(':').next().unwrap()).collect::<Vec<_>>(), ["acme", "demo"]);
    assert!(demo.admin_refused(&["company", "--name", "Who"]).contains("Which company?"));
    assert_eq!(demo.audit().len(), 1, "a look leaves no trace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_set_changed_and_cleared() {
    let demo = TestDemo::start().await;
    let contact = |output: String| {
        let json = output.trim().split_once(": ").unwrap().1.to_owned();
        serde_json::from_str::<Value>(&json).unwrap()["contact"].clone()
    };
    let create = ["company", "acme", "--name", "Acme AB", "--contact-phone", " +46 (0)8-555 010 00 "];
    assert_eq!(contact(demo.admin(&create)), json!({ "phone": "+46 (0)8-555 010 00" }));
    let change = ["company", "acme", "--contact-name", "Löner", "--contact-email", "hr@räksmörgås.example"];
    let all = json!({ "name": "Löner", "phone": "+46 (0)8-555 010 00", "email": "hr@räksmörgås.example" });
    assert_eq!(contact(demo.admin(&change)), all);
    let clear =
        ["company", "acme", "--contact-phone", "", "--contact-email", " ", "--contact-url", "https://a.example/"];
    let left = json!({ "name": "Löner", "url": "https://a.example/" });
    assert_eq!(contact(demo.admin(&clear)), left);
    assert_eq!(contact(demo.admin(&["company", "acme", "--policy", "never"])), left, "the rest keeps it");
    assert_eq!(contact(demo.admin(&["company", "acme"])), left);
    let audit = demo.audit();
    let of_row = |row: usize, when: &str| contact(format!(": {}", audit[row][when].as_str().unwrap()));
    assert_eq!((of_row(1, "old"), of_row(1, "new")), (all, left.clone()));

    for (option, value, why) in [
        ("--contact-phone", "ring HR", "The contact's phone number “ring HR” is not a phone number"),
        ("--contact-phone", "*#06#", "is not a phone number"),
        ("--contact-phone", "12", "is not a phone number: 3 to 15 digits"),
        ("--contact-email", "hr", "The contact's e-mail address “hr” is not an e-mail address"),
        ("--contact-email", "hr@company.com?bcc=eve@evil.example", "is not an e-mail address"),
        ("--contact-url", "http://company.com/", "is not an https address, as https://company.com/hr"),
        ("--contact-url", "javascript:alert(1)", "is not an https address"),
        ("--contact-url", "company.com/hr", "is not an https address"),
        ("--contact-name", "H\u{7}R", "has an invisible character (U+0007)"),
        ("--contact-name", &"x".repeat(101), "has 101 characters: 100 is the most"),
    ] {
        let output = demo.admin_refused(&["company", "acme", option, value]);
        assert!(output.contains(why), "{value}: {output}");
    }
    assert_eq!(contact(demo.admin(&["company", "acme"])), left);
    assert_eq!(demo.audit().len(), audit.len(), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_output_ends_with_one_line_end() {
    let demo = TestDemo::start().await;
    let file = demo.csv(&[]);
    for args in [
        &["company", "demo"][..],
        &["import", "--company", "demo", &file],
        &["dry-run", "--company", "demo"],
        &["progress", "--company", "demo"],
        &["progress", "--company", "demo", "--format", "csv"],
        &["progress", "--company", "demo", "--format", "json"],
        &["show", "anna.svensson"],
        &["export", "anna.svensson"],
        &["audit"],
        &["audit", "--format", "csv"],
    ] {
        let output = demo.admin(args);
        assert!(output.ends_with('\n') && !output.ends_with("\n\n"), "{args:?}: {output:?}");
    }
    for args in [&["show", "nobody"][..], &["company", "nowhere"]] {
        assert!(demo.admin_refused(args).ends_with(".\n") || demo.admin_refused(args).ends_with("…\n"), "{args:?}");
    }
}

fn without_a_name(demo: &TestDemo, args: &[&str]) -> std::process::Command {
    let mut command = crate::support::program();
    command.arg("admin").args(args).env("DATABASE_URL", &demo.database_url);
    for name in ["HRM_ADMIN", "SUDO_USER", "USER", "USERNAME"] {
        command.env_remove(name);
    }
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_change_needs_to_know_who_makes_it() {
    let demo = TestDemo::start().await;
    let file = demo.csv(&[]);
    for args in
        [&["company", "demo"][..], &["show", "anna.svensson"], &["import", "--company", "demo", "--dry-run", &file]]
    {
        let output = without_a_name(&demo, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for args in [&["company", "demo", "--policy", "never"][..], &["import", "--company", "demo", &file]] {
        let output = without_a_name(&demo, args).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("Use --by NAME"), "{args:?}");
    }
    assert!(demo.audit().is_empty());
}

/// As `hrm-backend admin progress | head -1` does.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_enough_is_no_fault() {
    let demo = TestDemo::start().await;
    let mut command = without_a_name(&demo, &["export", "anna.svensson"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_shown_with_what_waits_and_why() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.server.faults(serde_json::json!({ "mail": "delay" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    let shown = demo.admin(&["show", "Anna.Svensson"]);
    for line in [
        "anna.svensson: Anna Svensson, id demo-anna, company demo",
        "state: codeSent",
        &format!("last try: {ANNA}, under way, 0 wrong codes, last mail deferred"),
        "signed in on 1 devices",
        "mail waits: attempts ",
    ] {
        assert!(shown.contains(line), "{line} is not in: {shown}");
    }
    let erik = demo.server.sign_in("erik.lund").await;
    erik.send("erik.lund@verified.example").await.state(200, "linked");
    let shown = demo.admin(&["show", "erik.lund"]);
    assert!(shown.contains("linked to erik.lund@verified.example (created account) at 20"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_ends_the_sessions_of_one_person() {
    let demo = TestDemo::start().await;
    let (anna, erik) = (demo.server.sign_in("anna.svensson").await, demo.server.sign_in("erik.lund").await);
    demo.server.sign_in("anna.svensson").await;
    assert!(demo.admin(&["end-sessions", "anna.svensson"]).contains("signed out on 2 devices"));
    Answer::of(anna.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
    assert_eq!(erik.state().await["status"], "notLinked");
    assert!(demo.admin_refused(&["end-sessions", "anna.svensson"]).contains("is not signed in"));
    assert_eq!(demo.audit()[0]["what"], "end-sessions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linking_that_does_not_end_is_cancelled() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    assert!(demo.admin_refused(&["cancel-linking", "erik.lund"]).contains("is not being linked"));
    demo.server.faults(serde_json::json!({ "directory": "error" })).await;
    erik.send_with_key("erik.lund@verified.example", "k").await.state(200, "linking");
    assert!(demo.admin(&["show", "erik.lund"]).contains("linking: address erik.lund@verified.example"));
    demo.admin(&["cancel-linking", "erik.lund"]);
    assert_eq!(erik.state().await["status"], "notLinked");
    assert!(demo.audit()[0]["old"].as_str().unwrap().contains("erik.lund@verified.example"));
    demo.server.faults(serde_json::json!({ "directory": "ok" })).await;
    erik.send_with_key("erik.lund@verified.example", "k").await.state(200, "linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_filtered_and_paged() {
    let demo = TestDemo::start().await;
    let hash = light_hash();
    let rows: Vec<_> = (0..103).map(|at| format!("n{at},user{at},{hash},Nils,Ek,nb,NO,")).collect();
    demo.admin(&["import", "--company", "demo", &demo.csv(&rows.iter().map(String::as_str).collect::<Vec<_>>())]);
    demo.admin(&["company", "demo", "--policy", "never"]);
    let list = |args: &[&str]| -> Vec<Value> {
        serde_json::from_str(&demo.admin(&[&["audit", "--format", "json"], args].concat())).unwrap()
    };
    assert_eq!(list(&[]).len(), 104);
    assert_eq!(list(&["--what", "company"]).len(), 1);
    assert_eq!(list(&["--user", "USER7"])[0]["subject"], "employee n7");
    assert_eq!(list(&["--who", "the test"]).len(), 104);
    assert!(list(&["--who", "nobody"]).is_empty());
    assert_eq!(list(&["--since", "2020-01-01", "--until", "2100-01-01"]).len(), 104);
    assert!(list(&["--until", "2020-01-01T00:00:00Z"]).is_empty());
    assert!(demo.admin_refused(&["audit", "--since", "yesterday"]).contains("write a day as 2026-11-26"));
    let mut paged: Vec<Value> =
        (1..=4).flat_map(|page| list(&["--limit", "30", "--page", &page.to_string()])).collect();
    assert_eq!(paged.len(), 104);
    paged.dedup();
    assert_eq!(paged, list(&[]), "each row is on one page");
    let table = demo.admin(&["audit"]);
    assert_eq!(table.lines().filter(|line| line.contains("the test")).count(), 100);
    assert!(table.ends_with("\n\nOlder rows: --page 2\n"), "{table}");
    assert!(!demo.admin(&["audit", "--page", "2"]).contains("Older rows"));
}

mod one_person {
    use hrm_backend::clock::Clock;

    use super::*;

    /// Anna with a row in every table about people.
    async fn busy_anna(demo: &TestDemo) {
        let anna = demo.server.sign_in("anna.svensson").await;
        let heading = "id,first_name,last_name\n";
        let path = demo.folder.path().join("names.csv");
        std::fs::write(&path, format!("{heading}demo-anna,Anneli,Svensdotter\n")).unwrap();
        demo.admin(&["import", "--company", "demo", path.to_str().unwrap()]);
        anna.send(ANNA).await.state(202, "codeSent");
        let code = demo.server.wait_for_code(ANNA, 1).await;
        anna.verify(&code).await.state(200, "linked");
        demo.admin(&["unlink", "anna.svensson"]);
        anna.wait_for_status("notLinked").await;
        demo.server.faults(serde_json::json!({ "mail": "delay", "directory": "error" })).await;
        demo.execute(
            "INSERT INTO links (employee_id, company_id, visma_user_id, address, origin, linked_at)
             VALUES ('demo-anna', 'demo', 'annas-account', 'anna.svensson@gmail.com', 'created', 1)",
        )
        .await;
        // Jobs that nobody runs during the test.
        let later = Clock::system_now() + 1_800_000;
        demo.execute(&format!(
            "INSERT INTO outbox (id, employee_id, recipient, sealed, created_at, next_at, lease_until)
             VALUES ('mail', 'demo-anna', 'anna.svensson@user.com', 'sealed', 1, {later}, 0)",
        ))
        .await;
        demo.execute(&format!(
            "INSERT INTO link_jobs (employee_id, challenge_id, address, created_at, next_at, lease_until)
             SELECT 'demo-anna', MIN(id), 'anna.svensson@company.com', 1, {later}, 0 FROM challenges",
        ))
        .await;
        demo.execute(
            "INSERT INTO idempotency (employee_id, key_hash, fingerprint, status, body, created_at, running_until)
             VALUES ('demo-anna', 'k', 'f', 200, '{\"to\":\"anna.svensson@company.com\"}', 1, 0)",
        )
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_export_has_all_that_is_kept_and_no_secret() {
        let demo = TestDemo::start().await;
        busy_anna(&demo).await;
        let text = demo.admin(&["export", "anna.svensson"]);
        let kept: Value = serde_json::from_str(&text).unwrap();
        let tables = [
            "employees",
            "employee_addresses",
            "sessions",
            "challenges",
            "codes",
            "links",
            "link_jobs",
            "outbox",
            "idempotency",
            "audit",
        ];
        for table in tables {
            assert!(!kept[table].as_array().unwrap_or_else(|| panic!("no {table}")).is_empty(), "{table} is empty");
        }
        assert_eq!(kept["employees"][0]["first_name"], "Anneli");
        assert_eq!(kept["employees"][0]["password_hash"], "(kept, not shown)");
        assert_eq!(kept["links"][0]["linked_at"], "1970-01-01T00:00:00.001+00:00");
        assert_eq!(kept["audit"][0]["old"]["firstName"], "Anna");
        assert!(!text.contains("argon2") && !text.contains("\"sealed\": \"sealed"), "{text}");
        assert!(!text.contains("erik"), "only about Anna");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_is_found_of_a_person_who_was_deleted() {
        let demo = TestDemo::start().await;
        busy_anna(&demo).await;
        let anna = demo.server.sign_in("anna.svensson").await;
        // A failed sign-in is counted under a hash of the user name.
        let wrong = serde_json::json!({ "username": "anna.svensson", "password": "wrong" });
        Answer::of(demo.server.request(Method::POST, "/v1/session").json(&wrong)).await.is(401, "bad_credentials");
        let name_hash = hrm_backend::keys::sha256("anna.svensson");
        let texts = ["demo-anna", "anna.svensson", "anneli", "svensdotter", "svensson", "annas-account", &name_hash];
        for text in texts {
            assert!(!demo.search(&[text]).await.is_empty(), "{text}: the search finds nothing");
        }
        let output = demo.admin_refused(&["delete", "anna.svensson"]);
        assert!(output.contains("1 in employees") && output.contains("3 in employee_addresses"), "{output}");
        assert!(output.contains("To do it: --yes"), "{output}");

        let rows = demo.audit().len();
        let output = demo.admin(&["delete", "anna.svensson", "--yes"]);
        assert_eq!(demo.search(&texts).await, Vec::<String>::new());
        let audit = demo.audit();
        assert_eq!(audit.len(), rows + 1, "that something was done stays");
        assert_eq!((audit[0]["what"].as_str(), audit[0]["who"].as_str()), (Some("delete"), Some("the test")));
        let pseudonym = audit[0]["subject"].as_str().unwrap();
        assert!(pseudonym.starts_with("deleted person ") && output.contains(pseudonym), "{output}");
        assert_eq!(audit.iter().filter(|row| row["subject"] == pseudonym).count(), 3, "import, unlink, delete");
        Answer::of(anna.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
        assert!(demo.admin_refused(&["show", "anna.svensson"]).contains("There is no user"));
        demo.server.sign_in("erik.lund").await;
    }
}
