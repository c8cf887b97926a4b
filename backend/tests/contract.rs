//! The contract from curl's point of view: every path and every problem code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use support::{ANNA, Answer, Program, Server, TestDemo, admin, code_in, wrong_for};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const STATE: &str = "/v1/me/visma-connect";
const CODES: &str = "/v1/me/visma-connect/codes";
const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

#[tokio::test]
async fn anna_gets_a_code_enters_it_and_is_linked() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("Anna.SVENSSON").await;
    let state = anna.state().await;
    assert_eq!(state["status"], "notLinked");
    assert_eq!(state["suggestions"], json!([ANNA, "anna.svensson@gmail.com", "anna.svensson@user.com"]));
    assert_eq!(state["banner"], json!({ "visible": true, "snoozedUntil": null }));
    assert_eq!(state["settingsUrl"]["desktop"], "https://accountsettings.connect.visma.com/");
    assert_eq!(state["settingsUrl"]["mobile"], "https://accountsettings.connect.identity.visma.com/");
    assert!(state.get("challenge").is_none() && state.get("account").is_none());

    let sent = anna.send(ANNA).await.state(202, "codeSent");
    assert_eq!(sent["challenge"]["email"], ANNA);
    assert_eq!(sent["challenge"]["attemptsLeft"], 5);
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    anna.wait_for_delivery("accepted").await;

    let linked = anna.verify(&format!(" {code} ")).await.state(200, "linked");
    assert_eq!(linked["account"]["email"], ANNA);
    assert_eq!(linked["account"]["origin"], "created");
    assert_eq!(linked["banner"]["visible"], false);
    assert!(linked.get("challenge").is_none());

    anna.verify(&code).await.is(409, "already_linked");
    anna.send(ANNA).await.is(409, "already_linked");
    for other in ["anna.svensson@gmail.com", "anna.svensson@user.com"] {
        let notice = &demo.server.wait_for_mails(other, 1).await[0];
        assert!(notice["text"].as_str().unwrap().contains("a…@…"), "{notice}");
    }
    assert_eq!(demo.server.mails_to(ANNA).await.len(), 1, "no notice to the address itself");
}

#[tokio::test]
async fn erik_is_linked_at_once_with_no_mail() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    let linked = erik.send_with_key("Erik.Lund@VERIFIED.example", "k").await.state(200, "linked");
    assert_eq!(linked["account"]["origin"], "created");
    assert!(demo.server.inbox().await.is_empty());
    erik.send_with_key("Erik.Lund@VERIFIED.example", "k").await.state(200, "linked");
}

#[tokio::test]
async fn mia_has_an_account_already() {
    let demo = TestDemo::start().await;
    let mia = demo.server.sign_in("mia.berg").await;
    mia.send("mia.berg@company.com").await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails("mia.berg@company.com", 1).await[0]);
    let linked = mia.verify(&code).await.state(200, "linked");
    assert_eq!(linked["account"]["origin"], "existing");
}

#[tokio::test]
async fn kari_has_no_suggestions_and_can_use_any_address() {
    let demo = TestDemo::start().await;
    let kari = demo.server.sign_in("kari.holm").await;
    assert_eq!(kari.state().await["suggestions"], json!([]));
    kari.send("kari@räksmörgås.example").await.state(202, "codeSent");
    demo.server.wait_for_mails("kari@xn--rksmrgs-5wao1o.example", 1).await;
}

#[tokio::test]
async fn the_mail_has_the_owners_sentences_letter_for_letter() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let mail = &demo.server.wait_for_mails(ANNA, 1).await[0];
    let (text, html) = (mail["text"].as_str().unwrap(), mail["html"].as_str().unwrap());
    let mut rest = text;
    for sentence in [
        "Hi Anna",
        "We're soon updating our login solution to Visma Connect. Verifying your email address is an important step in preparing your account for this change.",
        "Here's what to do:",
        "Enter the code below in Flex HRM to verify your email address.",
        "Once verified, a Visma Connect account will be created for you using this email address and linked to your Flex HRM user",
        "If you already have a Visma Connect account with this email, your existing account will instead be linked to Flex HRM.",
        "Your verification code:",
        &code_in(mail),
        "The code is valid for 30 minutes.",
        "If you don't want to verify your email address or if this message has reached you by mistake, you can simply ignore it. No action will be taken if the code isn't used.",
        "Return to Flex HRM, input the code into the code field, and click the button \"Verify code.\"",
    ] {
        let (_, after) = rest.split_once(sentence).unwrap_or_else(|| panic!("not in the text, in order: {sentence}"));
        rest = after;
        assert!(html.contains(sentence), "not in the HTML: {sentence}");
    }
    assert!(!text.contains("http") && !html.contains("http") && !html.contains("href"), "no link in it");
}

#[tokio::test]
async fn sessions_begin_tell_who_it_is_and_end() {
    let demo = TestDemo::start().await;
    for (username, password) in [("anna.svensson", "wrong"), ("nobody", "demo")] {
        let body = json!({ "username": username, "password": password });
        Answer::of(demo.server.request(Method::POST, "/v1/session").json(&body)).await.is(401, "bad_credentials");
    }
    let anna = demo.server.sign_in("anna.svensson").await;
    let info = Answer::of(anna.request(Method::GET, "/v1/session")).await.body;
    assert_eq!(info["employee"]["firstName"], "Anna");
    assert_eq!(info["employee"]["company"], "Company AB");
    assert!(info["expiresAt"].is_string());
    assert_eq!(Answer::of(anna.request(Method::DELETE, "/v1/session")).await.status, 204);
    Answer::of(anna.request(Method::GET, "/v1/session")).await.is(401, "signed_out");
    Answer::of(demo.server.request(Method::GET, STATE)).await.is(401, "signed_out");
    let later = demo.server.sign_in("anna.svensson").await;
    demo.server.advance(31 * 24 * HOUR).await;
    Answer::of(later.request(Method::GET, STATE)).await.is(401, "signed_out");
}

#[tokio::test]
async fn a_body_that_is_not_what_a_call_takes_is_told_so() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let post = |body: String, kind: &str| {
        let request = anna.request(Method::POST, CODES).header("Idempotency-Key", "k").header("Content-Type", kind);
        Answer::of(request.body(body))
    };
    let json_kind = "application/json";
    post("{".into(), json_kind).await.is(400, "body_invalid");
    post("[]".into(), json_kind).await.is(400, "body_invalid");
    post("{\"email\":5}".into(), json_kind).await.is(400, "body_invalid");
    post("\u{0}".into(), json_kind).await.is(400, "body_invalid");
    post("{\"email\":\"a@b.cd\"}".into(), "text/plain").await.is(415, "body_invalid");
    post(format!("{{\"email\":\"{}\"}}", "a".repeat(17_000)), json_kind).await.is(413, "body_invalid");
    Answer::of(demo.server.request(Method::GET, "/nowhere")).await.is(404, "not_found");
    Answer::of(anna.request(Method::PATCH, STATE)).await.is(405, "method_not_allowed");
}

#[tokio::test]
async fn an_address_that_cannot_get_mail_is_refused() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    for email in ["", "anna", "anna@company", "a b@company.com", "a@company.com\nBcc: c@d.ef"] {
        anna.send(email).await.is(422, "email_invalid");
    }
    assert_eq!(anna.state().await["status"], "notLinked");
}

#[tokio::test]
async fn a_repeated_send_gets_the_stored_answer_and_sends_one_mail() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let missing = anna.request(Method::POST, CODES).json(&json!({ "email": ANNA }));
    Answer::of(missing).await.is(400, "idempotency_key_missing");
    let first = anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    assert_eq!(anna.send_with_key(ANNA, "k").await.state(202, "codeSent"), first);
    anna.send_with_key("anna.svensson@gmail.com", "k").await.is(422, "idempotency_key_reused");
    anna.wait_for_delivery("accepted").await;
    assert_eq!(demo.server.inbox().await.len(), 1);
}

#[tokio::test]
async fn of_100_simultaneous_sends_with_one_key_one_mails_and_the_others_get_its_answer_or_are_told_to_come_back() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let anna = anna.clone();
            tokio::spawn(async move { anna.send_with_key(ANNA, "k").await })
        })
        .collect();
    let mut sent = Vec::new();
    for call in calls {
        let answer = call.await.unwrap();
        if answer.status == 202 {
            sent.push(answer.state(202, "codeSent"));
        } else {
            assert!(answer.retry_after.is_some_and(|seconds| seconds <= 5), "{answer:?}");
            answer.is(409, "request_in_progress");
        }
    }
    assert!(!sent.is_empty());
    let again = anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    assert!(sent.iter().all(|state| *state == again), "one answer for all");
    anna.wait_for_delivery("accepted").await;
    assert_eq!(demo.server.inbox().await.len(), 1);
    assert_eq!(demo.count("SELECT COUNT(*) FROM codes").await, 1);
}

#[tokio::test]
async fn a_send_that_is_repeated_while_it_runs_is_told_to_come_back_and_then_gets_the_answer() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    let address = "erik.lund@verified.example";
    demo.server.faults(json!({ "directory": "timeout" })).await;
    let first = tokio::spawn({
        let erik = erik.clone();
        async move { erik.send_with_key(address, "k").await }
    });
    erik.wait_for_status("linking").await;
    let repeated = erik.send_with_key(address, "k").await;
    assert!(!first.is_finished(), "Visma Connect lets it wait for two seconds");
    assert!(repeated.retry_after.is_some_and(|seconds| seconds <= 6), "{repeated:?}");
    repeated.is(409, "request_in_progress");
    erik.send_with_key("erik@home.example", "k").await.is(422, "idempotency_key_reused");
    let first = first.await.unwrap().state(200, "linking");
    assert_eq!(erik.send_with_key(address, "k").await.state(200, "linking"), first);
}

#[tokio::test]
async fn a_refused_send_gives_its_key_back() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.send_with_key(ANNA, "k").await.is(429, "resend_too_soon");
    demo.server.advance(MINUTE).await;
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
}

#[tokio::test]
async fn an_answer_is_kept_for_24_hours() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let first = anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    demo.server.advance(24 * HOUR - MINUTE).await;
    assert_eq!(anna.send_with_key(ANNA, "k").await.state(202, "codeSent"), first);
    demo.server.advance(MINUTE).await;
    assert_ne!(anna.send_with_key(ANNA, "k").await.state(202, "codeSent"), first, "another code");
}

#[tokio::test]
async fn a_resend_waits_60_seconds_and_5_in_an_hour_and_10_in_a_day_are_the_most() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let soon = anna.send(ANNA).await;
    assert!(soon.retry_after.is_some_and(|seconds| (55..=60).contains(&seconds)), "{soon:?}");
    soon.is(429, "resend_too_soon");
    // Another address obeys the same wait.
    anna.send("anna.svensson@gmail.com").await.is(429, "resend_too_soon");
    for _ in 0..4 {
        demo.server.advance(MINUTE).await;
        anna.send(ANNA).await.state(202, "codeSent");
    }
    demo.server.advance(MINUTE).await;
    let many = anna.send(ANNA).await;
    assert!(many.retry_after.is_some_and(|seconds| seconds > 3_000), "{many:?}");
    many.is(429, "too_many_codes");
    anna.start_over().await.state(200, "notLinked");
    anna.send(ANNA).await.is(429, "too_many_codes");
    for _ in 0..5 {
        demo.server.advance(HOUR).await;
        anna.send(ANNA).await.state(202, "codeSent");
    }
    demo.server.advance(HOUR).await;
    anna.send(ANNA).await.is(429, "too_many_codes");
}

#[tokio::test]
async fn a_resend_keeps_the_first_code_and_the_attempts() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let first = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    let wrong = anna.verify(&wrong_for(std::slice::from_ref(&first))).await.is(422, "code_wrong");
    assert_eq!(wrong["attemptsLeft"], 4);
    demo.server.advance(MINUTE).await;
    let state = anna.send("anna.svensson@COMPANY.com").await.state(202, "codeSent");
    assert_eq!(state["challenge"]["attemptsLeft"], 4, "the same mailbox, the same challenge");
    demo.server.wait_for_mails(ANNA, 2).await;
    anna.verify(&first).await.state(200, "linked");
}

#[tokio::test]
async fn another_address_kills_the_codes_before_it() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let first = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    demo.server.advance(MINUTE).await;
    let state = anna.send("anna.svensson@gmail.com").await.state(202, "codeSent");
    assert_eq!(state["challenge"]["email"], "anna.svensson@gmail.com");
    anna.verify(&first).await.is(422, "code_wrong");
}

#[tokio::test]
async fn five_wrong_codes_end_the_challenge_and_a_new_send_begins_another() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.verify("123456").await.is(409, "no_challenge");
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    let wrong = wrong_for(std::slice::from_ref(&code));
    for text in ["", "12345", "1234567", "abcdef", "123 456", "１２３４５６"] {
        assert_eq!(anna.verify(text).await.is(422, "code_format")["attemptsLeft"], 5, "costs no attempt");
    }
    for left in [4, 3, 2, 1] {
        assert_eq!(anna.verify(&wrong).await.is(422, "code_wrong")["attemptsLeft"], left);
    }
    anna.verify(&wrong).await.is(409, "attempts_exhausted");
    assert_eq!(anna.state().await["status"], "notLinked");
    anna.verify(&code).await.is(409, "attempts_exhausted");
    demo.server.advance(MINUTE).await;
    let state = anna.send(ANNA).await.state(202, "codeSent");
    assert_eq!(state["challenge"]["attemptsLeft"], 5);
    let code = code_in(&demo.server.wait_for_mails(ANNA, 2).await[0]);
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn a_code_expires_after_30_minutes_and_is_told_so_for_two_hours() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    demo.server.advance(30 * MINUTE).await;
    assert_eq!(anna.state().await["status"], "notLinked");
    anna.verify(&code).await.is(410, "code_expired");
    anna.verify(&wrong_for(std::slice::from_ref(&code))).await.is(409, "no_challenge");
    demo.server.advance(90 * MINUTE).await;
    anna.verify(&code).await.is(409, "no_challenge");
}

#[tokio::test]
async fn starting_over_drops_the_challenge_and_its_codes() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    anna.start_over().await.state(200, "notLinked");
    anna.verify(&code).await.is(409, "no_challenge");
}

#[tokio::test]
async fn a_hundred_failures_in_a_row_lock_send_and_verify() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    for round in 1..=20 {
        demo.server.advance(3 * HOUR).await;
        anna.send(ANNA).await.state(202, "codeSent");
        let code = code_in(&demo.server.wait_for_mails(ANNA, round).await[0]);
        let wrong = wrong_for(&[code]);
        for _ in 0..5 {
            anna.verify(&wrong).await;
        }
    }
    demo.server.advance(3 * HOUR).await;
    anna.send(ANNA).await.is(423, "linking_locked");
    anna.verify("123456").await.is(423, "linking_locked");
}

#[tokio::test]
async fn one_account_belongs_to_one_user_of_the_company() {
    let demo = TestDemo::start().await;
    let mia = demo.server.sign_in("mia.berg").await;
    mia.send("mia.berg@company.com").await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails("mia.berg@company.com", 1).await[0]);
    mia.verify(&code).await.state(200, "linked");

    let kari = demo.server.sign_in("kari.holm").await;
    kari.send("mia.berg@company.com").await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails("mia.berg@company.com", 2).await[0]);
    let problem = kari.verify(&code).await.is(409, "account_taken");
    assert!(!problem.to_string().contains("mia"), "nothing tells whose it is");
    assert_eq!(kari.state().await["status"], "notLinked");
    kari.verify(&code).await.is(409, "account_taken");
    demo.server.advance(MINUTE).await;
    kari.send("mia.berg@company.com").await.is(409, "account_taken");
    kari.send("kari@home.example").await.state(202, "codeSent");
}

#[tokio::test]
async fn addresses_are_offered_work_first_and_once_whatever_their_case() {
    let demo = TestDemo::start().await;
    demo
        .execute("INSERT INTO employee_addresses (employee_id, position, address) VALUES ('demo-anna', 3, 'ANNA.Svensson@Company.com')")
        .await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let offered = anna.state().await["suggestions"].clone();
    assert_eq!(offered, json!([ANNA, "anna.svensson@gmail.com", "anna.svensson@user.com"]));
}

#[tokio::test]
async fn an_account_is_created_in_the_employees_name_language_and_country() {
    const AINO: &str = "aino.laine@company.com";
    let demo = TestDemo::start().await;
    let finnish = json!({ "name": "finnish" });
    assert!(
        demo.server.request(Method::POST, "/demo/scenario").json(&finnish).send().await.unwrap().status().is_success()
    );
    let aino = demo.server.sign_in("aino.laine").await;
    aino.send(AINO).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(AINO, 1).await[0]);
    aino.verify(&code).await.state(200, "linked");
    let accounts = std::fs::read(demo.folder.path().join("visma-connect.json")).unwrap();
    let accounts: Vec<Value> = serde_json::from_slice(&accounts).unwrap();
    let hers = accounts.iter().find(|account| account["email"] == AINO).unwrap();
    for (member, value) in
        [("first_name", "Aino"), ("last_name", "Laine"), ("preferred_language", "fi-FI"), ("country_code", "FI")]
    {
        assert_eq!(hers[member], value, "{member}");
    }
}

#[tokio::test]
async fn after_linking_a_notice_goes_to_the_other_addresses() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("anna.svensson@gmail.com").await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails("anna.svensson@gmail.com", 1).await[0]);
    anna.verify(&code).await.state(200, "linked");
    for other in [ANNA, "anna.svensson@user.com"] {
        let notice = demo.server.wait_for_mails(other, 1).await[0]["text"].to_string();
        assert!(notice.contains("a…@…") && notice.contains("administrator"), "{notice}");
        assert!(!notice.contains("gmail"), "it does not say which address: {notice}");
    }
    assert_eq!(demo.server.mails_to("anna.svensson@gmail.com").await.len(), 1, "none to the address itself");
}

#[tokio::test]
async fn another_device_of_the_employee_can_enter_the_code() {
    let demo = TestDemo::start().await;
    let phone = demo.server.sign_in("anna.svensson").await;
    let desk = demo.server.sign_in("anna.svensson").await;
    let mut events = desk.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert_eq!(events.headers()["cache-control"], "no-store");
    phone.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    desk.verify(&code).await.state(200, "linked");
    assert_eq!(phone.state().await["status"], "linked");
    let mut heard = String::new();
    while !heard.contains("\"status\":\"linked\"") {
        heard += &String::from_utf8_lossy(&events.chunk().await.unwrap().unwrap());
    }
    assert!(heard.starts_with("event: state\n"), "{heard}");
    assert!(heard.contains("\"status\":\"notLinked\""), "at once");
    assert!(heard.contains("\"status\":\"codeSent\""), "and at every change");
}

#[tokio::test]
async fn a_stranger_cannot_enter_annas_code() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let kari = demo.server.sign_in("kari.holm").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    kari.verify(&code).await.is(409, "no_challenge");
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn a_snooze_hides_the_banner_for_24_hours_of_the_servers_clock() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let state = anna.snooze().await.state(200, "notLinked");
    assert_eq!(state["banner"]["visible"], false);
    demo.server.advance(24 * HOUR - MINUTE).await;
    assert_eq!(anna.state().await["banner"]["visible"], false);
    demo.server.advance(MINUTE).await;
    assert_eq!(anna.state().await["banner"], json!({ "visible": true, "snoozedUntil": null }));
}

#[tokio::test]
async fn of_100_simultaneous_verifications_one_links_and_99_get_clean_answers() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    let calls = (0..100).map(|_| {
        let (anna, code) = (anna.clone(), code.clone());
        tokio::spawn(async move { anna.verify(&code).await })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let answer = call.await.unwrap();
        let status = answer.body["status"].as_str();
        let is_clean = matches!((answer.status, status), (200, Some("linked" | "linking")))
            || (answer.status, answer.body["code"].as_str()) == (409, Some("already_linked"));
        assert!(is_clean, "{answer:?}");
    }
    assert_eq!(anna.state().await["status"], "linked");
    for other in ["anna.svensson@gmail.com", "anna.svensson@user.com"] {
        demo.server.wait_for_mails(other, 1).await;
    }
    let metrics = demo.server.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("hrm_links_total{origin=\"created\"} 1"), "{metrics}");
}

#[tokio::test]
async fn the_server_says_what_it_is_and_documents_itself() {
    let demo = TestDemo::start().await;
    let get = async |path: &str| Answer::of(demo.server.request(Method::GET, path)).await;
    assert_eq!(get("/healthz").await.body, json!({ "service": "flex-hrm-connect", "status": "ok" }));
    assert_eq!(get("/readyz").await.status, 200);
    let document = get("/openapi.json").await.body;
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_hrm-backend")).arg("openapi").output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap(), document);
    let page = demo.server.request(Method::GET, "/demo/inbox").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<h1>Demo inbox</h1>"));
}

#[tokio::test]
async fn the_metrics_count_requests_codes_mails_links_and_what_waits() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails(ANNA, 1).await[0]);
    anna.verify(&wrong_for(std::slice::from_ref(&code))).await.is(422, "code_wrong");
    anna.verify(&code).await.state(200, "linked");
    demo.server.wait_for_metric("hrm_mails_total{answer=\"accepted\"}", 1).await;
    let text = demo.server.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "hrm_http_requests_total{path=\"/v1/me/visma-connect/codes\",status=\"202\"} 1",
        "hrm_http_request_seconds_bucket{",
        "hrm_codes_sent_total 1",
        "hrm_codes_verified_total{verdict=\"correct\"} 1",
        "hrm_codes_verified_total{verdict=\"incorrect\"} 1",
        "hrm_links_total{origin=\"created\"} 1",
        "hrm_outbox_waiting{queue=\"mails\"} ",
        "hrm_outbox_waiting{queue=\"link_jobs\"} 0",
        "hrm_outbox_oldest_seconds{queue=\"mails\"} ",
    ] {
        assert!(text.contains(line), "{line} is not in: {text}");
    }
}

#[tokio::test]
async fn a_reset_brings_everything_back_to_the_first_state() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    erik.send("erik.lund@verified.example").await.state(200, "linked");
    demo.server.advance(HOUR).await;
    demo.server.door("/demo/reset", Value::Null).await;
    Answer::of(erik.request(Method::GET, STATE)).await.is(401, "signed_out");
    let erik = demo.server.sign_in("erik.lund").await;
    let linked = erik.send("erik.lund@verified.example").await.state(200, "linked");
    assert_eq!(linked["account"]["origin"], "created", "the stand-in forgot him too");
}

#[tokio::test]
async fn serve_tells_all_faults_of_its_settings_at_once() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hrm-backend"))
        .args(["serve", "--listen", "nonsense", "--visma-api-url", "http://example.com"])
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    for name in [
        "HRM_LISTEN",
        "DATABASE_URL",
        "HRM_CODE_KEYS",
        "HRM_SMTP_URL",
        "HRM_MAIL_FROM",
        "HRM_VISMA_API_URL",
        "HRM_VISMA_CLIENT_ID",
        "HRM_VISMA_CLIENT_SECRET",
    ] {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
}

#[tokio::test]
async fn serve_has_none_of_the_demos_doors() {
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let program = Program::start(&mut support::serve(&support::database_url(folder.path()).await, &demo.running));
    for (method, path) in [
        (Method::GET, "/demo/inbox"),
        (Method::GET, "/demo/inbox.json"),
        (Method::POST, "/demo/clock"),
        (Method::POST, "/demo/faults"),
        (Method::POST, "/demo/reset"),
        (Method::GET, "/demo/scenarios"),
        (Method::POST, "/demo/scenario"),
    ] {
        Answer::of(program.server.request(method, path).json(&json!({}))).await.is(404, "not_found");
    }
}

#[tokio::test]
async fn the_clients_behind_a_trusted_proxy_have_a_limit_each() {
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let url = support::database_url(folder.path()).await;
    // A client has twenty calls in a minute of the clock, so forty if the minute ends meanwhile.
    let is_refused = async |server: &Server, calls: u8, client: &dyn Fn(u8) -> String| {
        for n in 0..calls {
            let body = json!({ "username": format!("nobody{n}"), "password": "b" });
            let request = server.request(Method::POST, "/v1/session").header("X-Forwarded-For", client(n));
            match Answer::of(request.json(&body)).await.status {
                401 => {}
                status => return status == 429,
            }
        }
        false
    };
    let behind = Program::start(&mut support::serve(&url, &demo.running));
    assert!(!is_refused(&behind.server, 25, &|n| format!("203.0.113.{n}")).await);
    let spoofed = is_refused(&behind.server, 41, &|n| format!("203.0.113.{n}, 198.51.100.1")).await;
    assert!(spoofed, "what a client writes in front of its proxy's word is not believed");
    let open = Program::start(support::serve(&url, &demo.running).env("HRM_TRUSTED_PROXIES", "192.0.2.1"));
    let spoofed = is_refused(&open.server, 41, &|n| format!("203.0.113.{n}")).await;
    assert!(spoofed, "with no proxy in front, nobody's header is believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_the_company_does_not_allow_is_refused() {
    let demo = TestDemo::start().await;
    let (done, said) = admin(&demo.database_url, &["company", "demo", "--allowed", "company.com,räksmörgås.example"]);
    assert!(done, "{said}");
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("anna.svensson@gmail.com").await.is(422, "domain_not_allowed");
    anna.send("anna@XN--RKSMRGS-5WAO1O.example").await.state(202, "codeSent");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_unavailable_and_heals() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.execute("ALTER TABLE challenges RENAME TO challenges_away").await;
    anna.send(ANNA).await.is(503, "unavailable");
    Answer::of(anna.request(Method::GET, STATE)).await.is(503, "unavailable");
    demo.execute("ALTER TABLE challenges_away RENAME TO challenges").await;
    anna.send(ANNA).await.state(202, "codeSent");
}

#[tokio::test]
async fn a_local_part_beyond_ascii_is_refused_where_the_mail_server_cannot_take_it() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("änna@company.com").await.is(422, "email_invalid");

    let folder = tempfile::TempDir::new().unwrap();
    let url = support::database_url(folder.path()).await;
    support::import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,", support::light_hash())]);
    // The settings say that this mail server can; in truth the demo's does not offer it.
    let program = Program::start(support::serve(&url, &demo.running).env("HRM_SMTP_UTF8", "true"));
    let anna = program.server.sign_in("anna").await;
    anna.send("änna@company.com").await.state(202, "codeSent");
    anna.wait_for_delivery("bounced").await;
}

#[tokio::test]
async fn a_local_part_beyond_ascii_gets_its_code_where_the_mail_server_offers_smtputf8() {
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let url = support::database_url(folder.path()).await;
    support::import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,", support::light_hash())]);
    let (smtp_url, heard) = relay_with_smtputf8().await;
    let mut command = support::serve(&url, &demo.running);
    let program = Program::start(command.env("HRM_SMTP_UTF8", "true").env("HRM_SMTP_URL", smtp_url));
    let anna = program.server.sign_in("anna").await;
    anna.send("änna@company.com").await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    let heard = heard.lock().unwrap().join("\n");
    assert!(heard.contains("MAIL FROM:<no-reply@company.com> SMTPUTF8"), "{heard}");
    assert!(heard.contains("RCPT TO:<änna@company.com>"), "{heard}");
    let code = heard.lines().find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit())).unwrap();
    assert_eq!(anna.verify(code).await.state(200, "linked")["account"]["email"], "änna@company.com");
}

/// A mail server that offers SMTPUTF8, takes everything, and keeps what it is told.
async fn relay_with_smtputf8() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let (reader, mut writer) = client.into_split();
                let mut lines = BufReader::new(reader).lines();
                let mut in_data = false;
                writer.write_all(b"220 relay\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer = match line.split(' ').next().unwrap_or_default() {
                        "." => "250 taken\r\n",
                        _ if in_data => "",
                        "EHLO" => "250-relay\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                        "DATA" => "354 go on\r\n",
                        _ => "250 ok\r\n",
                    };
                    in_data = line == "DATA" || (in_data && line != ".");
                    kept.lock().unwrap().push(line);
                    writer.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, heard)
}

#[tokio::test]
async fn after_a_change_of_keys_the_old_codes_still_work_and_new_ones_are_under_the_new_key() {
    const OLD: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const NEW: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let url = support::database_url(folder.path()).await;
    let row = |n: u8| format!("{n},user{n},{},A,B,en,SE,user{n}@company.com", support::light_hash());
    support::import(&url, &[row(1), row(2)]);
    let start = |keys: &str| Program::start(support::serve(&url, &demo.running).env("HRM_CODE_KEYS", keys));
    let one = start(OLD);
    let first = one.server.sign_in("user1").await;
    first.send("user1@company.com").await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails("user1@company.com", 1).await[0]);
    drop(one);

    let two = start(&format!("{NEW},{OLD}"));
    let first = support::Employee { server: two.server.clone(), ..first };
    first.verify(&code).await.state(200, "linked");
    let second = two.server.sign_in("user2").await;
    second.send("user2@company.com").await.state(202, "codeSent");
    let code = code_in(&demo.server.wait_for_mails("user2@company.com", 1).await[0]);
    drop(two);

    let three = start(NEW);
    let second = support::Employee { server: three.server.clone(), ..second };
    second.verify(&code).await.state(200, "linked");
}
