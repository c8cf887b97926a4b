//! Visma Connect as it may behave: odd answers, refusals for good, pauses that it asks for, accounts taken away.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crate::support::{ANNA, Employee, TestDemo, admin, until};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::{BoxFuture, join_all};
use hrm_api::Language;
use hrm_backend::clock::Clock;
use hrm_backend::directory::{
    Creation, Directory, DirectoryError, DirectorySettings, NewAccount, PublicApi, UNLINK_PATH, UserId,
};
use hrm_backend::keys::Keys;
use hrm_backend::mail::Mailer;
use hrm_backend::settings::Settings;
use hrm_backend::{flow, install_cryptography, server};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const EMAIL: &str = "anna@company.com";
const ERIK: &str = "erik.lund@verified.example";

/// A Visma Connect that answers as a test says.
struct Scripted {
    api: Arc<PublicApi>,
    /// `METHOD /path`, in the order of arrival.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// `answer` gets `METHOD /path?query`, the bearer token, and how many such calls came before. Tokens are issued
    /// unless it answers the call of the token endpoint itself.
    async fn start<F>(answer: impl Fn(String, String, usize) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Response>> + Send,
    {
        install_cryptography();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let tokens = Arc::new(AtomicUsize::new(0));
        let handler = {
            let calls = Arc::clone(&calls);
            move |request: Request| {
                let (calls, tokens, answer) = (Arc::clone(&calls), Arc::clone(&tokens), answer.clone());
                async move {
                    let line = format!("{} {}", request.method(), request.uri().path());
                    let token = request.headers().get(header::AUTHORIZATION);
                    let token = token.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
                    let before = {
                        let mut calls = calls.lock().unwrap();
                        calls.push(line.clone());
                        calls.iter().filter(|call| **call == line).count() - 1
                    };
                    let full = format!("{} {}", request.method(), request.uri());
                    if let Some(response) = answer(full, token, before).await {
                        return response;
                    }
                    assert_eq!(line, "POST /connect/token", "the script has no answer");
                    let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
                    json_of(200, &json!({ "access_token": format!("token {number}"), "expires_in": 3600 }))
                }
            }
        };
        let router = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { api: Arc::new(client(&url)), calls }
    }

    /// The same answer to every call but those for a token.
    async fn answering(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Self {
        let (headers, body) = (headers.to_vec(), body.to_owned());
        Self::start(move |call, _, _| {
            let (headers, body) = (headers.clone(), body.clone());
            async move { (!is_token(&call)).then(|| response(status, &headers, Body::from(body))) }
        })
        .await
    }

    fn count(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|known| *known == call).count()
    }
}

fn client(url: &str) -> PublicApi {
    PublicApi::new(DirectorySettings {
        token_url: format!("{url}connect/token").parse().unwrap(),
        api_url: url.parse().unwrap(),
        unlink_path: UNLINK_PATH.to_owned(),
        client_id: "client".to_owned(),
        client_secret: SecretString::from("secret"),
        timeout: Duration::from_secs(1),
    })
    .unwrap()
}

fn is_token(call: &str) -> bool {
    call.contains("/connect/token")
}

fn response(status: u16, headers: &[(&'static str, &'static str)], body: Body) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

fn json_of(status: u16, body: &Value) -> Response {
    response(status, &[("content-type", "application/json")], Body::from(body.to_string()))
}

fn account() -> NewAccount {
    NewAccount {
        email: EMAIL.to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Svensson".to_owned(),
        language: Language::Sv,
        country: "SE".to_owned(),
    }
}

async fn search(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Option<String> {
    let visma = Scripted::answering(status, headers, body).await;
    let found = visma.api.find(EMAIL).await;
    found.unwrap_or_else(|error| panic!("{status} {headers:?} {body}: {error}")).map(|UserId(id)| id)
}

mod answers {
    use super::*;

    #[tokio::test]
    async fn a_search_is_read_as_the_rfcs_allow_it() {
        let plain = [("content-type", "application/json")];
        let own = r#"{"id":"1","email":"anna@company.com"}"#;
        for (status, headers, body, expected) in [
            (200, &plain[..], format!("[{own}]"), Some("1")),
            (200, &[("content-type", "Application/JSON ; Charset=\"UTF-8\"")], format!("[{own}]"), Some("1")),
            (200, &[], format!("[{own}]"), Some("1")),
            (200, &plain, own.to_owned(), Some("1")),
            (200, &plain, r#"[{"id":"1","email":"Anna@COMPANY.com","name":null,"new":{"a":[1]}}]"#.into(), Some("1")),
            (
                200,
                &plain,
                format!(r#"[{{"id":"9","email":null}},{{"id":"8"}},{{"email":"{EMAIL}"}},{own}]"#),
                Some("1"),
            ),
            (200, &plain, format!(r#"[{{"id":"9","email":"anna@company.com.example"}},{own}]"#), Some("1")),
            (200, &plain, format!(r#"[{{"id":"9","email":"ANNA@company.com"}},{own}]"#), Some("1")),
            (200, &plain, r#"[{"id":"9","email":"hanna@company.com"}]"#.into(), None),
            (200, &plain, "[]".into(), None),
            (200, &plain, "null".into(), None),
            (200, &plain, String::new(), None),
            (204, &[], String::new(), None),
            (404, &plain, r#"{"error_code":"ERROR_USER_NOT_FOUND"}"#.into(), None),
            (404, &[], String::new(), None),
        ] {
            assert_eq!(search(status, headers, &body).await.as_deref(), expected, "{status} {headers:?} {body}");
        }
    }

    #[tokio::test]
    async fn a_search_that_comes_in_chunks_is_read() {
        let visma = Scripted::start(|call, _, _| async move {
            let parts = ["[{\"id\":\"1\",\"em", "ail\":\"anna@company", ".com\"}]"];
            let parts = parts.map(|part| Ok::<_, std::io::Error>(Bytes::from_static(part.as_bytes())));
            (!is_token(&call)).then(|| response(200, &[], Body::from_stream(futures_util::stream::iter(parts))))
        })
        .await;
        assert_eq!(visma.api.find(EMAIL).await.unwrap(), Some(UserId("1".to_owned())));
    }

    #[tokio::test]
    async fn nonsense_is_no_answer_and_nobody_is_found_or_missing() {
        for (status, body) in [(200, "<html>Sign in to the network</html>"), (200, "7"), (302, ""), (500, "[]")] {
            let visma = Scripted::answering(status, &[("content-type", "text/html")], body).await;
            let error = visma.api.find(EMAIL).await.unwrap_err();
            assert!(!error.is_permanent(), "{status} {body}: {error}");
        }
    }

    #[tokio::test]
    async fn a_creation_is_read_as_the_rfcs_allow_it() {
        for (status, body, expected) in [
            (201, r#"{"id":"1","email":"anna@company.com"}"#, Creation::Created(UserId("1".to_owned()))),
            (200, r#"{"id":"1"}"#, Creation::Created(UserId("1".to_owned()))),
            (201, r#"{"id":"1","email":null,"more":[]}"#, Creation::Created(UserId("1".to_owned()))),
            (201, "", Creation::CreatedWithoutId),
            (201, r#"{"id":null}"#, Creation::CreatedWithoutId),
            (409, "", Creation::Exists),
            (409, r#"{"error_code":null}"#, Creation::Exists),
        ] {
            let visma = Scripted::answering(status, &[], body).await;
            assert_eq!(visma.api.create(&account()).await.unwrap(), expected, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn every_4xx_but_the_passing_ones_is_a_no_for_good() {
        for status in [400, 402, 403, 404, 405, 406, 410, 412, 413, 415, 422, 451] {
            let problem = r#"{"error_code":"ERROR_INVALID_USER","title":"for anna@company.com"}"#;
            let visma = Scripted::answering(status, &[("content-type", "application/problem+json")], problem).await;
            let error = visma.api.create(&account()).await.unwrap_err();
            assert!(error.is_permanent(), "{error}");
            assert!(error.to_string().contains("ERROR_INVALID_USER"), "{error}");
            assert!(!error.to_string().contains("anna"), "no address for the log: {error}");
        }
        for status in [401, 408, 425, 429, 300, 500, 502, 503, 504] {
            let visma = Scripted::answering(status, &[], "").await;
            let error = visma.api.create(&account()).await.unwrap_err();
            assert!(!error.is_permanent(), "{error}");
        }
    }

    #[tokio::test]
    async fn a_refused_client_is_our_fault_and_not_the_persons() {
        let visma =
            Scripted::start(|_, _, _| async { Some(json_of(400, &json!({ "error": "invalid_client" }))) }).await;
        let error = visma.api.create(&account()).await.unwrap_err();
        assert!(!error.is_permanent(), "{error}");
    }

    #[tokio::test]
    async fn a_token_needs_only_its_value() {
        for body in [r#"{"access_token":"t"}"#, r#"{"access_token":"t","expires_in":null,"scope":null,"x":1}"#] {
            let visma = Scripted::start(move |call, token, _| async move {
                Some(match token.as_str() {
                    "" if is_token(&call) => response(200, &[], Body::from(body)),
                    "Bearer t" => response(204, &[], Body::empty()),
                    _ => response(401, &[], Body::empty()),
                })
            })
            .await;
            assert_eq!(visma.api.find(EMAIL).await.unwrap(), None);
            visma.api.find(EMAIL).await.unwrap();
            assert_eq!(visma.count("POST /connect/token"), 1, "it is used again: {body}");
        }
    }

    #[tokio::test]
    async fn a_domain_is_one_in_punycode_and_in_unicode() {
        let body = r#"[{"id":"1","email":"Anna@Räksmörgås.example"}]"#;
        let visma = Scripted::answering(200, &[], body).await;
        let found = visma.api.find("anna@xn--rksmrgs-5wao1o.example").await.unwrap();
        assert_eq!(found, Some(UserId("1".to_owned())));
        // It searches by the spelling that it stored.
        let visma = Scripted::start(move |call, _, _| async move {
            let stored = call.contains("r%C3%A4ksm%C3%B6rg%C3%A5s");
            (!is_token(&call))
                .then(|| if stored { response(200, &[], Body::from(body)) } else { json_of(200, &json!([])) })
        })
        .await;
        let found = visma.api.find("anna@xn--rksmrgs-5wao1o.example").await.unwrap();
        assert_eq!(found, Some(UserId("1".to_owned())));
    }
}

mod pauses {
    use super::*;

    /// Answers 429 or 503 with this `Retry-After` to the first search, and "nobody" to all others.
    async fn asking_for(status: u16, retry_after: String) -> Scripted {
        Scripted::start(move |call, _, before| {
            let retry_after = retry_after.clone();
            async move {
                (!is_token(&call)).then(|| {
                    if before > 0 {
                        return response(204, &[], Body::empty());
                    }
                    let mut response = response(status, &[], Body::empty());
                    response.headers_mut().insert(header::RETRY_AFTER, retry_after.parse().unwrap());
                    response
                })
            }
        })
        .await
    }

    #[tokio::test]
    async fn retry_after_is_one_pause_for_all_calls() {
        for status in [429, 503] {
            let visma = asking_for(status, "2".to_owned()).await;
            let asked = Instant::now();
            visma.api.find(EMAIL).await.unwrap_err();
            for _ in 0..5 {
                let calls = join_all((0..6).map(|_| visma.api.find(EMAIL))).await;
                assert!(calls.iter().all(Result::is_err), "{status}: {calls:?}");
                visma.api.create(&account()).await.unwrap_err();
            }
            assert!(asked.elapsed() < Duration::from_secs(1), "the calls in a pause fail at once");
            assert_eq!(visma.count("GET /v1.0/search/users"), 1, "{status}");
            until("the end of the pause", async || visma.api.find(EMAIL).await.ok()).await;
            assert!(asked.elapsed() >= Duration::from_secs(2), "{status}");
            assert_eq!(visma.count("GET /v1.0/search/users"), 2, "{status}");
        }
    }

    #[tokio::test]
    async fn retry_after_can_be_a_date() {
        let at = SystemTime::now() + Duration::from_secs(3);
        let visma = asking_for(429, httpdate::fmt_http_date(at)).await;
        visma.api.find(EMAIL).await.unwrap_err();
        visma.api.find(EMAIL).await.unwrap_err();
        assert_eq!(visma.count("GET /v1.0/search/users"), 1);
        until("the end of the pause", async || visma.api.find(EMAIL).await.ok()).await;
        assert!(SystemTime::now() + Duration::from_secs(1) >= at, "a date has whole seconds");
    }

    #[tokio::test]
    async fn a_429_without_a_time_is_a_pause_too() {
        let visma = Scripted::answering(429, &[], "").await;
        for _ in 0..5 {
            visma.api.find(EMAIL).await.unwrap_err();
        }
        assert_eq!(visma.count("GET /v1.0/search/users"), 1);
    }
}

mod tokens {
    use super::*;

    #[tokio::test]
    async fn a_silent_token_endpoint_makes_nobody_queue() {
        let visma = Scripted::start(|_, _, _| std::future::pending()).await;
        let began = Instant::now();
        let calls = join_all((0..8).map(|_| visma.api.find(EMAIL))).await;
        assert!(calls.iter().all(Result::is_err));
        // Its one time limit is a second.
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(visma.count("POST /connect/token"), 1, "one request for all");
    }

    #[tokio::test]
    async fn a_late_401_does_not_clear_a_newer_token() {
        let visma = Scripted::start(|call, token, _| async move {
            if is_token(&call) {
                return None;
            }
            if token == "Bearer token 1" {
                if call.contains("slow") {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                return Some(response(401, &[], Body::empty()));
            }
            Some(response(204, &[], Body::empty()))
        })
        .await;
        let (slow, quick) = tokio::join!(visma.api.find("slow@company.com"), async {
            until("the slow call", async || (visma.count("GET /v1.0/search/users") == 1).then_some(())).await;
            visma.api.find(EMAIL).await
        });
        assert_eq!((slow.unwrap(), quick.unwrap()), (None, None));
        assert_eq!(visma.count("POST /connect/token"), 2);
    }
}

mod refusals {
    use super::*;

    async fn code_of(demo: &TestDemo, who: &Employee, address: &str) -> String {
        who.send(address).await.state(202, "codeSent");
        demo.server.wait_for_code(address, 1).await
    }

    fn admin_ok(demo: &TestDemo, args: &[&str]) -> String {
        let (done, output) = admin(&demo.database_url, args);
        assert!(done, "{args:?}: {output}");
        output
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_no_for_good_ends_the_linking_with_a_sentence() {
        let demo = TestDemo::start().await;
        let anna = demo.server.sign_in("anna.svensson").await;
        let code = code_of(&demo, &anna, ANNA).await;
        demo.server.faults(json!({ "directory": "refuse" })).await;
        anna.verify(&code).await.is(409, "account_taken");
        assert_eq!(anna.state().await["status"], "notLinked");
        anna.verify(&code).await.is(409, "account_taken");
        assert_eq!(demo.count("SELECT COUNT(*) FROM link_jobs").await, 0, "nothing goes on");

        let progress = admin_ok(&demo, &["progress", "--company", "demo"]);
        assert!(progress.contains("\n1 refused: Visma Connect answered 400 ERROR_INVALID_USER"), "{progress}");
        let json: Value =
            serde_json::from_str(&admin_ok(&demo, &["progress", "--company", "demo", "--format", "json"])).unwrap();
        assert_eq!(json["causes"]["refused: Visma Connect answered 400 ERROR_INVALID_USER"], 1, "{json}");
        demo.server.faults(json!({ "directory": "ok" })).await;
        let other = "anna.svensson@gmail.com";
        demo.server.advance(60).await;
        let code = code_of(&demo, &anna, other).await;
        assert_eq!(anna.verify(&code).await.state(200, "linked")["account"]["email"], other);
        assert!(!admin_ok(&demo, &["progress", "--company", "demo"]).contains("refused:"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_administrator_can_have_it_tried_again() {
        let demo = TestDemo::start().await;
        let anna = demo.server.sign_in("anna.svensson").await;
        let code = code_of(&demo, &anna, ANNA).await;
        demo.server.faults(json!({ "directory": "refuse" })).await;
        anna.verify(&code).await.is(409, "account_taken");
        demo.server.faults(json!({ "directory": "ok" })).await;
        admin_ok(&demo, &["retry-linking", "anna.svensson"]);
        assert_eq!(anna.wait_for_status("linked").await["account"]["email"], ANNA);
        let (done, output) = admin(&demo.database_url, &["retry-linking", "anna.svensson"]);
        assert!(!done && output.contains("is linked"), "{output}");
        assert!(admin_ok(&demo, &["audit", "--format", "csv"]).contains("retry-linking"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_no_that_the_worker_gets_is_told_by_the_state() {
        let demo = TestDemo::start().await;
        let erik = demo.server.sign_in("erik.lund").await;
        demo.server.faults(json!({ "directory": "error" })).await;
        erik.send(ERIK).await.state(200, "linking");
        let waiting = until("the reason of the wait", async || {
            let progress = admin_ok(&demo, &["progress", "--company", "demo"]);
            (progress.contains("waiting: Visma Connect") && progress.contains("answered 500 ERROR_INTERNAL"))
                .then_some(())
        });
        waiting.await;
        erik.snooze().await;
        demo.server.faults(json!({ "directory": "refuse" })).await;
        let state = erik.wait_for_status("notLinked").await;
        assert_eq!(state["problem"], "account_taken", "{state}");
        assert_eq!(state["banner"]["visible"], true, "the employee has something to do again");
        erik.start_over().await.state(200, "notLinked");
        assert_eq!(erik.state().await["problem"], Value::Null);
        demo.server.faults(json!({ "directory": "ok" })).await;
        erik.send(ERIK).await.state(200, "linked");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_after_days_of_waiting_is_told_for_two_days() {
        let demo = TestDemo::start().await;
        let erik = demo.server.sign_in("erik.lund").await;
        demo.server.faults(json!({ "directory": "error" })).await;
        erik.send(ERIK).await.state(200, "linking");
        demo.execute("UPDATE challenges SET created_at = created_at - 432000000").await;
        demo.server.faults(json!({ "directory": "refuse" })).await;
        erik.wait_for_status("notLinked").await;
        demo.server.advance(24 * 3_600).await;
        demo.server.wait_for_metric("hrm_sweeps_total", 2).await;
        let told = erik.state().await;
        assert_eq!(told["problem"], "account_taken");
        demo.server.advance(25 * 3_600).await;
        let is_over = async || Some(erik.state().await).filter(|state| state["problem"] == Value::Null);
        let over = until("no problem", is_over).await;
        assert!(over["revision"].as_u64() > told["revision"].as_u64(), "{over}");
        let (done, output) = admin(&demo.database_url, &["retry-linking", "erik.lund"]);
        assert!(!done && output.contains("must start again"), "{output}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_that_exists_and_is_never_found_is_refused() {
        let demo = TestDemo::start().await;
        let mia = demo.server.sign_in("mia.berg").await;
        let address = "mia.berg@company.com";
        let code = code_of(&demo, &mia, address).await;
        demo.server.faults(json!({ "directory": "conflict" })).await;
        mia.verify(&code).await.state(200, "linking");
        demo.execute("UPDATE link_jobs SET created_at = created_at - 3500000").await;
        assert_eq!(mia.state().await["status"], "linking", "a search may find it within an hour");
        demo.execute("UPDATE link_jobs SET created_at = created_at - 3600000").await;
        assert_eq!(mia.wait_for_status("notLinked").await["problem"], "account_taken");
        let progress = admin_ok(&demo, &["progress", "--company", "demo"]);
        assert!(progress.contains("refused: Visma Connect says that the account exists, but"), "{progress}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pause_of_visma_connect_is_waited_for_and_shown() {
        let demo = TestDemo::start().await;
        let erik = demo.server.sign_in("erik.lund").await;
        demo.server.faults(json!({ "directory": "busy" })).await;
        erik.send(ERIK).await.state(200, "linking");
        let progress = admin_ok(&demo, &["progress", "--company", "demo"]);
        assert!(progress.contains("waiting: Visma Connect asked for a pause"), "{progress}");
        demo.server.faults(json!({ "directory": "ok" })).await;
        erik.wait_for_status("linked").await;
        let attempts = admin_ok(&demo, &["progress", "--company", "demo"]);
        assert!(!attempts.contains("waiting:"), "{attempts}");
    }
}

mod sweeping {
    use super::*;

    /// Rows of any table that contain a text.
    async fn places_of(demo: &TestDemo, text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        for (place, query) in [
            (
                "employees",
                "SELECT COUNT(*) FROM employees WHERE COALESCE(challenge_id, '') LIKE $1 OR username_key LIKE $1",
            ),
            ("sessions", "SELECT COUNT(*) FROM sessions WHERE token_hash LIKE $1"),
            ("challenges", "SELECT COUNT(*) FROM challenges WHERE address LIKE $1"),
            ("codes", "SELECT COUNT(*) FROM codes WHERE address LIKE $1"),
            ("link_jobs", "SELECT COUNT(*) FROM link_jobs WHERE address LIKE $1 OR last_error LIKE $1"),
            ("unlink_jobs", "SELECT COUNT(*) FROM unlink_jobs WHERE requested_by LIKE $1 OR last_error LIKE $1"),
            ("link_problem", "SELECT COUNT(*) FROM employees WHERE link_problem LIKE $1"),
            ("outbox", "SELECT COUNT(*) FROM outbox WHERE recipient LIKE $1 OR sealed LIKE $1"),
            ("idempotency", "SELECT COUNT(*) FROM idempotency WHERE body LIKE $1 OR fingerprint LIKE $1"),
            ("rate_limits", "SELECT COUNT(*) FROM rate_limits WHERE bucket LIKE $1"),
            ("audit", "SELECT COUNT(*) FROM audit WHERE old_value LIKE $1 OR new_value LIKE $1"),
        ] {
            let database =
                hrm_backend::database::Database::connect(&demo.database_url, Default::default()).await.unwrap();
            let mut tx = database.begin_read().await.unwrap();
            let like = format!("%{text}%");
            let count: i64 = sqlx::query_scalar(query).bind(like).fetch_one(&mut *tx).await.unwrap();
            drop(tx);
            database.close().await;
            if count > 0 {
                found.push(place);
            }
        }
        found
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_address_is_kept_longer_than_the_rules_say() {
        let demo = TestDemo::start().await;
        let typed = |name: &str| format!("{name}@private.example");
        // A challenge without an end, one with used-up attempts, one that was refused, and one that was linked.
        let anna = demo.server.sign_in("anna.svensson").await;
        anna.send(&typed("open")).await.state(202, "codeSent");
        let erik = demo.server.sign_in("erik.lund").await;
        erik.send(&typed("exhausted")).await.state(202, "codeSent");
        let code = demo.server.wait_for_code(&typed("exhausted"), 1).await;
        for _ in 0..5 {
            erik.verify(crate::support::wrong_for(&code)).await;
        }
        let mia = demo.server.sign_in("mia.berg").await;
        mia.send(&typed("linked")).await.state(202, "codeSent");
        let code = demo.server.wait_for_code(&typed("linked"), 1).await;
        mia.verify(&code).await.state(200, "linked");
        let kari = demo.server.sign_in("kari.holm").await;
        kari.send(&typed("refused")).await.state(202, "codeSent");
        let code = demo.server.wait_for_code(&typed("refused"), 1).await;
        demo.server.faults(json!({ "directory": "refuse" })).await;
        kari.verify(&code).await;
        assert_eq!(places_of(&demo, "private.example").await, ["challenges", "codes", "idempotency"]);

        let days = 3 * 24 * 3_600;
        demo.server.advance(days).await;
        until("no address", async || places_of(&demo, "private.example").await.is_empty().then_some(())).await;
        assert_eq!(mia.state().await["account"]["email"], typed("linked"), "the link keeps its address");
        assert_eq!(anna.state().await["status"], "notLinked");
        anna.send(&typed("open")).await.state(202, "codeSent");
        // The administrator still sees why.
        let (_, progress) = admin(&demo.database_url, &["progress", "--company", "demo"]);
        assert!(progress.contains("refused"), "{progress}");
    }
}

mod stuck_mails {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_that_nobody_can_process_is_deleted_after_eight_days() {
        let demo = TestDemo::start().await;
        let anna = demo.server.sign_in("anna.svensson").await;
        demo.server.faults(json!({ "mail": "delay" })).await;
        anna.send(ANNA).await.state(202, "codeSent");
        anna.wait_for_delivery("deferred").await;
        // Always leased: what a program that ends at this mail leaves behind.
        let age = |days: i64| {
            let at = Clock::system_now() - days * 86_400_000;
            let leased = Clock::system_now() + 1_800_000;
            format!("UPDATE outbox SET created_at = {at}, next_at = {leased}, lease_until = {leased}")
        };
        demo.execute(&age(7)).await;
        demo.server.advance(2 * 3_600).await;
        demo.server.wait_for_metric("hrm_sweeps_total", 2).await;
        assert_eq!(demo.count("SELECT COUNT(*) FROM outbox").await, 1);
        demo.execute(&age(9)).await;
        demo.server.advance(2 * 3_600).await;
        until("no mail", async || (demo.count("SELECT COUNT(*) FROM outbox").await == 0).then_some(())).await;
    }
}

mod leases {
    use super::*;

    /// Each call takes most of a lease; a search finds what was created.
    #[derive(Default)]
    struct Slow {
        under_way: AtomicUsize,
        searches: AtomicUsize,
        creations: AtomicUsize,
        accounts: Mutex<HashSet<String>>,
    }

    impl Slow {
        async fn work(&self) {
            self.under_way.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(600)).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Directory for Slow {
        fn unlink<'a>(&'a self, _: &'a UserId) -> BoxFuture<'a, Result<(), DirectoryError>> {
            Box::pin(async { Ok(()) })
        }

        fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>> {
            Box::pin(async move {
                self.searches.fetch_add(1, Ordering::SeqCst);
                self.work().await;
                // Its index is behind.
                Ok(None)
            })
        }

        fn create<'a>(&'a self, account: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>> {
            Box::pin(async move {
                self.creations.fetch_add(1, Ordering::SeqCst);
                self.work().await;
                let is_new = self.accounts.lock().unwrap().insert(account.email.clone());
                Ok(if is_new { Creation::Created(UserId("1".to_owned())) } else { Creation::Exists })
            })
        }
    }

    /// A backend with Anna, who needs no code.
    async fn start(url: &str, lease: i64, directory: Arc<dyn Directory>) -> Arc<hrm_backend::Backend> {
        install_cryptography();
        let hash = crate::support::light_hash();
        crate::support::import(url, &[format!("anna,anna,{hash},Anna,Svensson,sv,SE,{EMAIL}")]);
        let (done, output) = admin(url, &["company", "acme", "--policy", "never"]);
        assert!(done, "{output}");
        let settings = Settings { poll: Duration::from_millis(20), lease, ..Settings::new(url.to_owned()) };
        let keys = Keys::parse(&SecretString::from("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")).unwrap();
        let mailer = Mailer::new(&"smtp://127.0.0.1:9".parse().unwrap(), None, "a@b.example".parse().unwrap()).unwrap();
        server::start(settings, keys, directory, mailer, Clock::default()).await.unwrap()
    }

    /// A fault of the program: the first searches panic.
    #[derive(Default)]
    struct Panicking(AtomicUsize);

    impl Directory for Panicking {
        fn unlink<'a>(&'a self, _: &'a UserId) -> BoxFuture<'a, Result<(), DirectoryError>> {
            Box::pin(async { Ok(()) })
        }

        fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>> {
            Box::pin(async move {
                assert!(self.0.fetch_add(1, Ordering::SeqCst) >= 2, "a panic in a job");
                Ok(Some(UserId("1".to_owned())))
            })
        }

        fn create<'a>(&'a self, _: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>> {
            Box::pin(async { Ok(Creation::Exists) })
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_counts_as_a_failed_try() {
        let folder = TempDir::new().unwrap();
        let url = crate::support::database_url(folder.path()).await;
        let visma = Arc::new(Panicking::default());
        // Longer than the test waits: a job that keeps its lease would not be tried again.
        let backend = start(&url, 600_000, Arc::clone(&visma) as _).await;
        flow::send(&backend, "anna", "key", EMAIL).await.unwrap();
        until("a failed try", async || {
            let tries = crate::support::count(&url, "SELECT COUNT(*) FROM link_jobs WHERE attempts > 0").await;
            let links = crate::support::count(&url, "SELECT COUNT(*) FROM links").await;
            (tries + links > 0).then_some(())
        })
        .await;
        until("the link", async || {
            (crate::support::count(&url, "SELECT COUNT(*) FROM links").await == 1).then_some(())
        })
        .await;
        assert_eq!(visma.0.load(Ordering::SeqCst), 3);
        backend.stopping.cancel();
        backend.tasks.close();
        backend.tasks.wait().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_attempt_keeps_its_lease_and_creates_once() {
        let folder = TempDir::new().unwrap();
        let url = crate::support::database_url(folder.path()).await;
        let visma = Arc::new(Slow::default());
        let backend = start(&url, 1_000, Arc::clone(&visma) as _).await;
        flow::send(&backend, "anna", "key", EMAIL).await.unwrap();
        let linked = async || {
            let rows = crate::support::count(&url, "SELECT COUNT(*) FROM links").await;
            (rows == 1 && visma.under_way.load(Ordering::SeqCst) == 0).then_some(())
        };
        until("the link, and the end of every call", linked).await;
        assert_eq!(visma.creations.load(Ordering::SeqCst), 1);
        assert_eq!(visma.searches.load(Ordering::SeqCst), 1, "no second attempt while the first one runs");
        backend.stopping.cancel();
        backend.tasks.close();
        backend.tasks.wait().await;
    }
}

mod leavers {
    use super::*;

    /// Erik, linked at once.
    async fn linked(demo: &TestDemo) -> Employee {
        let erik = demo.server.sign_in("erik.lund").await;
        erik.send(ERIK).await.state(200, "linked");
        erik
    }

    fn day(days: i64) -> String {
        (chrono::Utc::now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string()
    }

    async fn leaves(demo: &TestDemo, id: &str, on: &str) {
        demo.execute(&format!("UPDATE employees SET leaves_on = '{on}' WHERE id = '{id}'")).await;
    }

    /// Whether the account is taken away at Visma Connect.
    fn unlinked_at_visma(demo: &TestDemo) -> bool {
        let users = std::fs::read(demo.folder.path().join("visma-connect.json")).unwrap();
        serde_json::from_slice::<Value>(&users).unwrap()[ERIK]["unlinked"] == true
    }

    #[tokio::test]
    async fn wrong_settings_are_named_at_the_start() {
        let mut command = crate::support::program();
        command.arg("serve").env("HRM_UNLINK_DAYS_AFTER_LEAVING", "soon").env("HRM_VISMA_UNLINK_PATH", "v1.0/unlink");
        let output = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(output.contains("HRM_UNLINK_DAYS_AFTER_LEAVING: is not a number from 0 to 365"), "{output}");
        assert!(output.contains("HRM_VISMA_UNLINK_PATH: has no {user_id} in it"), "{output}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_administrator_sets_and_takes_back_a_leaving_date() {
        let demo = TestDemo::start().await;
        linked(&demo).await;
        for wrong in ["2026-13-01", "31.12.2026", "2026-1-1", "+2026-01-01", "", "soon"] {
            let (done, output) = admin(&demo.database_url, &["leaving-date", "erik.lund", wrong]);
            assert!(!done && output.contains("Write it as 2026-12-31"), "{wrong}: {output}");
        }
        let set = |date: &str| admin(&demo.database_url, &["leaving-date", "Erik.Lund", date]).0;
        let rows = "SELECT COUNT(*) FROM audit WHERE what = 'leaving-date'";
        assert!(set(&day(-30)) && set("none") && set("none"));
        assert_eq!(demo.count(rows).await, 2, "no change, no row");
        assert_eq!(demo.count("SELECT COUNT(*) FROM employees WHERE leaves_on IS NOT NULL").await, 0);
        assert!(set(&day(-30)));
        sweep(&demo, 1).await;
        until("no link", async || (demo.count("SELECT COUNT(*) FROM links").await == 0).then_some(())).await;
    }

    async fn sweep(demo: &TestDemo, days: u32) {
        demo.server.advance(days * 24 * 3_600).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_link_is_taken_away_five_days_after_the_last() {
        let demo = TestDemo::start().await;
        let erik = linked(&demo).await;
        leaves(&demo, "demo-erik", &day(1)).await;
        sweep(&demo, 5).await;
        demo.server.wait_for_metric("hrm_sweeps_total", 2).await;
        assert_eq!(demo.count("SELECT COUNT(*) FROM unlink_jobs").await, 0, "it is the fourth day");
        assert_eq!(erik.state().await["status"], "linked");
        sweep(&demo, 2).await;
        erik.wait_for_status("notLinked").await;
        assert!(unlinked_at_visma(&demo));
        let mail = &demo.server.wait_for_mails(ERIK, 1).await[0];
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("no longer linked to the Visma Connect account") && text.contains("e…@…"), "{text}");
        let (_, audit) = admin(&demo.database_url, &["audit", "--format", "json"]);
        let audit: Value = serde_json::from_str(&audit).unwrap();
        assert_eq!((&audit[0]["what"], &audit[0]["who"]), (&json!("unlink"), &json!("leaving date")));
        // Signing in is Flex HRM's decision; a new link would be taken away again.
        erik.send(ERIK).await.is(423, "linking_locked");
        let (_, progress) = admin(&demo.database_url, &["progress", "--company", "demo"]);
        assert!(progress.contains("1 linked") || progress.contains("0 linked"), "{progress}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn visma_connect_is_first_and_an_outage_only_delays() {
        let demo = TestDemo::start().await;
        let erik = linked(&demo).await;
        demo.server.faults(json!({ "directory": "error" })).await;
        leaves(&demo, "demo-erik", &day(-30)).await;
        sweep(&demo, 1).await;
        let reason = async || {
            let (_, progress) = admin(&demo.database_url, &["progress", "--company", "demo"]);
            progress.contains("unlinking: Visma Connect answered 500").then_some(())
        };
        until("the reason of the wait", reason).await;
        assert_eq!(erik.state().await["status"], "linked");
        // A crash between the two steps: Visma Connect has unlinked, the row is still here.
        let demo = demo.restart().await;
        let erik = Employee { server: demo.server.clone(), ..erik };
        erik.wait_for_status("notLinked").await;
        assert!(unlinked_at_visma(&demo));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_unlinking_that_was_done_before_counts_as_done() {
        let demo = TestDemo::start().await;
        let erik = linked(&demo).await;
        let rows = "INSERT INTO unlink_jobs (employee_id, requested_by, is_leaver, created_at, next_at)
                    VALUES ('demo-erik', 'the test', 0, 0, 0)";
        // Before: what a backend that was killed after Visma Connect's answer leaves.
        demo.execute(rows).await;
        erik.wait_for_status("notLinked").await;
        erik.send(ERIK).await.state(200, "linked");
        demo.execute(rows).await;
        erik.wait_for_status("notLinked").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_comes_back_in_time_keeps_the_link() {
        let demo = TestDemo::start().await;
        let erik = linked(&demo).await;
        demo.server.faults(json!({ "directory": "error" })).await;
        leaves(&demo, "demo-erik", &day(-30)).await;
        sweep(&demo, 1).await;
        until("the job", async || (demo.count("SELECT COUNT(*) FROM unlink_jobs").await == 1).then_some(())).await;
        leaves(&demo, "demo-erik", &day(30)).await;
        demo.server.faults(json!({ "directory": "ok" })).await;
        until("no job", async || (demo.count("SELECT COUNT(*) FROM unlink_jobs").await == 0).then_some(())).await;
        assert_eq!(erik.state().await["status"], "linked");
        assert!(!unlinked_at_visma(&demo));
    }
}
