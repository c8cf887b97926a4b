//! The demo's scenarios and network faults, as a client sees them.

use std::time::{Duration, Instant};

use crate::support::{ANNA, Employee, Server, TestDemo, code_in};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const STATE: &str = "/v1/me/visma-connect";

/// Plays a scenario and signs in as its person.
async fn play(server: &Server, name: &str) -> Employee {
    let scenario = call(server, name).await;
    server.sign_in(scenario["username"].as_str().unwrap()).await
}

async fn call(server: &Server, name: &str) -> Value {
    let answer = server.request(Method::POST, "/demo/scenario").json(&json!({ "name": name })).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{name}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn newest_code(server: &Server) -> String {
    code_in(&server.inbox().await[0])
}

/// Links with the newest code. On a busy machine the link can be finished after the response.
async fn links(who: &Employee, server: &Server) -> Value {
    let answer = who.verify(&newest_code(server).await).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    who.wait_for_status("linked").await
}

#[tokio::test]
async fn each_scenario_sets_up_its_state() {
    let demo = TestDemo::start().await;
    let server = &demo.server;
    let scenarios: Vec<Value> =
        server.request(Method::GET, "/demo/scenarios").send().await.unwrap().json().await.unwrap();
    let mut tested = 0;
    for scenario in &scenarios {
        let name = scenario["name"].as_str().unwrap();
        server.demo_route("/demo/reset", Value::Null).await;
        let who = play(server, name).await;
        let state = who.state().await;
        let challenge = &state["challenge"];
        let left = |state: &Value| {
            let at = |time: &Value| chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
            (at(&state["challenge"]["expiresAt"]) - at(&state["serverTime"])).num_seconds()
        };
        let status = state["status"].as_str().unwrap();
        let suggestions = state["suggestions"].as_array().unwrap().len();
        match name {
            "not-linked" => assert_eq!((status, suggestions), ("notLinked", 3)),
            "snoozed" | "snoozed-elsewhere" => assert_eq!(state["banner"]["visible"], false),
            "code-sent" | "code-sent-elsewhere" => {
                assert!(status == "codeSent" && left(&state) > 1_700, "{state}");
                links(&who, server).await;
            }
            "code-about-to-expire" => {
                assert!(status == "codeSent" && (60..=120).contains(&left(&state)), "{state}");
                links(&who, server).await;
            }
            "code-expired" => {
                who.verify(&newest_code(server).await).await.is(410, "code_expired");
            }
            "one-attempt-left" => assert_eq!(challenge["attemptsLeft"], 1),
            "attempts-used-up" => {
                who.verify(&newest_code(server).await).await.is(409, "attempts_exhausted");
            }
            "codes-used-up" => {
                who.send(ANNA).await.is(429, "too_many_codes");
            }
            "delayed-mail" => assert_eq!(challenge["delivery"], "deferred"),
            "bounced-mail" => assert_eq!(challenge["delivery"], "bounced"),
            "visma-connect-down" => {
                who.verify(&newest_code(server).await).await.state(200, "linking");
            }
            "finishing-setup" => {
                assert_eq!(status, "linking");
                server.faults(json!({ "directory": "ok" })).await;
                who.wait_for_status("linked").await;
            }
            "try-login-waiting" => assert_eq!(state["tryLogin"]["status"], "waiting"),
            "tried" => assert_eq!(state["tryLogin"]["status"], "worked"),
            "tried-other-account" => assert_eq!(state["tryLogin"]["status"], "otherAccount"),
            "linked-here" | "linked-elsewhere" => {
                assert_eq!((status, state["account"]["origin"].as_str()), ("linked", Some("created")));
            }
            "locked" => {
                who.send(ANNA).await.is(423, "linking_locked");
            }
            "taken" => {
                who.verify(&newest_code(server).await).await.is(409, "account_taken");
            }
            "no-address" => assert_eq!((status, suggestions), ("notLinked", 0)),
            "verified-domain" => {
                who.send("erik.lund@verified.example").await;
                who.wait_for_status("linked").await;
            }
            "existing-account" => {
                who.send("mia.berg@company.com").await.state(202, "codeSent");
                server.wait_for_mails("mia.berg@company.com", 1).await;
                let linked = links(&who, server).await;
                assert_eq!(linked["account"]["origin"], "existing");
            }
            "code-always" => {
                who.send("erik.lund@verified.example").await.state(202, "codeSent");
            }
            "code-never" => {
                who.send("anna.svensson@gmail.com").await;
                who.wait_for_status("linked").await;
            }
            "allowed-domains" => {
                who.send("anna.svensson@gmail.com").await.is(422, "domain_not_allowed");
                who.send(ANNA).await.state(202, "codeSent");
            }
            "hundred-addresses" => assert_eq!(suggestions, 100),
            "very-long-names" => {
                let longest = state["suggestions"][1].as_str().unwrap();
                assert_eq!(longest.len(), 254);
                who.send(longest).await.state(202, "codeSent");
                server.wait_for_mails(longest, 1).await;
            }
            "swedish" | "norwegian" | "danish" | "finnish" => {
                let address = state["suggestions"][0].as_str().unwrap();
                who.send(address).await.state(202, "codeSent");
                let text = server.wait_for_mails(address, 1).await[0]["text"].to_string();
                let greeting = match name {
                    "swedish" => "Hej Sofia",
                    "norwegian" => "Hei Nora",
                    "danish" => "Hej Mads",
                    _ => "Hei Aino",
                };
                assert!(text.contains(greeting), "{name}: {text}");
            }
            other => panic!("the scenario {other} is not tested"),
        }
        tested += 1;
    }
    assert_eq!(tested, scenarios.len());
    assert!(tested > 25);
}

#[tokio::test]
async fn changes_by_another_device_show_and_keep_the_session() {
    let demo = TestDemo::start().await;
    let here = play(&demo.server, "not-linked").await;
    for (scenario, status) in [("code-sent-elsewhere", "codeSent"), ("linked-elsewhere", "linked")] {
        assert_eq!(call(&demo.server, scenario).await["keeps"], true);
        assert_eq!(here.state().await["status"], status);
        demo.server.advance(60).await;
    }
    let nobody = json!({ "name": "no such state" });
    let answer = demo.server.request(Method::POST, "/demo/scenario").json(&nobody).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.text().await.unwrap().contains("not-linked snoozed"));
}

#[tokio::test]
async fn network_faults_spare_the_demo_routes() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let call_state = async || {
        let call = anna.request(Method::GET, STATE).timeout(Duration::from_secs(2)).send().await;
        let call = call.map_err(|error| if error.is_timeout() { "never" } else { "dropped" })?;
        let status = call.status().as_u16();
        Ok::<_, &str>((status, call.text().await.unwrap()))
    };
    for fault in ["offline", "timeout", "error", "nonsense"] {
        demo.server.faults(json!({ "network": fault })).await;
        match fault {
            "offline" => assert_eq!(call_state().await, Err("dropped")),
            "timeout" => assert_eq!(call_state().await, Err("never")),
            "error" => assert_eq!(call_state().await, Ok((500, "Internal Server Error".to_owned()))),
            _ => assert!(call_state().await.is_ok_and(|(status, page)| status == 200 && page.contains("our hotel"))),
        }
        assert!(demo.server.inbox().await.is_empty(), "the inbox answers under {fault}");
    }
    // A fault that is not named stays as it is.
    demo.server.faults(json!({ "mail": "delay" })).await;
    assert!(call_state().await.unwrap().1.contains("hotel"));
    demo.server.faults(json!({ "network": "slow" })).await;
    let began = Instant::now();
    assert_eq!(anna.state().await["status"], "notLinked");
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    demo.server.demo_route("/demo/reset", Value::Null).await;
    demo.server.sign_in("anna.svensson").await;
}

#[tokio::test]
async fn offline_sends_no_byte_and_ends_open_streams() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let mut events = anna.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
    assert!(events.chunk().await.unwrap().is_some());
    demo.server.faults(json!({ "network": "offline" })).await;
    let end = tokio::time::timeout(Duration::from_secs(5), async { while let Ok(Some(_)) = events.chunk().await {} });
    end.await.expect("the stream ends");

    let address = demo.server.url.strip_prefix("http://").unwrap().to_owned();
    let got = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut line = std::net::TcpStream::connect(address).unwrap();
        line.write_all(b"GET /healthz HTTP/1.1\r\nHost: demo\r\n\r\n").unwrap();
        let mut got = Vec::new();
        let _ = line.read_to_end(&mut got);
        got
    });
    assert_eq!(got.await.unwrap(), b"");
}

#[tokio::test]
async fn no_mail_of_an_earlier_state_comes_after_a_reset() {
    let demo = TestDemo::start().await;
    let server = &demo.server;
    for round in 0..6 {
        let sends = ["anna.svensson", "erik.lund", "mia.berg", "kari.holm"].map(|username| async move {
            let who = server.sign_in(username).await;
            who.send(&format!("{username}.{round}@company.com")).await;
        });
        futures_util::future::join_all(sends).await;
        // One more is under way when the reset comes.
        let anna = server.sign_in("anna.svensson").await;
        server.advance(60).await;
        let late = format!("late.{round}@company.com");
        tokio::join!(anna.send(&late), server.demo_route("/demo/reset", Value::Null));

        // A mail of the new state, sent after everything that was under way.
        let mia = server.sign_in("mia.berg").await;
        mia.send("marker@company.com").await.state(202, "codeSent");
        server.wait_for_mails("marker@company.com", 1).await;
        let inbox = server.inbox().await;
        assert_eq!(inbox.len(), 1, "round {round}: {:?}", inbox.iter().map(|mail| &mail["to"]).collect::<Vec<_>>());
    }
}
