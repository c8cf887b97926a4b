//! What an operator sees: readiness, metrics, and the alert rules and the board that are made of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::support::{ANNA, Program, Server, TestDemo, database_url, import, light_hash, serve, until, wrong_for};
use hrm_fakes::mail_server::{self, At, BadRelay, Reply};
use prometheus_parse::Scrape;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

async fn ready(server: &Server) -> (u16, Value) {
    let answer = server.request(Method::GET, "/readyz").send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn wait_until_degraded(server: &Server, causes: Value) {
    let status = if causes == json!({}) { "ready" } else { "degraded" };
    let expected = (200, json!({ "status": status, "degraded": causes }));
    until(&format!("{expected:?}"), async || (ready(server).await == expected).then_some(())).await;
}

async fn metrics(server: &Server) -> Scrape {
    let answer = server.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let sample = scrape.samples.iter().find(|sample| {
        sample.metric == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(value))
    })?;
    match sample.value {
        prometheus_parse::Value::Counter(value)
        | prometheus_parse::Value::Gauge(value)
        | prometheus_parse::Value::Untyped(value) => Some(value),
        _ => None,
    }
}

#[tokio::test]
async fn a_relay_that_refuses_the_login_only_degrades() {
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,anna@company.com", light_hash())]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp_url = format!("smtp://{}", listener.local_addr().unwrap());
    let relay = Arc::new(BadRelay::default());
    tokio::spawn(mail_server::serve(listener, Arc::clone(&relay)));
    relay.misbehave(At::Mail, std::time::Duration::ZERO, Reply::Lines(b"535 5.7.8 login failed"));
    let program = Program::start(serve(&url, &demo.running).env("HRM_SMTP_URL", smtp_url));
    wait_until_degraded(&program.server, json!({})).await;

    let anna = program.server.sign_in("anna").await;
    anna.send("anna@company.com").await.state(202, "codeSent");
    wait_until_degraded(&program.server, json!({ "relay": "login" })).await;
    assert_eq!(value(&metrics(&program.server).await, "hrm_degraded", &[("service", "relay")]), Some(1.0));
    assert_eq!(anna.state().await["status"], "codeSent", "the app goes on");

    relay.recover();
    wait_until_degraded(&program.server, json!({})).await;
    // The relay's yes is known before the mail's end is stored and counted.
    let accepted = async || {
        let now = metrics(&program.server).await;
        (value(&now, "hrm_mails_ended_total", &[("end", "accepted")]) == Some(1.0)).then_some(now)
    };
    let now = until("the accepted mail", accepted).await;
    assert_eq!(value(&now, "hrm_degraded", &[("service", "relay")]), Some(0.0));
    assert!(value(&now, "hrm_mail_failures_total", &[("cause", "login")]) >= Some(1.0));
    demo.running.shutdown().await;
}

#[tokio::test]
async fn a_token_endpoint_that_refuses_our_secret_degrades() {
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    import(&url, &[format!("1,anna,{},Anna,Svensson,en,SE,anna@company.com", light_hash())]);
    let mut wrong = serve(&url, &demo.running);
    let program = Program::start(wrong.env("HRM_VISMA_CLIENT_SECRET", "not this one"));
    let anna = program.server.sign_in("anna").await;
    anna.send("anna@company.com").await.state(202, "codeSent");
    let code = demo.server.wait_for_code("anna@company.com", 1).await;
    anna.verify(&code).await.state(200, "linking");
    wait_until_degraded(&program.server, json!({ "visma_connect": "no_token" })).await;
    let now = metrics(&program.server).await;
    assert!(value(&now, "hrm_link_failures_total", &[("cause", "no_token")]) >= Some(1.0));
    assert_eq!(value(&now, "hrm_outbox_waiting", &[("queue", "link_jobs")]), Some(1.0));
    demo.running.shutdown().await;
}

#[tokio::test]
async fn visma_connect_degrades_until_it_answers_again() {
    let demo = TestDemo::start().await;
    let erik = demo.server.sign_in("erik.lund").await;
    demo.server.faults(json!({ "directory": "error" })).await;
    erik.send("erik.lund@verified.example").await;
    until("a degraded Visma Connect", async || {
        let (status, body) = ready(&demo.server).await;
        (status == 200 && body["degraded"]["visma_connect"].is_string()).then_some(())
    })
    .await;
    demo.server.faults(json!({ "directory": "ok" })).await;
    erik.wait_for_status("linked").await;
    wait_until_degraded(&demo.server, json!({})).await;
    demo.running.shutdown().await;
}

#[tokio::test]
async fn sign_ins_are_counted_by_answer_and_mails_by_end() {
    let demo = TestDemo::start().await;
    let before = metrics(&demo.server).await;
    // From the start, so that the first one is an increase.
    assert_eq!(value(&before, "hrm_sign_ins_total", &[("answer", "bad_credentials")]), Some(0.0));
    assert_eq!(value(&before, "hrm_mails_ended_total", &[("end", "bounced")]), Some(0.0));
    let body = json!({ "username": "anna.svensson", "password": "wrong" });
    demo.server.request(Method::POST, "/v1/session").json(&body).send().await.unwrap();
    let anna = demo.server.sign_in("anna.svensson").await;
    demo.server.faults(json!({ "mail": "refuse" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("bounced").await;
    until("the bounce in the metrics", async || {
        (value(&metrics(&demo.server).await, "hrm_mails_ended_total", &[("end", "bounced")]) == Some(1.0)).then_some(())
    })
    .await;
    let now = metrics(&demo.server).await;
    for (name, label, word) in [
        ("hrm_sign_ins_total", "answer", "bad_credentials"),
        ("hrm_sign_ins_total", "answer", "signed_in"),
        ("hrm_mails_total", "answer", "bounced"),
        ("hrm_mail_failures_total", "cause", "recipient"),
    ] {
        assert_eq!(value(&now, name, &[(label, word)]), Some(1.0), "{name} {word}");
    }
    let open = ["used", "idle"].map(|state| value(&now, "hrm_database_connections", &[("state", state)]).unwrap());
    let most = value(&now, "hrm_database_connections_max", &[]).unwrap();
    assert!(open.iter().sum::<f64>() >= 1.0 && open.iter().sum::<f64>() <= most, "{open:?} of {most}");
    demo.running.shutdown().await;
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations").join(name)
}

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("hrm_")).collect()
}

/// `name{label="one|two"}` of the rules, as name, label and one value each.
fn selectors(text: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    for at in text.match_indices("hrm_").map(|(at, _)| at) {
        let rest = &text[at..];
        let Some((name, rest)) = rest.split_once('{').filter(|(name, _)| names(name).contains(name)) else { continue };
        let conditions = rest.split_once('}').unwrap().0;
        for condition in conditions.split(',').filter(|condition| !condition.contains("!=")) {
            let (label, values) = condition.split_once('=').unwrap();
            let values = values.trim_start_matches('~').trim_matches('"');
            found.extend(values.split('|').filter(|value| !value.contains('.')).map(|value| (name, label, value)));
        }
    }
    found
}

#[tokio::test]
async fn alert_rules_and_the_board_use_metrics_that_exist() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    // Series whose labels are not known at the start begin with their first event.
    demo.server.faults(json!({ "mail": "delay", "directory": "error" })).await;
    anna.send(ANNA).await.state(202, "codeSent");
    anna.wait_for_delivery("deferred").await;
    demo.server.faults(json!({ "mail": "ok" })).await;
    let code = demo.server.wait_for_code(ANNA, 1).await;
    anna.verify(wrong_for(&code)).await.is(422, "code_wrong");
    anna.verify(&code).await.state(200, "linking");
    wait_until_degraded(&demo.server, json!({ "visma_connect": "no_token" })).await;
    let now = metrics(&demo.server).await;
    // The library takes a histogram's parts together.
    let is_there = |name: &str| {
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        now.samples.iter().any(|sample| sample.metric == name)
    };

    let rules = std::fs::read_to_string(file("alerts.yml")).unwrap();
    let board = std::fs::read_to_string(file("grafana.json")).unwrap();
    let board: Value = serde_json::from_str(&board).unwrap();
    let panels = board["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<_> = panels.map(|target| target["expr"].as_str().unwrap()).collect();
    let text = format!("{rules}\n{}", expressions.join("\n"));
    assert!(names(&text).len() >= 12, "{:?}", names(&text));
    for name in names(&text) {
        assert!(is_there(name), "{name} is not in /metrics");
    }
    assert!(selectors(&rules).len() >= 10, "{:?}", selectors(&rules));
    for (name, label, word) in selectors(&rules) {
        assert!(value(&now, name, &[(label, word)]).is_some(), "{name}{{{label}=\"{word}\"}} is not in /metrics");
    }
    demo.running.shutdown().await;
}

#[test]
fn the_alert_rules_do_what_their_tests_say() {
    let check = |args: [&str; 2], name| Command::new("promtool").args(args).arg(file(name)).output();
    let Ok(checked) = check(["check", "rules"], "alerts.yml") else {
        eprintln!("not run: no promtool (Debian package prometheus)");
        return;
    };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let tested = check(["test", "rules"], "alerts.test.yml").unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}
