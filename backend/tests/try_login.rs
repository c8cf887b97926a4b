//! A linked employee practises the new login, with the demo's stand-in for Visma Connect.

use std::time::Duration;

use crate::support::{ANNA, Answer, Employee, Program, TestDemo, admin, light_hash, serve, until};
use futures_util::future::join_all;
use hrm_fakes::login::TokenFault;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

const MIA: &str = "mia.berg@company.com";
const TRY: &str = "/v1/me/visma-connect/try-login";

/// Anna, linked.
async fn anna(demo: &TestDemo) -> Employee {
    let anna = demo.server.sign_in("anna.svensson").await;
    anna.send(ANNA).await.state(202, "codeSent");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    anna.verify(&code).await.state(200, "linked");
    anna
}

/// The address that the app would open.
async fn begin(employee: &Employee) -> Url {
    let answer = Answer::of(employee.request(Method::POST, TRY)).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.body["authorizeUrl"].as_str().unwrap().parse().unwrap()
}

/// The system's browser: signs in, and returns the address that it is then sent to. An empty address cancels.
async fn sign_in(authorize_url: &Url, email: &str) -> Url {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser.get(authorize_url.clone()).send().await.unwrap().text().await.unwrap();
    let request = page.split_once("name=\"request\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let choice = [("request", request.as_str()), ("email", email)];
    let answer = browser.post(authorize_url.clone()).form(&choice).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().parse().unwrap()
}

/// The status and the text of the page at the end.
async fn page(callback: Url) -> (StatusCode, String) {
    let answer = reqwest::get(callback).await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn result(employee: &Employee) -> Value {
    employee.state().await["tryLogin"]["status"].clone()
}

async fn neutral(callback: Url) {
    let (status, text) = page(callback).await;
    assert!(status == 400 && text.contains("This sign-in is over."), "{status} {text}");
}

fn with(mut url: Url, name: &str, value: Option<&str>) -> Url {
    let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    url.query_pairs_mut().clear().extend_pairs(others).extend_pairs(value.map(|value| (name, value)));
    url
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
}

mod the_employee {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn signs_in_and_the_app_hears_that_it_works() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let state = anna.state().await;
        assert!(state.as_object().unwrap().contains_key("tryLogin") && state["tryLogin"].is_null(), "{state}");
        let url = begin(&anna).await;
        assert_eq!(parameter(&url, "code_challenge_method"), "S256");
        let state = anna.state().await;
        assert_eq!(state["tryLogin"]["status"], "waiting");
        assert!(state["tryLogin"]["expiresAt"].is_string());

        let mut events = anna.request(Method::GET, "/v1/me/visma-connect/events").send().await.unwrap();
        crate::support::read_until(&mut events, "\"waiting\"").await;
        let answer = reqwest::get(sign_in(&url, ANNA).await).await.unwrap();
        assert_eq!(answer.status(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{policy}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let text = answer.text().await.unwrap();
        assert!(text.contains("Your new login works.") && text.contains("You can close this page"), "{text}");
        crate::support::read_until(&mut events, "\"worked\"").await;

        assert_eq!(result(&anna).await, "worked");
        let audit = demo.admin(&["audit", "--user", "anna.svensson", "--what", "try-login"]);
        assert!(audit.contains("the employee") && audit.contains(r#"{"result":"worked"}"#), "{audit}");
        let progress = demo.admin(&["progress", "--company", "demo"]);
        assert!(progress.contains("1 tried the new login"), "{progress}");
        demo.server.wait_for_metric("hrm_login_tries_total{result=\"worked\"}", 1).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn learns_that_it_was_another_account_or_not_finished() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let (status, text) = page(sign_in(&begin(&anna).await, MIA).await).await;
        assert!(
            status == 200 && text.contains("an account that is not linked") || text.contains("not linked to your user"),
            "{text}"
        );
        assert_eq!(result(&anna).await, "otherAccount");
        let (status, text) = page(sign_in(&begin(&anna).await, "").await).await;
        assert!(status == 200 && text.contains("The sign-in was not finished."), "{text}");
        assert_eq!(result(&anna).await, "notFinished");
        // Trying again takes the old result away.
        page(sign_in(&begin(&anna).await, ANNA).await).await;
        assert_eq!(result(&anna).await, "worked");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn can_cancel_and_waits_for_ten_minutes() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let callback = sign_in(&begin(&anna).await, ANNA).await;
        Answer::of(anna.request(Method::DELETE, TRY)).await.state(200, "linked");
        assert_eq!(result(&anna).await, "notFinished");
        neutral(callback).await;
        assert!(demo.admin(&["audit", "--what", "try-login"]).contains(r#"{"result":"notFinished"}"#));

        let callback = sign_in(&begin(&anna).await, ANNA).await;
        demo.server.advance(599).await;
        assert_eq!(result(&anna).await, "waiting");
        demo.server.advance(1).await;
        assert_eq!(result(&anna).await, "notFinished");
        neutral(callback).await;
        assert_eq!(result(&anna).await, "notFinished");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn can_begin_five_times_in_an_hour() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        for _ in 0..5 {
            begin(&anna).await;
        }
        let refused = Answer::of(anna.request(Method::POST, TRY)).await.is(429, "too_many_requests");
        assert!((3_590..=3_600).contains(&refused["retryAfterSeconds"].as_u64().unwrap()), "{refused}");
        demo.server.advance(3_600).await;
        begin(&anna).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn has_to_be_linked() {
        let demo = TestDemo::start().await;
        let erik = demo.server.sign_in("erik.lund").await;
        Answer::of(erik.request(Method::POST, TRY)).await.is(409, "not_linked");
        assert!(!erik.state().await.as_object().unwrap().contains_key("tryLogin"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whose_link_is_taken_away_has_tried_nothing() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let callback = sign_in(&begin(&anna).await, ANNA).await;
        demo.admin(&["unlink", "anna.svensson"]);
        anna.wait_for_status("notLinked").await;
        neutral(callback).await;
        demo.server.advance(60).await;
        anna.send(ANNA).await.state(202, "codeSent");
        // The second mail says that the link was taken away.
        anna.verify(&demo.server.wait_for_code(ANNA, 3).await).await.state(200, "linked");
        assert!(anna.state().await["tryLogin"].is_null());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn reads_the_page_in_their_language() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        demo.execute("UPDATE employees SET language = 'fi' WHERE id = 'demo-anna'").await;
        let callback = sign_in(&begin(&anna).await, ANNA).await;
        let (_, text) = page(callback.clone()).await;
        assert!(text.contains("lang=\"fi\"") && text.contains("Uusi kirjautumisesi toimii."), "{text}");
        for (wanted, word) in [("de, nn-NO;q=0.8", "avsluttet"), ("da", "afsluttet"), ("", "This sign-in")] {
            let answer = reqwest::Client::new().get(callback.clone()).header("Accept-Language", wanted).send();
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), 400);
            assert!(answer.text().await.unwrap().contains(word), "{wanted}");
        }
    }
}

mod a_callback {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_foreign_forged_or_mixed_up_changes_nothing() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let right = sign_in(&begin(&anna).await, ANNA).await;
        for wrong in [
            with(right.clone(), "state", Some("forged")),
            with(right.clone(), "state", None),
            with(right.clone(), "code", None),
            // RFC 9207: the answer of another provider.
            with(right.clone(), "iss", Some("https://other.example")),
            format!("{right}&state=twice").parse().unwrap(),
            format!("{}/v1/visma-connect/callback", demo.server.url).parse().unwrap(),
        ] {
            neutral(wrong.clone()).await;
            assert_eq!(result(&anna).await, "waiting", "{wrong}");
        }
        assert_eq!(page(right.clone()).await.0, 200);
        // Repeated, and repeated with a denial.
        neutral(right.clone()).await;
        neutral(with(right, "error", Some("access_denied"))).await;
        assert_eq!(result(&anna).await, "worked");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_an_earlier_try_is_over_when_the_next_begins() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let first = sign_in(&begin(&anna).await, ANNA).await;
        let second = sign_in(&begin(&anna).await, MIA).await;
        neutral(first).await;
        assert_eq!(result(&anna).await, "waiting");
        page(second).await;
        assert_eq!(result(&anna).await, "otherAccount");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn from_somebody_else_gains_nothing() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let mia = demo.server.sign_in("mia.berg").await;
        mia.send(MIA).await.state(202, "codeSent");
        mia.verify(&demo.server.wait_for_code(MIA, 1).await).await.state(200, "linked");
        // Mia opens the address that Anna passed on, and signs in as herself.
        page(sign_in(&begin(&anna).await, MIA).await).await;
        assert_eq!(result(&anna).await, "otherAccount");
        assert!(mia.state().await["tryLogin"].is_null());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_hundred_at_once_counts_once() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let callback = sign_in(&begin(&anna).await, ANNA).await;
        let pages = join_all((0..100).map(|_| page(callback.clone()))).await;
        let ok = pages.iter().filter(|(status, _)| *status == 200).count();
        let refused = pages.iter().filter(|(status, _)| *status == 400).count();
        assert_eq!((ok, refused), (1, 99));
        assert_eq!(result(&anna).await, "worked", "the one that redeemed the code");
        assert_eq!(demo.count("SELECT COUNT(*) FROM audit WHERE what = 'try-login'").await, 1);
    }
}

mod tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn that_are_wrong_finish_nothing() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        for fault in [
            TokenFault::Error,
            TokenFault::NoIdToken,
            TokenFault::OtherIssuer,
            TokenFault::OtherAudience,
            TokenFault::OtherNonce,
            TokenFault::Unsigned,
            TokenFault::ForgedKey,
            TokenFault::UnknownKey,
            TokenFault::SignedBySecret,
            TokenFault::Expired(62),
            TokenFault::IssuedAhead(62),
        ] {
            demo.running.login.misbehave(fault);
            let (status, text) = page(sign_in(&begin(&anna).await, ANNA).await).await;
            assert!(status == 200 && text.contains("not finished"), "{fault:?}: {text}");
            assert_eq!(result(&anna).await, "notFinished", "{fault:?}");
            demo.server.advance(1_000).await;
        }
        // RFC 7519, 4.1.4: some leeway for the clocks.
        for fault in [TokenFault::Expired(50), TokenFault::IssuedAhead(50), TokenFault::None] {
            demo.running.login.misbehave(fault);
            page(sign_in(&begin(&anna).await, ANNA).await).await;
            assert_eq!(result(&anna).await, "worked", "{fault:?}");
            demo.server.advance(1_000).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_do_not_come_are_not_waited_for() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        demo.running.login.misbehave(TokenFault::Timeout);
        let callback = sign_in(&begin(&anna).await, ANNA).await;
        let (status, text) = tokio::time::timeout(Duration::from_secs(20), page(callback)).await.unwrap();
        assert!(status == 200 && text.contains("not finished"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_new_key_are_accepted_at_once() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        page(sign_in(&begin(&anna).await, ANNA).await).await;
        demo.running.login.rotate_key();
        page(sign_in(&begin(&anna).await, MIA).await).await;
        assert_eq!(result(&anna).await, "otherAccount");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn and_what_belongs_to_them_are_nowhere_at_rest() {
        let demo = TestDemo::start().await;
        let anna = anna(&demo).await;
        let url = begin(&anna).await;
        let callback = sign_in(&url, ANNA).await;
        let secrets = [parameter(&url, "state"), parameter(&url, "nonce"), parameter(&callback, "code")];
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        for round in ["waiting", "worked"] {
            assert_eq!(result(&anna).await, round);
            assert_eq!(demo.search(&secrets).await, Vec::<String>::new(), "{round}");
            page(callback.clone()).await;
        }
        let state = anna.state().await.to_string();
        assert!(secrets.iter().all(|secret| !state.contains(*secret)));
    }
}

mod a_server {
    use super::*;

    const PUBLIC_URL: &str = "http://127.0.0.1:1";

    async fn start(demo: &TestDemo, database_url: &str, settings: &[(&str, &str)]) -> Program {
        demo.running.login.register(&format!("{PUBLIC_URL}/v1/visma-connect/callback"));
        Program::start(serve(database_url, &demo.running).envs(settings.iter().copied()))
    }

    async fn people(folder: &TempDir) -> String {
        let database_url = crate::support::database_url(folder.path()).await;
        crate::support::import(&database_url, &[format!("n1,nils,{},Nils,Ek,nb,NO,nils@company.com", light_hash())]);
        let (done, output) = admin(&database_url, &["company", "acme", "--policy", "never"]);
        assert!(done, "{output}");
        database_url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_not_set_up_for_it_knows_nothing_of_it() {
        let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
        let program = start(&demo, &people(&folder).await, &[]).await;
        let nils = program.server.sign_in("nils").await;
        nils.send("nils@company.com").await.state(200, "linked");
        assert!(!nils.state().await.as_object().unwrap().contains_key("tryLogin"));
        Answer::of(nils.request(Method::POST, TRY)).await.is(404, "try_login_off");
        Answer::of(nils.request(Method::DELETE, TRY)).await.is(404, "try_login_off");
        let callback = program.server.request(Method::GET, "/v1/visma-connect/callback?state=a&code=b");
        Answer::of(callback).await.is(404, "try_login_off");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn takes_the_browser_of_a_try_that_another_began() {
        if !crate::support::on_postgres() {
            return;
        }
        let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
        let database_url = people(&folder).await;
        let issuer = demo.running.services().visma_url.trim_end_matches('/').to_owned();
        let settings = [("HRM_VISMA_ISSUER", issuer.as_str()), ("HRM_PUBLIC_URL", PUBLIC_URL)];
        let first = start(&demo, &database_url, &settings).await;
        let second = start(&demo, &database_url, &settings).await;
        let nils = first.server.sign_in("nils").await;
        nils.send("nils@company.com").await.state(200, "linked");
        let callback = sign_in(&begin(&nils).await, "nils@company.com").await;
        let at_second = callback.as_str().replace(PUBLIC_URL, &second.server.url);
        let (status, text) = page(at_second.parse().unwrap()).await;
        assert!(status == 200 && text.contains("Den nye innloggingen din fungerer."), "{text}");
        until("the result", async || (result(&nils).await == "worked").then_some(())).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn logs_nothing_that_belongs_to_a_try() {
        let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
        let database_url = people(&folder).await;
        demo.running.login.register(&format!("{PUBLIC_URL}/v1/visma-connect/callback"));
        let issuer = demo.running.services().visma_url.trim_end_matches('/').to_owned();
        let log = folder.path().join("log");
        let mut command = serve(&database_url, &demo.running);
        command.env("HRM_VISMA_ISSUER", issuer).env("HRM_PUBLIC_URL", PUBLIC_URL).env("HRM_LOG", "debug");
        let program = Program::start(command.stderr(std::fs::File::create(&log).unwrap()));
        let nils = program.server.sign_in("nils").await;
        nils.send("nils@company.com").await.state(200, "linked");
        for fault in [TokenFault::OtherNonce, TokenFault::Error, TokenFault::None] {
            demo.running.login.misbehave(fault);
            let url = begin(&nils).await;
            let callback = sign_in(&url, "nils@company.com").await;
            page(callback.as_str().replace(PUBLIC_URL, &program.server.url).parse().unwrap()).await;
            let log = std::fs::read_to_string(&log).unwrap();
            assert!(log.contains("/v1/visma-connect/callback"), "{log}");
            let challenge = parameter(&url, "code_challenge");
            for secret in [parameter(&url, "state"), parameter(&url, "nonce"), parameter(&callback, "code"), challenge]
            {
                assert!(!log.contains(&secret), "{fault:?}: {log}");
            }
        }
        assert_eq!(result(&nils).await, "worked");
    }

    #[test]
    fn names_what_is_missing() {
        let mut command = crate::support::program();
        let output = command.args(["serve"]).env("HRM_VISMA_ISSUER", "https://connect.visma.com").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("HRM_PUBLIC_URL: is missing"), "{text}");
        let mut command = crate::support::program();
        command.args(["serve"]).env("HRM_VISMA_ISSUER", "http://visma.example").env("HRM_PUBLIC_URL", "hrm");
        let text =
            String::from_utf8(command.env("HRM_VISMA_LOGIN_CLIENT_SECRET", "s").output().unwrap().stderr).unwrap();
        for fault in
            ["HRM_VISMA_ISSUER: is not an https", "HRM_PUBLIC_URL: is not", "HRM_VISMA_LOGIN_CLIENT_ID: is missing"]
        {
            assert!(text.contains(fault), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_told_and_comes_back() {
    let demo = TestDemo::start().await;
    let anna = anna(&demo).await;
    demo.server.faults(json!({ "directory": "error" })).await;
    Answer::of(anna.request(Method::POST, TRY)).await.is(503, "unavailable");
    assert!(anna.state().await["tryLogin"].is_null());
    demo.server.faults(json!({ "directory": "login_error" })).await;
    // The failure answers for the next tries, too, but not for long.
    let again = async || (Answer::of(anna.request(Method::POST, TRY)).await.status == 201).then_some(());
    until("the provider is asked again", again).await;
    page(sign_in(&begin(&anna).await, ANNA).await).await;
    assert_eq!(result(&anna).await, "notFinished");
    demo.server.faults(json!({ "directory": "ok" })).await;
    page(sign_in(&begin(&anna).await, ANNA).await).await;
    assert_eq!(result(&anna).await, "worked");
}
