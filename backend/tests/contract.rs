//! Every path and every problem code of the API, over HTTP.

use std::sync::Arc;

use crate::support::{
    ANNA, Answer, Program, RecordingRelay, Server, TestDemo, admin, code_in, import, light_hash, on_postgres,
    read_until, read_until_status, wrong_for,
};
use hrm_fakes::mail_server;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const STATE: &str = "/v1/me/visma-connect";
const CODES: &str = "/v1/me/visma-connect/codes";
const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

#[tokio::test]
async fn anna_links_with_a_code() {
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
    let code = demo.server.wait_for_code(ANNA, 1).await;
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
async fn erik_is_linked_at_once_without_mail() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    let linked = erik.send_with_key("Erik.Lund@VERIFIED.example", "k").await.state(200, "linked");
    assert_eq!(linked["account"]["origin"], "created");
    assert!(demo.server.inbox().await.is_empty());
    erik.send_with_key("Erik.Lund@VERIFIED.example", "k").await.state(200, "linked");
}

#[tokio::test]
async fn mia_is_linked_to_her_existing_account() {
    let demo = TestDemo::start().await;
    let mia = demo.server.sign_in("mia.berg").await;
    mia.send("mia.berg@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("mia.berg@company.com", 1).await;
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
async fn the_mail_has_the_product_copy_word_for_word() {
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
async fn a_session_begins_identifies_the_employee_and_ends() {
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
async fn an_invalid_body_is_refused() {
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
async fn an_invalid_address_is_refused() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    for email in ["", "anna", "anna@company", "a b@company.com", "a@company.com\nBcc: c@d.ef"] {
        anna.send(email).await.is(422, "email_invalid");
    }
    assert_eq!(anna.state().await["status"], "notLinked");
}

#[tokio::test]
async fn a_repeated_send_gets_the_stored_response_and_no_second_mail() {
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
async fn a_hundred_simultaneous_sends_with_one_key_send_one_mail() {
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
async fn a_send_repeated_while_it_runs_must_wait_for_the_response() {
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
async fn a_refused_send_releases_its_key() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.send_with_key(ANNA, "k").await.is(429, "resend_too_soon");
    demo.server.advance(MINUTE).await;
    anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
}

#[tokio::test]
async fn a_response_is_stored_for_24_hours() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let first = anna.send_with_key(ANNA, "k").await.state(202, "codeSent");
    demo.server.advance(24 * HOUR - MINUTE).await;
    assert_eq!(anna.send_with_key(ANNA, "k").await.state(202, "codeSent"), first);
    demo.server.advance(MINUTE).await;
    assert_ne!(anna.send_with_key(ANNA, "k").await.state(202, "codeSent"), first, "another code");
}

#[tokio::test]
async fn sends_are_limited_to_1_a_minute_5_an_hour_and_10_a_day() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let soon = anna.send(ANNA).await;
    assert!(soon.retry_after.is_some_and(|seconds| (55..=60).contains(&seconds)), "{soon:?}");
    soon.is(429, "resend_too_soon");
    // The wait is the same for another address.
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
    let first = demo.server.wait_for_code(ANNA, 1).await;
    let wrong = anna.verify(wrong_for(&first)).await.is(422, "code_wrong");
    assert_eq!(wrong["attemptsLeft"], 4);
    demo.server.advance(MINUTE).await;
    let state = anna.send("anna.svensson@COMPANY.com").await.state(202, "codeSent");
    assert_eq!(state["challenge"]["attemptsLeft"], 4, "the same mailbox, the same challenge");
    demo.server.wait_for_mails(ANNA, 2).await;
    anna.verify(&first).await.state(200, "linked");
}

#[tokio::test]
async fn another_address_revokes_earlier_codes() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let first = demo.server.wait_for_code(ANNA, 1).await;
    demo.server.advance(MINUTE).await;
    let state = anna.send("anna.svensson@gmail.com").await.state(202, "codeSent");
    assert_eq!(state["challenge"]["email"], "anna.svensson@gmail.com");
    anna.verify(&first).await.is(422, "code_wrong");
}

#[tokio::test]
async fn five_wrong_codes_end_the_challenge() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.verify("123456").await.is(409, "no_challenge");
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    let wrong = wrong_for(&code);
    for text in ["", "12345", "1234567", "abcdef", "123 456", "１２３４５６"] {
        assert_eq!(anna.verify(text).await.is(422, "code_format")["attemptsLeft"], 5, "costs no attempt");
    }
    for left in [4, 3, 2, 1] {
        assert_eq!(anna.verify(wrong).await.is(422, "code_wrong")["attemptsLeft"], left);
    }
    anna.verify(wrong).await.is(409, "attempts_exhausted");
    assert_eq!(anna.state().await["status"], "notLinked");
    anna.verify(&code).await.is(409, "attempts_exhausted");
    demo.server.advance(MINUTE).await;
    let state = anna.send(ANNA).await.state(202, "codeSent");
    assert_eq!(state["challenge"]["attemptsLeft"], 5);
    let code = demo.server.wait_for_code(ANNA, 2).await;
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn a_code_is_reported_as_expired_from_30_minutes_to_2_hours() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    demo.server.advance(30 * MINUTE).await;
    assert_eq!(anna.state().await["status"], "notLinked");
    anna.verify(&code).await.is(410, "code_expired");
    anna.verify(wrong_for(&code)).await.is(409, "no_challenge");
    demo.server.advance(90 * MINUTE).await;
    anna.verify(&code).await.is(409, "no_challenge");
}

#[tokio::test]
async fn starting_over_drops_the_challenge_and_its_codes() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
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
        let code = demo.server.wait_for_code(ANNA, round).await;
        let wrong = wrong_for(&code);
        for _ in 0..5 {
            anna.verify(wrong).await;
        }
    }
    demo.server.advance(3 * HOUR).await;
    anna.send(ANNA).await.is(423, "linking_locked");
    anna.verify("123456").await.is(423, "linking_locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_employee_is_told_so_before_pressing() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.execute("UPDATE employees SET failed_attempts = 99 WHERE id = 'demo-anna'").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    let mut events = anna.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
    assert!(!read_until(&mut events, "codeSent").await.contains("linking_locked"));
    anna.verify(wrong_for(&code)).await.is(422, "code_wrong");
    read_until(&mut events, "\"problem\":\"linking_locked\"").await;
    let state = anna.state().await;
    assert_eq!((&state["status"], &state["problem"]), (&json!("codeSent"), &json!("linking_locked")));
    anna.verify(&code).await.is(423, "linking_locked");
    assert_eq!(anna.start_over().await.state(200, "notLinked")["problem"], "linking_locked");
    let (done, output) = admin(&demo.database_url, &["lift-lock", "anna.svensson"]);
    assert!(done, "{output}");
    assert_eq!(anna.state().await["problem"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_shown_to_the_companys_people_at_once() {
    let demo = TestDemo::start().await;
    import(&demo.database_url, &[format!("n1,nils,{},Nils,Ek,sv,SE,", light_hash())]);
    let (anna, nils) = (demo.server.sign_in("anna.svensson").await, demo.server.sign_in("nils").await);
    let before = anna.state().await;
    let contact = json!({ "name": "HR Service", "phone": "08-465 004 00", "email": "hr@company.com" });
    assert_eq!(before["company"], json!({ "contact": contact }));
    let nils_before = nils.state().await;
    assert_eq!(nils_before["company"], Value::Null, "another company, and nothing to show");

    let mut events = anna.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
    read_until(&mut events, "08-465 004 00").await;
    let options =
        ["--contact-name", "", "--contact-phone", "+46 8 465 004 01", "--contact-url", "https://company.com/hr"];
    let (done, output) = admin(&demo.database_url, &[&["company", "demo"], &options[..]].concat());
    assert!(done, "{output}");
    // Another process's change to a SQLite file is seen within a minute.
    if on_postgres() {
        read_until(&mut events, "+46 8 465 004 01").await;
    }
    let after = anna.state().await;
    let contact = json!({ "phone": "+46 8 465 004 01", "email": "hr@company.com", "url": "https://company.com/hr" });
    assert_eq!(after["company"], json!({ "contact": contact }));
    assert!(after["revision"].as_u64() > before["revision"].as_u64(), "newer than what the app has: {after}");
    assert_eq!(nils.state().await["revision"], nils_before["revision"]);
    // What people do now is as new as ever.
    assert!(anna.snooze().await.body["revision"].as_u64() > after["revision"].as_u64());
}

#[tokio::test]
async fn one_account_belongs_to_one_user_of_the_company() {
    let demo = TestDemo::start().await;
    let mia = demo.server.sign_in("mia.berg").await;
    mia.send("mia.berg@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("mia.berg@company.com", 1).await;
    mia.verify(&code).await.state(200, "linked");

    let kari = demo.server.sign_in("kari.holm").await;
    kari.send("mia.berg@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("mia.berg@company.com", 2).await;
    let problem = kari.verify(&code).await.is(409, "account_taken");
    assert!(!problem.to_string().contains("mia"), "nothing tells whose it is");
    assert_eq!(kari.state().await["status"], "notLinked");
    kari.verify(&code).await.is(409, "account_taken");
    demo.server.advance(MINUTE).await;
    kari.send("mia.berg@company.com").await.is(409, "account_taken");
    kari.send("kari@home.example").await.state(202, "codeSent");
}

#[tokio::test]
async fn suggestions_begin_with_the_work_address_without_duplicates() {
    let demo = TestDemo::start().await;
    demo
        .execute("INSERT INTO employee_addresses (employee_id, position, address) VALUES ('demo-anna', 3, 'ANNA.Svensson@Company.com')")
        .await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let offered = anna.state().await["suggestions"].clone();
    assert_eq!(offered, json!([ANNA, "anna.svensson@gmail.com", "anna.svensson@user.com"]));
}

#[tokio::test]
async fn an_account_has_the_employees_name_language_and_country() {
    const AINO: &str = "aino.laine@company.com";
    let demo = TestDemo::start().await;
    let finnish = json!({ "name": "finnish" });
    assert!(
        demo.server.request(Method::POST, "/demo/scenario").json(&finnish).send().await.unwrap().status().is_success()
    );
    let aino = demo.server.sign_in("aino.laine").await;
    aino.send(AINO).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(AINO, 1).await;
    aino.verify(&code).await.state(200, "linked");
    let accounts = std::fs::read(demo.folder.path().join("visma-connect.json")).unwrap();
    let accounts: Value = serde_json::from_slice(&accounts).unwrap();
    let hers = &accounts[AINO];
    for (member, value) in
        [("first_name", "Aino"), ("last_name", "Laine"), ("preferred_language", "fi-FI"), ("country_code", "FI")]
    {
        assert_eq!(hers[member], value, "{member}");
    }
}

#[tokio::test]
async fn a_link_notifies_the_other_addresses() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("anna.svensson@gmail.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("anna.svensson@gmail.com", 1).await;
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
    assert_eq!(events.headers()["cache-control"], "no-store, no-transform");
    // The State at once, and at every change.
    let received = read_until_status(&mut events, "notLinked").await;
    assert!(received.starts_with("event: state\n"), "{received}");
    phone.send(ANNA).await.state(202, "codeSent");
    read_until_status(&mut events, "codeSent").await;
    let code = demo.server.wait_for_code(ANNA, 1).await;
    desk.verify(&code).await.state(200, "linked");
    assert_eq!(phone.state().await["status"], "linked");
    read_until_status(&mut events, "linked").await;
}

#[tokio::test]
async fn another_employee_cannot_use_annas_code() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let kari = demo.server.sign_in("kari.holm").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    kari.verify(&code).await.is(409, "no_challenge");
    anna.verify(&code).await.state(200, "linked");
}

#[tokio::test]
async fn a_snooze_hides_the_banner_for_24_hours_of_the_server_clock() {
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
async fn of_100_simultaneous_verifications_one_links() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
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
async fn the_server_serves_health_openapi_and_inbox() {
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
async fn metrics_count_requests_codes_mails_links_and_queues() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    anna.verify(wrong_for(&code)).await.is(422, "code_wrong");
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
async fn a_reset_restores_the_first_state() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    erik.send("erik.lund@verified.example").await.state(200, "linked");
    demo.server.advance(HOUR).await;
    demo.server.demo_route("/demo/reset", Value::Null).await;
    Answer::of(erik.request(Method::GET, STATE)).await.is(401, "signed_out");
    let erik = demo.server.sign_in("erik.lund").await;
    let linked = erik.send("erik.lund@verified.example").await.state(200, "linked");
    assert_eq!(linked["account"]["origin"], "created", "Visma Connect was reset too");
}

#[tokio::test]
async fn serve_lists_all_errors_in_its_settings() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hrm-backend"))
        .args(["serve", "--listen", "nonsense", "--visma-api-url", "http://example.com"])
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
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
        assert!(text.contains(name), "{name} is not in: {text}");
    }
}

#[tokio::test]
async fn serve_has_no_demo_routes() {
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let program =
        Program::start(&mut crate::support::serve(&crate::support::database_url(folder.path()).await, &demo.running));
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
async fn clients_behind_a_trusted_proxy_have_a_limit_each() {
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    // The limit is 50 failures at once.
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
    let serve = || {
        let mut command = crate::support::serve(&url, &demo.running);
        command.env("HRM_FAILURES_PER_ADDRESS", "100");
        command
    };
    let behind = Program::start(&mut serve());
    assert!(!is_refused(&behind.server, 60, &|n| format!("203.0.113.{n}")).await);
    let spoofed = is_refused(&behind.server, 60, &|n| format!("203.0.113.{n}, 198.51.100.1")).await;
    assert!(spoofed, "what a client writes in front of its proxy's word is not believed");
    drop(behind);
    let open = Program::start(serve().env("HRM_TRUSTED_PROXIES", "192.0.2.1"));
    let spoofed = is_refused(&open.server, 60, &|n| format!("203.0.113.{n}")).await;
    assert!(spoofed, "with no proxy in front, nobody's header is believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_the_company_does_not_allow_is_refused() {
    let demo = TestDemo::start().await;
    let (done, output) = admin(&demo.database_url, &["company", "demo", "--allowed", "company.com,räksmörgås.example"]);
    assert!(done, "{output}");
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("anna.svensson@gmail.com").await.is(422, "domain_not_allowed");
    anna.send("anna@XN--RKSMRGS-5WAO1O.example").await.state(202, "codeSent");
}

#[tokio::test]
async fn a_broken_database_is_unavailable_until_repaired() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.execute("ALTER TABLE challenges RENAME TO challenges_away").await;
    anna.send(ANNA).await.is(503, "unavailable");
    Answer::of(anna.request(Method::GET, STATE)).await.is(503, "unavailable");
    demo.execute("ALTER TABLE challenges_away RENAME TO challenges").await;
    anna.send(ANNA).await.state(202, "codeSent");
}

#[tokio::test]
async fn a_non_ascii_local_part_is_refused_without_smtputf8() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send("änna@company.com").await.is(422, "email_invalid");

    let folder = tempfile::TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,", light_hash())]);
    // The setting says that the mail server has SMTPUTF8, and the demo's does not offer it.
    let program = Program::start(crate::support::serve(&url, &demo.running).env("HRM_SMTP_UTF8", "true"));
    let anna = program.server.sign_in("anna").await;
    anna.send("änna@company.com").await.state(202, "codeSent");
    anna.wait_for_delivery("bounced").await;
}

#[tokio::test]
async fn a_non_ascii_local_part_gets_its_code_over_smtputf8() {
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,", light_hash())]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp_url = format!("smtp://{}", listener.local_addr().unwrap());
    let relay = Arc::new(RecordingRelay::default());
    tokio::spawn(mail_server::serve(listener, Arc::clone(&relay)));
    let mut command = crate::support::serve(&url, &demo.running);
    let program = Program::start(command.env("HRM_SMTP_UTF8", "true").env("HRM_SMTP_URL", smtp_url));
    let anna = program.server.sign_in("anna").await;
    anna.send("änna@company.com").await.state(202, "codeSent");
    anna.wait_for_delivery("accepted").await;
    let commands = relay.commands.lock().unwrap().join("\n");
    assert!(commands.contains("MAIL FROM:<no-reply@company.com> SMTPUTF8"), "{commands}");
    assert!(commands.contains("RCPT TO:<änna@company.com>"), "{commands}");
    let code = relay.mails.lock().unwrap()[0].code().unwrap().to_owned();
    assert_eq!(anna.verify(&code).await.state(200, "linked")["account"]["email"], "änna@company.com");
}

#[tokio::test]
async fn codes_work_across_a_rotation_of_keys() {
    const OLD: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const NEW: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=";
    let demo = TestDemo::start().await;
    let folder = tempfile::TempDir::new().unwrap();
    let url = crate::support::database_url(folder.path()).await;
    let row = |n: u8| format!("{n},user{n},{},A,B,en,SE,user{n}@company.com", light_hash());
    import(&url, &[row(1), row(2)]);
    let start = |keys: &str| Program::start(crate::support::serve(&url, &demo.running).env("HRM_CODE_KEYS", keys));
    let one = start(OLD);
    let first = one.server.sign_in("user1").await;
    first.send("user1@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("user1@company.com", 1).await;
    drop(one);

    let two = start(&format!("{NEW},{OLD}"));
    let first = crate::support::Employee { server: two.server.clone(), ..first };
    first.verify(&code).await.state(200, "linked");
    let second = two.server.sign_in("user2").await;
    second.send("user2@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("user2@company.com", 1).await;
    drop(two);

    let three = start(NEW);
    let second = crate::support::Employee { server: three.server.clone(), ..second };
    second.verify(&code).await.state(200, "linked");
}
