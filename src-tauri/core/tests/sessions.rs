//! Sessions: whose a token is, what survives a credential store that fails, and a sign-out that waits for nothing.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::support::{
    ANNA_AT_WORK, Backend, FakeDevice, eventually, linking,
    proxy::{Fault, Proxy},
    signed_in, start, wait_for_view,
};
use flex_connect_core::{App, Edition, Phase, Problem, Screen, View};
use hrm_api::Status;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

const SEND: &str = "/v1/me/visma-connect/codes";
const SESSION: &str = "/v1/session";
/// Far less than any call's timeout.
const AT_ONCE: Duration = Duration::from_secs(2);

fn phase(view: &View) -> String {
    serde_json::to_value(view).unwrap()["phase"]["name"].as_str().unwrap().to_owned()
}

async fn phase_of(app: &App) -> String {
    phase(&app.view().await.unwrap())
}

fn record(device: &FakeDevice) -> serde_json::Value {
    serde_json::from_str(&device.with(|device| device.record.clone()).unwrap()).unwrap()
}

fn edit_record(device: &FakeDevice, edit: impl FnOnce(&mut serde_json::Value)) {
    let mut edited = record(device);
    edit(&mut edited);
    device.with(|device| device.record = Some(edited.to_string()));
}

async fn sign_in(app: &App, backend: &Backend, username: &str) -> View {
    app.sign_in(backend.url.clone(), username.into(), "demo".into()).await.unwrap()
}

/// A half-typed address and a stored state, and then a start with a store that cannot be opened.
async fn restarted_with_a_locked_store() -> (FakeDevice, Backend, App) {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.navigate(Screen::VismaConnect).await.unwrap();
    app.save_email_draft("anna.sv".into()).await.unwrap();
    drop(app);
    device.with(|device| device.vault_is_locked = true);
    let app = start(&device, Edition::Mobile);
    app.refresh().await.unwrap_err();
    (device, backend, app)
}

mod a_token {
    use super::*;

    /// Accepts connections and keeps what it receives.
    async fn eavesdropper() -> (String, Arc<Mutex<Vec<u8>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let hears = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; 16 * 1024];
                let read = stream.read(&mut bytes).await.unwrap_or(0);
                hears.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        (url, heard)
    }

    #[tokio::test]
    async fn is_sent_only_to_the_server_it_came_from() {
        let (device, backend) = (FakeDevice::default(), Backend::start().await);
        drop(signed_in(&device, &backend).await);
        let (other, heard) = eavesdropper().await;
        edit_record(&device, |record| record["server"] = other.into());
        let app = start(&device, Edition::Desktop);
        app.refresh().await.unwrap_err();
        assert_eq!(String::from_utf8_lossy(&heard.lock().unwrap()), "", "the other server hears nothing");
        assert_eq!(phase_of(&app).await, "signedOut");
        assert!(!record(&device)["signedIn"].is_null(), "only a sign-out wipes");
    }

    #[tokio::test]
    async fn is_used_only_for_the_person_it_came_with() {
        let (device, backend) = (FakeDevice::default(), Backend::start().await);
        drop(signed_in(&device, &backend).await);
        edit_record(&device, |record| record["signedIn"]["employee"]["id"] = "somebody else".into());
        let app = start(&device, Edition::Desktop);
        app.refresh().await.unwrap_err();
        assert_eq!(phase_of(&app).await, "signedOut");
    }

    #[tokio::test]
    async fn left_in_a_locked_store_is_deleted_when_it_opens() {
        let (device, backend) = (FakeDevice::default(), Backend::start().await);
        let app = signed_in(&device, &backend).await;
        device.with(|device| device.vault_is_locked = true);
        app.sign_out().await.unwrap();
        drop(app);
        device.with(|device| device.vault_is_locked = false);
        assert!(device.has_token(), "the store could not delete it");
        let app = start(&device, Edition::Mobile);
        tokio::spawn(async move { app.follow().await });
        eventually("the token to be deleted", || async { (!device.has_token()).then_some(()) }).await;
    }

    #[tokio::test]
    async fn that_is_new_is_saved_before_the_screen_says_so() {
        let (device, backend) = (FakeDevice::default(), Backend::start().await);
        device.with(|device| device.write_takes = Duration::from_millis(300));
        let app = start(&device, Edition::Mobile);
        let signing_in = app.clone();
        let url = backend.url.clone();
        tokio::spawn(async move { signing_in.sign_in(url, "anna.svensson".into(), "demo".into()).await });
        wait_for_view(&app, "the home screen", |view| phase(view) == "signedIn").await;
        assert!(device.has_token(), "a kill now would sign out");
    }

    #[tokio::test]
    async fn that_is_new_outlives_a_slow_delete_of_the_old_one() {
        let (device, backend) = (FakeDevice::default(), Backend::start().await);
        let app = signed_in(&device, &backend).await;
        device.with(|device| device.delete_takes = Duration::from_millis(300));
        backend.demo_post("/demo/reset", serde_json::json!({})).await;
        assert_eq!(app.refresh().await.unwrap_err(), Problem::SignedOut);
        wait_for_view(&app, "the end of the session", |view| phase(view) == "signedOut").await;
        sign_in(&app, &backend, "anna.svensson").await;
        drop(app);
        eventually("the delete", || async { device.with(|device| device.deletes >= 1).then_some(()) }).await;
        let app = start(&device, Edition::Mobile);
        app.refresh().await.expect("the newer token is there");
    }
}

mod a_store_that_fails {
    use super::*;

    #[tokio::test]
    async fn does_not_wipe_person_draft_and_state() {
        let (device, _backend, app) = restarted_with_a_locked_store().await;
        assert_eq!(phase_of(&app).await, "locked");
        let record = record(&device);
        assert_eq!(record["signedIn"]["emailDraft"], "anna.sv");
        assert_eq!(record["signedIn"]["employee"]["firstName"], "Anna");
        assert!(!record["signedIn"]["cachedState"].is_null());
    }

    #[tokio::test]
    async fn is_asked_once_and_not_at_every_refresh() {
        let (device, _backend, app) = restarted_with_a_locked_store().await;
        device.with(|device| device.vault_is_locked = false);
        app.refresh().await.unwrap_err();
        assert_eq!(phase_of(&app).await, "locked", "a system would ask for its password each time");
    }

    #[tokio::test]
    async fn gives_everything_back_once_it_opens() {
        let (device, _backend, app) = restarted_with_a_locked_store().await;
        assert_eq!(phase(&app.unlock().await.unwrap()), "locked", "still");
        device.with(|device| device.vault_is_locked = false);
        let view = app.unlock().await.unwrap();
        assert_eq!(linking(&view).email, "anna.sv");
        app.refresh().await.unwrap();
    }

    #[tokio::test]
    async fn leads_to_the_sign_in_screen_on_request() {
        let (_device, backend, app) = restarted_with_a_locked_store().await;
        match app.sign_in_again().await.unwrap().phase {
            Phase::SignedOut { server, username, notice } => {
                assert_eq!((server, username, notice), (backend.url, "Anna.Svensson".into(), None));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn can_still_be_signed_out_of() {
        let (device, _backend, app) = restarted_with_a_locked_store().await;
        assert_eq!(phase(&app.sign_out().await.unwrap()), "signedOut");
        assert!(!device.with(|device| device.record.clone()).unwrap().contains("anna.sv"));
    }

    #[tokio::test]
    async fn gives_everything_back_to_the_same_person() {
        let (device, backend, app) = restarted_with_a_locked_store().await;
        device.with(|device| device.vault_is_locked = false);
        let view = sign_in(&app, &backend, "anna.svensson").await;
        assert_eq!(linking(&view).email, "anna.sv");
        assert_eq!(view.screen, Screen::VismaConnect);
    }

    #[tokio::test]
    async fn gives_nothing_to_another_person() {
        let (device, backend, app) = restarted_with_a_locked_store().await;
        let view = sign_in(&app, &backend, "erik.lund").await;
        assert_eq!(linking(&view).email, "");
        assert!(!device.with(|device| device.record.clone()).unwrap().contains("anna.sv"));
    }

    #[tokio::test]
    async fn keeps_the_key_of_a_send_that_got_no_answer() {
        let backend = Backend::start().await;
        let proxy = Proxy::in_front_of(backend.port()).await;
        let device = FakeDevice::default();
        let app = start(&device, Edition::Mobile);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        proxy.inject_fault(SEND, Fault::ResetAfter, usize::MAX);
        app.send_code(ANNA_AT_WORK.into()).await.unwrap_err();
        proxy.clear_fault();
        drop(app);
        device.with(|device| device.vault_is_locked = true);
        let app = start(&device, Edition::Mobile);
        app.refresh().await.unwrap_err();
        device.with(|device| device.vault_is_locked = false);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        let view = app.send_code(ANNA_AT_WORK.into()).await.unwrap();
        assert_eq!(linking(&view).status, Status::CodeSent);
        backend.code(1).await;
        app.refresh().await.unwrap();
        assert_eq!(backend.inbox().await.len(), 1, "one mail");
    }

    #[tokio::test]
    async fn keeps_the_server_when_the_password_is_wrong() {
        let (device, backend, app) = restarted_with_a_locked_store().await;
        let other = Backend::start().await;
        app.sign_in(other.url.clone(), "anna.svensson".into(), "wrong".into()).await.unwrap_err();
        drop(app);
        device.with(|device| device.vault_is_locked = false);
        let app = start(&device, Edition::Mobile);
        let view = app.refresh().await.expect("the session goes on");
        assert_eq!(linking(&view).email, "anna.sv");
        assert_eq!(record(&device)["server"], backend.url);
    }
}

mod sign_out {
    use super::*;

    /// Signed in through a proxy that holds back the answer to a running send.
    async fn during_a_slow_send() -> (FakeDevice, Backend, Proxy, App, tokio::task::JoinHandle<Result<View, Problem>>) {
        let backend = Backend::start().await;
        let proxy = Proxy::in_front_of(backend.port()).await;
        let device = FakeDevice::default();
        let app = start(&device, Edition::Mobile);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        proxy.inject_fault(SEND, Fault::Delay(Duration::from_secs(10)), 1);
        let sending = app.clone();
        let send = tokio::spawn(async move { sending.send_code(ANNA_AT_WORK.into()).await });
        eventually("the send under way", || async { (proxy.faults_left() == 0).then_some(()) }).await;
        (device, backend, proxy, app, send)
    }

    #[tokio::test]
    async fn waits_for_no_running_call() {
        let (device, _backend, _proxy, app, send) = during_a_slow_send().await;
        let began = Instant::now();
        assert_eq!(phase(&app.sign_out().await.unwrap()), "signedOut");
        assert_eq!(send.await.unwrap().unwrap_err(), Problem::SignedOut);
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        eventually("the token to be gone", || async { (!device.has_token()).then_some(()) }).await;
    }

    #[tokio::test]
    async fn lets_another_person_sign_in_at_once() {
        let (_device, backend, _proxy, app, _send) = during_a_slow_send().await;
        let began = Instant::now();
        app.sign_out().await.unwrap();
        let view = sign_in(&app, &backend, "erik.lund").await;
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        assert_eq!(linking(&view).status, Status::NotLinked);
    }

    #[tokio::test]
    async fn waits_for_no_credential_store() {
        let (device, backend) = (FakeDevice::default(), Backend::start().await);
        let app = signed_in(&device, &backend).await;
        device.with(|device| device.delete_takes = Duration::from_secs(3));
        let began = Instant::now();
        app.sign_out().await.unwrap();
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        eventually("the token to be gone", || async { (!device.has_token()).then_some(()) }).await;
    }

    #[tokio::test]
    async fn waits_for_no_slow_server() {
        let backend = Backend::start().await;
        let proxy = Proxy::in_front_of(backend.port()).await;
        let app = start(&FakeDevice::default(), Edition::Mobile);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        proxy.inject_fault(SESSION, Fault::Delay(Duration::from_secs(10)), usize::MAX);
        let began = Instant::now();
        app.sign_out().await.unwrap();
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn right_after_a_start_ends_the_servers_session_too() {
        let backend = Backend::start().await;
        let proxy = Proxy::in_front_of(backend.port()).await;
        let device = FakeDevice::default();
        let app = start(&device, Edition::Mobile);
        app.sign_in(proxy.url.clone(), "anna.svensson".into(), "demo".into()).await.unwrap();
        drop(app);
        let app = start(&device, Edition::Mobile);
        proxy.inject_fault(SESSION, Fault::Delay(Duration::ZERO), 1);
        app.sign_out().await.unwrap();
        eventually("the call that ends it", || async { (proxy.faults_left() == 0).then_some(()) }).await;
        eventually("the token to be gone", || async { (!device.has_token()).then_some(()) }).await;
    }
}
