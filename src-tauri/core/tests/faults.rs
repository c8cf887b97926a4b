//! Network faults: each gives its problem, keeps what was typed, sends no second mail, and works on retry.

use std::{sync::Arc, time::Duration};

use crate::support::{
    ANNA_AT_WORK, Backend, FakeDevice, eventually, linking,
    proxy::{Fault, Proxy},
    start,
};
use flex_connect_core::{App, Edition, Problem, SecretString, View};
use hrm_api::Status;

const SEND: &str = "/v1/me/visma-connect/codes";
const VERIFY: &str = "/v1/me/visma-connect/verify";
const STATE: &str = "/v1/me/visma-connect";
const SNOOZE: &str = "/v1/me/visma-connect/snooze";
const CHALLENGE: &str = "/v1/me/visma-connect/challenge";
const SESSION: &str = "/v1/session";
const HEALTH: &str = "/healthz";

const ALWAYS: usize = usize::MAX;

const IN_PROGRESS: &[u8] = b"{\"type\":\"about:blank#request_in_progress\",\"title\":\"x\",\"status\":409,\"code\":\"request_in_progress\",\"retryAfterSeconds\":1}";

struct Fixture {
    app: App,
    device: FakeDevice,
    proxy: Proxy,
    backend: Backend,
}

impl Fixture {
    async fn new() -> Self {
        let backend = Backend::start().await;
        let proxy = Proxy::in_front_of(backend.port()).await;
        let device = FakeDevice::default();
        let app = start(&device, Edition::Mobile);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        Self { app, device, proxy, backend }
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

/// A send that fails on every attempt; the employee retries it after the fault.
async fn send_fails(fault: Fault, expected: Problem) {
    let fixture = Fixture::new().await;
    fixture.proxy.inject_fault(SEND, fault, ALWAYS);
    assert_eq!(fixture.app.send_code(ANNA_AT_WORK.into()).await.unwrap_err(), expected);
    let view = fixture.view().await;
    assert_eq!(linking(&view).email, ANNA_AT_WORK, "the typed address is kept");
    fixture.proxy.clear_fault();
    let view = fixture.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent);
    assert_eq!(view.sync_problem, None, "success clears it");
    fixture.backend.code(1).await;
    // A second mail would have been sent by the time of another round trip.
    fixture.app.refresh().await.unwrap();
    assert_eq!(fixture.backend.inbox().await.len(), 1, "one mail");
}

/// A send that fails once; the app retries it by itself.
async fn send_survives(fault: Fault) {
    let fixture = Fixture::new().await;
    fixture.proxy.inject_fault(SEND, fault, 1);
    let view = fixture.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent);
    fixture.backend.code(1).await;
    fixture.app.refresh().await.unwrap();
    assert_eq!(fixture.backend.inbox().await.len(), 1, "one mail");
}

async fn verify_fails(fault: Fault, expected: Problem) {
    let fixture = Fixture::new().await;
    fixture.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code: SecretString = fixture.backend.code(1).await.into();
    fixture.proxy.inject_fault(VERIFY, fault, ALWAYS);
    assert_eq!(fixture.app.verify_code(code.clone()).await.unwrap_err(), expected);
    fixture.proxy.clear_fault();
    let view = fixture.app.verify_code(code).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
}

async fn verify_survives(fault: Fault) {
    let fixture = Fixture::new().await;
    fixture.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = fixture.backend.code(1).await;
    fixture.proxy.inject_fault(VERIFY, fault, 1);
    let view = fixture.app.verify_code(code.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
}

async fn refresh_fails(fault: Fault, expected: Problem) {
    let fixture = Fixture::new().await;
    fixture.proxy.inject_fault(STATE, fault, ALWAYS);
    assert_eq!(fixture.app.refresh().await.unwrap_err(), expected);
    let view = fixture.view().await;
    assert_eq!(view.sync_problem, Some(expected), "the cached state is marked as stale");
    assert_eq!(linking(&view).suggestions.len(), 3, "and still shown");
    fixture.proxy.clear_fault();
    assert_eq!(fixture.app.refresh().await.unwrap().sync_problem, None);
}

async fn sign_in_fails(path: &'static str, fault: Fault, expected: Problem) {
    let backend = Backend::start().await;
    let proxy = Proxy::in_front_of(backend.port()).await;
    let device = FakeDevice::default();
    let app = start(&device, Edition::Desktop);
    proxy.inject_fault(path, fault, ALWAYS);
    let refused = app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), expected);
    assert!(device.with(|device| device.token.is_none()));
    proxy.clear_fault();
    app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
}

macro_rules! cases {
    ($($name:ident: $case:expr;)*) => { $(#[tokio::test] async fn $name() { $case.await; })* };
}

cases! {
    send_on_a_reset_connection_is_offline: send_fails(Fault::ResetBefore, offline());
    send_with_every_response_lost_is_offline_and_mails_once: send_fails(Fault::ResetAfter, offline());
    send_with_a_truncated_response_is_offline: send_fails(Fault::Truncated, offline());
    send_with_an_empty_reply_is_offline: send_fails(Fault::Empty, offline());
    send_answered_by_garbage_is_offline: send_fails(Fault::Garbage, offline());
    send_answered_after_20_s_times_out_and_mails_once: send_fails(Fault::Delay(Duration::from_secs(20)), Problem::TimedOut);
    send_answered_byte_by_byte_times_out: send_fails(Fault::Drip(Duration::from_millis(100)), Problem::TimedOut);
    send_answered_by_a_captive_portal_is_no_hrm_server: send_fails(Fault::Respond("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    send_redirected_to_a_captive_portal_is_no_hrm_server: send_fails(Fault::Respond("302 Found\r\nlocation: http://portal.example/\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    send_on_a_network_with_sign_in_is_unavailable: send_fails(Fault::Respond("511 Network Authentication Required\r\ncontent-type: text/html", html()), unavailable(None));
    send_with_500_is_unavailable: send_fails(Fault::Respond("500 Internal Server Error\r\ncontent-type: text/html", html()), unavailable(None));
    send_with_502_is_unavailable: send_fails(Fault::Respond("502 Bad Gateway\r\ncontent-type: text/html", html()), unavailable(None));
    send_with_503_keeps_the_retry_time: send_fails(Fault::Respond("503 Service Unavailable\r\nretry-after: 30\r\ncontent-type: text/plain", b"later".to_vec()), unavailable(Some(30)));
    send_with_504_is_unavailable: send_fails(Fault::Respond("504 Gateway Timeout\r\ncontent-type: text/html", html()), unavailable(None));
    send_with_429_of_a_gateway_keeps_the_retry_time: send_fails(Fault::Respond("429 Too Many Requests\r\nretry-after: 7\r\ncontent-type: text/html", html()), Problem::TooManyRequests { retry_after_seconds: 7 });
    send_answered_by_other_json_is_unexpected: send_fails(Fault::Respond("200 OK\r\ncontent-type: application/json", b"{\"hello\":1}".to_vec()), Problem::Unexpected);
    send_answered_by_broken_json_is_unexpected: send_fails(Fault::Respond("202 Accepted\r\ncontent-type: application/json", b"{\"serverTime\":".to_vec()), Problem::Unexpected);
    send_answered_by_an_empty_body_is_unexpected: send_fails(Fault::Respond("202 Accepted\r\ncontent-type: application/json", Vec::new()), Problem::Unexpected);
    send_answered_by_megabytes_stops_at_the_limit: send_fails(Fault::Respond("200 OK\r\ncontent-type: application/json", vec![b' '; 4 << 20]), Problem::Unexpected);
    send_answered_without_a_media_type_is_no_hrm_server: send_fails(Fault::Respond("200 OK", b"{}".to_vec()), Problem::NotHrmServer);
    send_with_an_unknown_problem_code_is_unexpected: send_fails(Fault::Respond("418 I'm a teapot\r\ncontent-type: application/problem+json", b"{\"type\":\"about:blank\",\"title\":\"x\",\"status\":418,\"code\":\"teapot\"}".to_vec()), Problem::Unexpected);
    send_waits_for_an_earlier_attempt_in_progress: send_survives(Fault::Respond("409 Conflict\r\nretry-after: 1\r\ncontent-type: application/problem+json", IN_PROGRESS.to_vec()));
    send_whose_earlier_attempt_never_ends_is_unavailable: send_fails(Fault::Respond("409 Conflict\r\nretry-after: 1\r\ncontent-type: application/problem+json", IN_PROGRESS.to_vec()), unavailable(Some(1)));
    send_survives_one_reset_connection: send_survives(Fault::ResetBefore);
    send_survives_one_lost_response_and_mails_once: send_survives(Fault::ResetAfter);
    send_survives_one_bad_gateway: send_survives(Fault::Respond("502 Bad Gateway\r\ncontent-type: text/html", html()));
    send_survives_a_response_after_three_seconds: send_survives(Fault::Delay(Duration::from_secs(3)));

    verify_on_a_reset_connection_is_offline_then_links: verify_fails(Fault::ResetBefore, offline());
    verify_with_every_response_lost_is_offline_then_links: verify_fails(Fault::ResetAfter, offline());
    verify_answered_after_20_s_times_out_then_links: verify_fails(Fault::Delay(Duration::from_secs(20)), Problem::TimedOut);
    verify_answered_by_html_is_no_hrm_server: verify_fails(Fault::Respond("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    verify_with_503_keeps_the_retry_time: verify_fails(Fault::Respond("503 Service Unavailable\r\nretry-after: 9\r\ncontent-type: application/problem+json", b"{\"type\":\"about:blank#unavailable\",\"title\":\"x\",\"status\":503,\"code\":\"unavailable\",\"retryAfterSeconds\":9}".to_vec()), unavailable(Some(9)));
    verify_survives_one_lost_response: verify_survives(Fault::ResetAfter);
    verify_survives_one_bad_gateway: verify_survives(Fault::Respond("502 Bad Gateway\r\ncontent-type: text/html", html()));

    refresh_on_a_reset_connection_shows_the_cached_state: refresh_fails(Fault::ResetBefore, offline());
    refresh_answered_by_html_shows_the_cached_state: refresh_fails(Fault::Respond("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    refresh_answered_by_other_json_shows_the_cached_state: refresh_fails(Fault::Respond("200 OK\r\ncontent-type: application/json", b"[]".to_vec()), Problem::Unexpected);
    refresh_with_500_shows_the_cached_state: refresh_fails(Fault::Respond("500 Internal Server Error\r\ncontent-type: text/plain", Vec::new()), unavailable(None));

    sign_in_to_a_web_site_is_no_hrm_server: sign_in_fails(HEALTH, Fault::Respond("200 OK\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    sign_in_to_another_service_is_no_hrm_server: sign_in_fails(HEALTH, Fault::Respond("200 OK\r\ncontent-type: application/json", b"{\"status\":\"ok\"}".to_vec()), Problem::NotHrmServer);
    sign_in_to_a_site_without_the_path_is_no_hrm_server: sign_in_fails(HEALTH, Fault::Respond("404 Not Found\r\ncontent-type: text/html", html()), Problem::NotHrmServer);
    sign_in_on_a_reset_connection_is_offline: sign_in_fails(SESSION, Fault::ResetBefore, offline());
    sign_in_answered_by_other_json_is_unexpected: sign_in_fails(SESSION, Fault::Respond("201 Created\r\ncontent-type: application/json", b"{}".to_vec()), Problem::Unexpected);
}

#[tokio::test]
async fn a_failed_snooze_keeps_the_banner_and_can_be_retried() {
    let fixture = Fixture::new().await;
    fixture.proxy.inject_fault(SNOOZE, Fault::ResetBefore, ALWAYS);
    assert_eq!(fixture.app.snooze().await.unwrap_err(), Problem::Offline);
    assert!(linking(&fixture.view().await).banner_visible);
    fixture.proxy.clear_fault();
    assert!(!linking(&fixture.app.snooze().await.unwrap()).banner_visible);
}

#[tokio::test]
async fn a_failed_start_over_keeps_the_challenge() {
    let fixture = Fixture::new().await;
    fixture.app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    fixture.proxy.inject_fault(
        CHALLENGE,
        Fault::Respond("500 Internal Server Error\r\ncontent-type: text/html", html()),
        ALWAYS,
    );
    assert_eq!(fixture.app.start_over().await.unwrap_err(), unavailable(None));
    assert_eq!(linking(&fixture.view().await).status, Status::CodeSent);
}

#[tokio::test]
async fn signing_out_offline_still_wipes_the_device() {
    let fixture = Fixture::new().await;
    fixture.proxy.inject_fault("/", Fault::ResetBefore, ALWAYS);
    fixture.app.sign_out().await.unwrap();
    eventually("the token to be gone", || async { (!fixture.device.has_token()).then_some(()) }).await;
    assert!(!fixture.device.with(|device| device.record.clone()).unwrap().contains("company.com"));
}

/// A TLS server on loopback with a certificate valid from year `from` to year `to`. Returns its address and certificate.
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
async fn an_untrusted_certificate_is_reported() {
    let app = start(&FakeDevice::default(), Edition::Desktop);
    let (address, _) = tls_server(2020, 2090).await;
    let refused = app.sign_in(address, "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::CertificateNotTrusted);
}

#[tokio::test]
async fn an_expired_certificate_of_a_trusted_issuer_is_reported() {
    hrm_backend::install_cryptography();
    let (address, der) = tls_server(2020, 2021).await;
    let app = crate::support::start_with(&FakeDevice::default(), Edition::Desktop, move || {
        reqwest::Client::builder().tls_certs_only([reqwest::Certificate::from_der(&der).unwrap()])
    });
    let refused = app.sign_in(address, "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::CertificateNotTrusted);
}

#[tokio::test]
async fn plain_http_on_an_https_address_is_no_hrm_server() {
    let backend = Backend::start().await;
    let app = start(&FakeDevice::default(), Edition::Desktop);
    let refused = app.sign_in(backend.url.replace("http:", "https:"), "anna".into(), "demo".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::NotHrmServer);
}
