//! A bad network, case by case: each ends in the problem that has the right sentence, keeps what was typed, sends no second
//! mail, and works when it is tried again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::{sync::Arc, time::Duration};

use flex_connect_core::{App, Edition, Problem, SecretString, View};
use hrm_api::Status;
use support::{
    ANNA_AT_WORK, Backend, Memory, linking,
    proxy::{Fault, Proxy},
    start,
};

const SEND: &str = "/v1/me/visma-connect/codes";
const VERIFY: &str = "/v1/me/visma-connect/verify";
const STATE: &str = "/v1/me/visma-connect";
const SNOOZE: &str = "/v1/me/visma-connect/snooze";
const CHALLENGE: &str = "/v1/me/visma-connect/challenge";
const SESSION: &str = "/v1/session";
const HEALTH: &str = "/healthz";

const ALWAYS: usize = usize::MAX;

const STILL_RUNS: &[u8] = b"{\"type\":\"about:blank#request_in_progress\",\"title\":\"x\",\"status\":409,\"code\":\"request_in_progress\",\"retryAfterSeconds\":1}";

struct Stage {
    app: App,
    memory: Memory,
    proxy: Proxy,
    backend: Backend,
}

impl Stage {
    async fn set() -> Self {
        let backend = Backend::start().await;
        let proxy = Proxy::before(backend.port()).await;
        let memory = Memory::default();
        let app = start(&memory, Edition::Mobile);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        Self { app, memory, proxy, backend }
    }

    async fn view(&self) -> View {
        self.app.view().await.unwrap()
    }
}

fn offline() -> Problem {
    Problem::Offline
}

fn unavailable(retry_after_seconds: Option<u32>) -> Problem {
    Problem::Unavailable { retry_after_seconds }
}

fn html() -> Vec<u8> {
    b"<html><title>Welcome to Airport WiFi</title></html>".to_vec()
}

/// A send that meets the fault on every try, and is then repeated by a person on a network that is well.
async fn a_send_fails(fault: Fault, expected: Problem) {
    let stage = Stage::set().await;
    stage.proxy.break_calls(SEND, fault, ALWAYS);
    assert_eq!(stage.app.send_code(ANNA_AT_WORK.into()).await.unwrap_err(), expected);
    let view = stage.view().await;
    assert_eq!(linking(&view).email, ANNA_AT_WORK, "the typed address is kept");
    stage.proxy.heal();
    let view = stage.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent);
    assert_eq!(view.trouble, None, "what works again is not complained of");
    stage.backend.code(1).await;
    // A second mail would be on its way by the time that a whole other round trip is over.
    stage.app.refresh().await.unwrap();
    assert_eq!(stage.backend.inbox().await.len(), 1, "one mail");
}

/// A send that meets the fault once: the app repeats it by itself.
async fn a_send_survives(fault: Fault) {
    let stage = Stage::set().await;
    stage.proxy.break_calls(SEND, fault, 1);
    let view = stage.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent);
    stage.backend.code(1).await;
    stage.app.refresh().await.unwrap();
    assert_eq!(stage.backend.inbox().await.len(), 1, "one mail");
}

async fn a_verify_fails(fault: Fault, expected: Problem) {
    let stage = Stage::set().await;
    stage.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code: SecretString = stage.backend.code(1).await.into();
    stage.proxy.break_calls(VERIFY, fault, ALWAYS);
    assert_eq!(stage.app.verify_code(code.clone()).await.unwrap_err(), expected);
    stage.proxy.heal();
    let view = stage.app.verify_code(code).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
}

async fn a_verify_survives(fault: Fault) {
    let stage = Stage::set().await;
    stage.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = stage.backend.code(1).await;
    stage.proxy.break_calls(VERIFY, fault, 1);
    let view = stage.app.verify_code(code.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
}

async fn a_refresh_fails(fault: Fault, expected: Problem) {
    let stage = Stage::set().await;
    stage.proxy.break_calls(STATE, fault, ALWAYS);
    assert_eq!(stage.app.refresh().await.unwrap_err(), expected);
    let view = stage.view().await;
    assert_eq!(view.trouble, Some(expected), "the screen says that what it shows may be old");
    assert_eq!(linking(&view).suggestions.len(), 3, "and shows it");
    stage.proxy.heal();
    assert_eq!(stage.app.refresh().await.unwrap().trouble, None);
}

async fn a_sign_in_fails(path: &'static str, fault: Fault, expected: Problem) {
    let backend = Backend::start().await;
    let proxy = Proxy::before(backend.port()).await;
    let memory = Memory::default();
    let app = start(&memory, Edition::Desktop);
    proxy.break_calls(path, fault, ALWAYS);
    let refused = app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), expected);
    assert!(memory.with(|memory| memory.token.is_none()));
    proxy.heal();
    app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
}

macro_rules! cases {
    ($($name:ident: $case:expr;)*) => { $(#[tokio::test] async fn $name() { $case.await; })* };
}

cases! {
    a_send_on_a_dead_line_says_offline: a_send_fails(Fault::ResetBefore, offline());
    a_send_whose_answers_are_all_lost_says_offline_and_mails_once: a_send_fails(Fault::ResetAfter, offline());
    a_send_answered_by_half_says_offline: a_send_fails(Fault::Half, offline());
    a_send_answered_by_nothing_says_offline: a_send_fails(Fault::Empty, offline());
    a_send_answered_by_garbage_says_offline: a_send_fails(Fault::Garbage, offline());
    a_send_answered_after_20_s_says_timed_out_and_mails_once: a_send_fails(Fault::Late(Duration::from_secs(20)), Problem::TimedOut);
    a_send_answered_by_a_slow_drip_says_timed_out: a_send_fails(Fault::Drip(Duration::from_millis(100)), Problem::TimedOut);
    a_send_in_a_captive_portal_says_so: a_send_fails(Fault::Instead("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    a_send_redirected_by_a_captive_portal_says_so: a_send_fails(Fault::Instead("302 Found\r\nlocation: http://portal.example/\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    a_send_that_must_sign_in_to_the_network_says_so: a_send_fails(Fault::Instead("511 Network Authentication Required\r\ncontent-type: text/html", html()), unavailable(None));
    a_send_met_by_500_says_unavailable: a_send_fails(Fault::Instead("500 Internal Server Error\r\ncontent-type: text/html", html()), unavailable(None));
    a_send_met_by_502_says_unavailable: a_send_fails(Fault::Instead("502 Bad Gateway\r\ncontent-type: text/html", html()), unavailable(None));
    a_send_met_by_503_says_when_to_come_back: a_send_fails(Fault::Instead("503 Service Unavailable\r\nretry-after: 30\r\ncontent-type: text/plain", b"later".to_vec()), unavailable(Some(30)));
    a_send_met_by_504_says_unavailable: a_send_fails(Fault::Instead("504 Gateway Timeout\r\ncontent-type: text/html", html()), unavailable(None));
    a_send_met_by_a_gateways_429_says_when_to_come_back: a_send_fails(Fault::Instead("429 Too Many Requests\r\nretry-after: 7\r\ncontent-type: text/html", html()), Problem::TooManyRequests { retry_after_seconds: 7 });
    a_send_answered_by_other_json_is_not_believed: a_send_fails(Fault::Instead("200 OK\r\ncontent-type: application/json", b"{\"hello\":1}".to_vec()), Problem::Unexpected);
    a_send_answered_by_broken_json_is_not_believed: a_send_fails(Fault::Instead("202 Accepted\r\ncontent-type: application/json", b"{\"serverTime\":".to_vec()), Problem::Unexpected);
    a_send_answered_by_an_empty_body_is_not_believed: a_send_fails(Fault::Instead("202 Accepted\r\ncontent-type: application/json", Vec::new()), Problem::Unexpected);
    a_send_answered_by_megabytes_is_not_read_to_the_end: a_send_fails(Fault::Instead("200 OK\r\ncontent-type: application/json", vec![b' '; 4 << 20]), Problem::Unexpected);
    a_send_answered_without_a_type_is_not_believed: a_send_fails(Fault::Instead("200 OK", b"{}".to_vec()), Problem::NotHrmServer);
    a_send_met_by_a_problem_of_an_unknown_code_is_not_guessed_at: a_send_fails(Fault::Instead("418 I'm a teapot\r\ncontent-type: application/problem+json", b"{\"type\":\"about:blank\",\"title\":\"x\",\"status\":418,\"code\":\"teapot\"}".to_vec()), Problem::Unexpected);
    a_send_whose_earlier_try_still_runs_comes_back_for_its_answer: a_send_survives(Fault::Instead("409 Conflict\r\nretry-after: 1\r\ncontent-type: application/problem+json", STILL_RUNS.to_vec()));
    a_send_whose_earlier_try_runs_for_ever_says_when_to_come_back: a_send_fails(Fault::Instead("409 Conflict\r\nretry-after: 1\r\ncontent-type: application/problem+json", STILL_RUNS.to_vec()), unavailable(Some(1)));
    a_send_survives_one_broken_connection: a_send_survives(Fault::ResetBefore);
    a_send_survives_one_lost_answer_with_one_mail: a_send_survives(Fault::ResetAfter);
    a_send_survives_one_bad_gateway: a_send_survives(Fault::Instead("502 Bad Gateway\r\ncontent-type: text/html", html()));
    a_send_survives_three_seconds_of_waiting: a_send_survives(Fault::Late(Duration::from_secs(3)));

    a_verify_on_a_dead_line_says_offline_and_links_when_repeated: a_verify_fails(Fault::ResetBefore, offline());
    a_verify_whose_answers_are_all_lost_ends_linked_when_repeated: a_verify_fails(Fault::ResetAfter, offline());
    a_verify_answered_after_20_s_says_timed_out_and_ends_linked: a_verify_fails(Fault::Late(Duration::from_secs(20)), Problem::TimedOut);
    a_verify_answered_by_html_says_so: a_verify_fails(Fault::Instead("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    a_verify_met_by_503_says_when_to_come_back: a_verify_fails(Fault::Instead("503 Service Unavailable\r\nretry-after: 9\r\ncontent-type: application/problem+json", b"{\"type\":\"about:blank#unavailable\",\"title\":\"x\",\"status\":503,\"code\":\"unavailable\",\"retryAfterSeconds\":9}".to_vec()), unavailable(Some(9)));
    a_verify_survives_one_lost_answer_with_one_link: a_verify_survives(Fault::ResetAfter);
    a_verify_survives_one_bad_gateway: a_verify_survives(Fault::Instead("502 Bad Gateway\r\ncontent-type: text/html", html()));

    a_refresh_on_a_dead_line_shows_the_mirror: a_refresh_fails(Fault::ResetBefore, offline());
    a_refresh_answered_by_html_shows_the_mirror: a_refresh_fails(Fault::Instead("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    a_refresh_answered_by_nonsense_shows_the_mirror: a_refresh_fails(Fault::Instead("200 OK\r\ncontent-type: application/json", b"[]".to_vec()), Problem::Unexpected);
    a_refresh_met_by_500_shows_the_mirror: a_refresh_fails(Fault::Instead("500 Internal Server Error\r\ncontent-type: text/plain", Vec::new()), unavailable(None));

    a_sign_in_to_a_web_site_says_that_it_is_no_hrm_server: a_sign_in_fails(HEALTH, Fault::Instead("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    a_sign_in_to_another_service_says_that_it_is_no_hrm_server: a_sign_in_fails(HEALTH, Fault::Instead("200 OK\r\ncontent-type: application/json", b"{\"status\":\"ok\"}".to_vec()), Problem::NotHrmServer);
    a_sign_in_to_a_site_without_the_path_says_that_it_is_no_hrm_server: a_sign_in_fails(HEALTH, Fault::Instead("404 Not Found\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    a_sign_in_on_a_dead_line_says_offline: a_sign_in_fails(SESSION, Fault::ResetBefore, offline());
    a_sign_in_met_by_nonsense_is_not_believed: a_sign_in_fails(SESSION, Fault::Instead("201 Created\r\ncontent-type: application/json", b"{}".to_vec()), Problem::Unexpected);
}

#[tokio::test]
async fn a_snooze_that_failed_leaves_the_banner_and_works_again() {
    let stage = Stage::set().await;
    stage.proxy.break_calls(SNOOZE, Fault::ResetBefore, ALWAYS);
    assert_eq!(stage.app.snooze().await.unwrap_err(), Problem::Offline);
    assert!(linking(&stage.view().await).banner_visible);
    stage.proxy.heal();
    assert!(!linking(&stage.app.snooze().await.unwrap()).banner_visible);
}

#[tokio::test]
async fn a_start_over_that_failed_leaves_the_challenge() {
    let stage = Stage::set().await;
    stage.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    stage.proxy.break_calls(
        CHALLENGE,
        Fault::Instead("500 Internal Server Error\r\ncontent-type: text/html", html()),
        ALWAYS,
    );
    assert_eq!(stage.app.start_over().await.unwrap_err(), unavailable(None));
    assert_eq!(linking(&stage.view().await).status, Status::CodeSent);
}

#[tokio::test]
async fn signing_out_offline_still_cleans_the_device() {
    let stage = Stage::set().await;
    stage.proxy.break_calls("/", Fault::ResetBefore, ALWAYS);
    stage.app.sign_out().await.unwrap();
    assert!(stage.memory.with(|memory| memory.token.is_none()));
    assert!(!stage.memory.with(|memory| memory.record.clone()).unwrap().contains("company.com"));
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_told_from_being_offline() {
    let app = start(&Memory::default(), Edition::Desktop);
    // RFC 6761: `.invalid` never resolves.
    let refused = app.sign_in("https://hrm.invalid".into(), "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::NoSuchHost);
}

/// A TLS server on loopback with a certificate that runs from `from` to `to` (years). Gives its address and the
/// certificate for trusting it.
async fn tls_server(from: i32, to: i32) -> (String, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    certificate.not_before = rcgen::date_time_ymd(from, 1, 1);
    certificate.not_after = rcgen::date_time_ymd(to, 1, 1);
    let der = certificate.self_signed(&key).unwrap().der().clone();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.ok() });
        }
    });
    (address, der.to_vec())
}

#[tokio::test]
async fn a_certificate_that_nobody_here_trusts_is_told() {
    let app = start(&Memory::default(), Edition::Desktop);
    let (address, _) = tls_server(2020, 2090).await;
    let refused = app.sign_in(address, "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::CertificateNotTrusted);
}

#[tokio::test]
async fn an_expired_certificate_is_told_even_if_its_issuer_is_trusted() {
    hrm_backend::install_cryptography();
    let (address, der) = tls_server(2020, 2021).await;
    let app = support::start_with(&Memory::default(), Edition::Desktop, move || {
        reqwest::Client::builder().tls_certs_only([reqwest::Certificate::from_der(&der).unwrap()])
    });
    let refused = app.sign_in(address, "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::CertificateNotTrusted);
}

#[tokio::test]
async fn plain_http_on_an_https_address_is_no_hrm_server() {
    let backend = Backend::start().await;
    let app = start(&Memory::default(), Edition::Desktop);
    let refused = app.sign_in(backend.url.replace("http:", "https:"), "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::NotHrmServer);
}
