//! The core against the real backend: the linking flow, kills, sessions.

use crate::support::{ANNA_AT_WORK, Backend, FakeDevice, eventually, linking, signed_in, start, wait_for_view};
use chrono::TimeDelta;
use flex_connect_core::{Edition, Notice, Phase, Problem, Screen};
use hrm_api::{Origin, Status};
use serde_json::json;

fn signed_out_with(view: &flex_connect_core::View, wanted: Option<Notice>) -> bool {
    matches!(view.phase, Phase::SignedOut { notice, .. } if notice == wanted)
}

#[tokio::test]
async fn an_address_and_a_code_link_the_employee() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    let view = app.view().await.unwrap();
    assert_eq!(linking(&view).status, Status::NotLinked);
    assert!(linking(&view).banner_visible);
    assert_eq!(linking(&view).suggestions[0], ANNA_AT_WORK);

    let view = app.send_code(format!(" {ANNA_AT_WORK} ")).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent);
    let code = backend.code(1).await;
    let view = app.verify_code(format!("Code: {} {}", &code[..3], &code[3..]).into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
    assert_eq!(linking(&view).account.as_ref().unwrap().origin, Origin::Created);
    assert!(!linking(&view).banner_visible);
}

#[tokio::test]
async fn a_half_typed_address_survives_a_kill() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.navigate(Screen::VismaConnect).await.unwrap();
    app.save_email_draft("anna.sv".into()).await.unwrap();
    drop(app);
    let view = start(&device, Edition::Mobile).view().await.unwrap();
    assert_eq!(view.screen, Screen::VismaConnect);
    assert_eq!(linking(&view).email, "anna.sv");
}

#[tokio::test]
async fn a_kill_after_sending_reopens_the_code_field_even_offline() {
    let (device, mut backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    app.navigate(Screen::Home).await.unwrap();
    drop(app);
    backend.stop().await;
    for (edition, screen) in [(Edition::Mobile, Screen::VismaConnect), (Edition::Desktop, Screen::AccountSettings)] {
        let view = start(&device, edition).view().await.unwrap();
        assert_eq!(view.screen, screen);
        assert_eq!(linking(&view).email, ANNA_AT_WORK);
        let left = linking(&view).challenge.as_ref().unwrap().expires_at - view.server_time;
        assert!(left > TimeDelta::minutes(29) && left <= TimeDelta::minutes(30), "{left}");
    }
}

#[tokio::test]
async fn a_change_on_another_device_shows_without_a_tap() {
    let backend = Backend::start().await;
    let (phone, pc) = (FakeDevice::default(), FakeDevice::default());
    let (phone, pc) = (signed_in(&phone, &backend).await, signed_in(&pc, &backend).await);
    let following = phone.clone();
    tokio::spawn(async move { following.follow().await });
    pc.send_code(ANNA_AT_WORK.into()).await.unwrap();
    wait_for_view(&phone, "the code sent from the PC", |view| linking(view).status == Status::CodeSent).await;
    // Another device of the same employee may enter it.
    let code = backend.code(1).await;
    phone.verify_code(code.into()).await.unwrap();
    pc.refresh().await.unwrap();
    assert_eq!(linking(&pc.view().await.unwrap()).status, Status::Linked);
}

#[tokio::test]
async fn changes_are_followed_only_in_the_foreground() {
    let backend = Backend::start().await;
    let devices = [FakeDevice::default(), FakeDevice::default(), FakeDevice::default()];
    let [phone, tablet, pc] = [0, 1, 2].map(|device| signed_in(&devices[device], &backend));
    let (phone, tablet, pc) = (phone.await, tablet.await, pc.await);
    for device in [&phone, &tablet] {
        let following = device.clone();
        tokio::spawn(async move { following.follow().await });
    }
    pc.send_code(ANNA_AT_WORK.into()).await.unwrap();
    wait_for_view(&phone, "the code sent from the PC", |view| linking(view).status == Status::CodeSent).await;

    phone.set_foreground(false);
    pc.start_over().await.unwrap();
    wait_for_view(&tablet, "the start over", |view| linking(view).status == Status::NotLinked).await;
    pc.snooze().await.unwrap();
    wait_for_view(&tablet, "the snooze", |view| !linking(view).banner_visible).await;
    assert_eq!(
        linking(&phone.view().await.unwrap()).status,
        Status::CodeSent,
        "the phone receives nothing in the background"
    );

    phone.set_foreground(true);
    wait_for_view(&phone, "all changes", |view| {
        linking(view).status == Status::NotLinked && !linking(view).banner_visible
    })
    .await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_without_a_tap() {
    let (device, mut backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    backend.stop().await;
    wait_for_view(&app, "the sync problem", |view| view.sync_problem == Some(Problem::Offline)).await;
    backend.restart().await;
    wait_for_view(&app, "the sync problem to clear", |view| view.sync_problem.is_none()).await;
}

#[tokio::test]
async fn a_snooze_ends_by_the_servers_clock_not_the_devices() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    assert!(!linking(&app.snooze().await.unwrap()).banner_visible);
    device.with(|device| device.clock_skew = TimeDelta::days(30));
    assert!(!linking(&app.refresh().await.unwrap()).banner_visible, "a device clock set forward changes nothing");
    device.with(|device| device.clock_skew = TimeDelta::days(-30));
    backend.advance_clock(24 * 3600 - 30).await;
    assert!(!linking(&app.refresh().await.unwrap()).banner_visible, "30 s are left");
    backend.advance_clock(30).await;
    assert!(linking(&app.refresh().await.unwrap()).banner_visible);
}

#[tokio::test]
async fn offline_the_cached_snooze_decides() {
    let (device, mut backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.snooze().await.unwrap();
    drop(app);
    backend.stop().await;
    let hidden = |device: &FakeDevice| {
        let app = start(device, Edition::Desktop);
        async move { !linking(&app.view().await.unwrap()).banner_visible }
    };
    assert!(hidden(&device).await);
    device.with(|device| device.clock_skew = TimeDelta::hours(-3));
    assert!(hidden(&device).await, "a clock set back neither ends nor extends it");
    device.with(|device| device.clock_skew = TimeDelta::hours(25));
    assert!(!hidden(&device).await, "a day later it is over");
}

#[tokio::test]
async fn each_rejected_code_has_its_own_problem() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    assert_eq!(app.verify_code("123456".into()).await.unwrap_err(), Problem::NoChallenge);
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(1).await;
    let wrong = if code.starts_with('1') { "200000" } else { "100000" };
    assert_eq!(app.verify_code("12 34".into()).await.unwrap_err(), Problem::CodeFormat);
    for left in (1..5).rev() {
        assert_eq!(app.verify_code(wrong.into()).await.unwrap_err(), Problem::CodeWrong { attempts_left: left });
        assert_eq!(linking(&app.view().await.unwrap()).challenge.as_ref().unwrap().attempts_left, left);
    }
    assert_eq!(app.verify_code(wrong.into()).await.unwrap_err(), Problem::AttemptsExhausted);
    assert_eq!(linking(&app.view().await.unwrap()).status, Status::NotLinked);

    backend.advance_clock(61).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(2).await;
    backend.advance_clock(30 * 60).await;
    assert_eq!(app.verify_code(code.into()).await.unwrap_err(), Problem::CodeExpired);
    assert_eq!(linking(&app.view().await.unwrap()).email, "", "no draft and no challenge");
}

#[tokio::test]
async fn retrying_a_verify_whose_response_was_lost_ends_linked() {
    let backend = Backend::start().await;
    let (device, other) = (FakeDevice::default(), FakeDevice::default());
    let (app, other) = (signed_in(&device, &backend).await, signed_in(&other, &backend).await);
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(1).await;
    // The employee is linked, and this device does not know.
    other.verify_code(code.clone().into()).await.unwrap();
    let view = app.verify_code(code.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
}

#[tokio::test]
async fn a_resend_too_soon_gives_the_wait_and_keeps_the_address() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    match app.send_code("anna.svensson@gmail.com".into()).await.unwrap_err() {
        Problem::ResendTooSoon { retry_after_seconds } => assert!((1..=60).contains(&retry_after_seconds)),
        other => panic!("{other:?}"),
    }
    assert_eq!(linking(&app.view().await.unwrap()).email, "anna.svensson@gmail.com");
}

#[tokio::test]
async fn starting_over_keeps_the_address_in_the_field() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let view = app.start_over().await.unwrap();
    assert_eq!(linking(&view).status, Status::NotLinked);
    assert_eq!(linking(&view).email, ANNA_AT_WORK);
}

#[tokio::test]
async fn linking_finishes_by_itself_after_visma_connect_recovers() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    backend.demo_post("/demo/faults", json!({ "directory": "error" })).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(1).await;
    let view = app.verify_code(code.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linking);
    backend.demo_post("/demo/faults", json!({ "directory": "ok" })).await;
    wait_for_view(&app, "the link", |view| linking(view).status == Status::Linked).await;
}

#[tokio::test]
async fn sign_out_wipes_the_token_and_the_employees_data() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.save_email_draft("half@typed".into()).await.unwrap();
    let view = app.sign_out().await.unwrap();
    assert!(signed_out_with(&view, None));
    eventually("the token to be gone", || async { (!device.has_token()).then_some(()) }).await;
    device.with(|device| {
        let record = device.record.clone().unwrap();
        for theirs in ["company.com", "half@typed", "firstName"] {
            assert!(!record.contains(theirs), "{record}");
        }
        assert!(record.contains("Anna.Svensson"), "the user name is remembered");
    });
}

#[tokio::test]
async fn a_session_revoked_elsewhere_wipes_the_device_with_a_notice() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    backend.demo_post("/demo/reset", json!({})).await;
    // A reset ends every session.
    assert_eq!(app.refresh().await.unwrap_err(), Problem::SignedOut);
    wait_for_view(&app, "the sign-in screen", |view| signed_out_with(view, Some(Notice::SessionEnded))).await;
    eventually("the token to be gone", || async { device.with(|device| device.token.is_none()).then_some(()) }).await;
}

#[tokio::test]
async fn a_vault_without_the_token_asks_to_sign_in_again() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    drop(signed_in(&device, &backend).await);
    device.with(|device| device.token = None);
    let app = start(&device, Edition::Mobile);
    assert_eq!(app.refresh().await.unwrap_err(), Problem::SignedOut);
    assert!(signed_out_with(&app.view().await.unwrap(), Some(Notice::VaultUnreadable)));
}

#[tokio::test]
async fn without_a_vault_the_session_lasts_until_exit_with_a_notice() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    device.with(|device| device.no_vault = true);
    let app = signed_in(&device, &backend).await;
    let view = app.view().await.unwrap();
    assert!(matches!(view.phase, Phase::SignedIn { notice: Some(Notice::SessionInMemoryOnly), .. }));
}

#[tokio::test]
async fn a_wrong_password_keeps_the_server_and_the_user_name() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = start(&device, Edition::Mobile);
    let refused = app.sign_in(backend.url.clone(), "anna.svensson".into(), "wrong".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::BadCredentials);
    match app.view().await.unwrap().phase {
        Phase::SignedOut { server, username, .. } => {
            assert_eq!((server, username), (backend.url, "anna.svensson".into()))
        }
        other => panic!("{other:?}"),
    }
    assert!(!device.with(|device| device.record.clone()).unwrap().contains("wrong"));
}

#[tokio::test]
async fn each_edition_opens_its_own_account_settings_and_nothing_else() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.open_account_settings().await.unwrap();
    start(&device, Edition::Desktop).open_account_settings().await.unwrap();
    device.with(|device| {
        assert_eq!(
            device.opened,
            ["https://accountsettings.connect.identity.visma.com/", "https://accountsettings.connect.visma.com/"]
        );
        // A server that names another page gets nothing opened.
        let evil = device
            .record
            .take()
            .unwrap()
            .replace("accountsettings.connect.visma.com", "connect.visma.com.evil.example");
        device.record = Some(evil);
    });
    let refused = start(&device, Edition::Desktop).open_account_settings().await;
    assert_eq!(refused.unwrap_err(), Problem::LinkNotOpened);
}

#[tokio::test]
async fn pasting_a_clipboard_without_a_code_uses_up_no_attempt() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    assert_eq!(app.paste_code().await.unwrap_err(), Problem::CodeFormat);
    device.with(|device| device.copied = Some("nothing of use".into()));
    assert_eq!(app.paste_code().await.unwrap_err(), Problem::CodeFormat);
    device.with(|device| device.refuses_paste = true);
    assert_eq!(app.paste_code().await.unwrap_err(), Problem::NotPasted);
    device.with(|device| device.refuses_paste = false);
    assert_eq!(linking(&app.view().await.unwrap()).challenge.as_ref().unwrap().attempts_left, 5);
    let mail = format!("Your code:\n\n{}\n\nThe code is valid for 30 minutes.", backend.code(1).await);
    device.with(|device| device.copied = Some(mail));
    assert_eq!(linking(&app.paste_code().await.unwrap()).status, Status::Linked);
}

#[tokio::test]
async fn diagnostics_contain_problem_codes_and_no_personal_data() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    app.log_problem(app.verify_code("12".into()).await).unwrap_err();
    app.copy_diagnostics().await.unwrap();
    let text = device.with(|device| device.copied.clone()).unwrap();
    assert!(text.contains("codeFormat") && text.contains("CodeSent") && text.contains("a test"), "{text}");
    for private in ["@", "anna", "Anna", "Svensson", "127.0.0.1"] {
        assert!(!text.contains(private), "{text}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_told_once_and_calmly() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    device.with(|device| device.folder_is_unusable = true);
    let app = signed_in(&device, &backend).await;
    let notice = |view: flex_connect_core::View| serde_json::to_value(view).unwrap()["phase"]["notice"].clone();
    assert_eq!(notice(app.save_email_draft("anna.sv".into()).await.unwrap()), "notSaved");
    assert_eq!(linking(&app.view().await.unwrap()).email, "anna.sv", "it goes on in memory");
    device.with(|device| device.folder_is_unusable = false);
    assert_eq!(notice(app.save_email_draft("anna.sve".into()).await.unwrap()), serde_json::Value::Null);
}

/// Makes a call while the disk is slow. Returns once its save has begun.
async fn on_a_slow_disk<T: Send + 'static>(
    device: &FakeDevice,
    call: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let begun = device.with(|device| {
        device.holds_saves = true;
        device.saves_begun
    });
    let call = tokio::spawn(call);
    eventually("the save", || async { device.with(|device| device.saves_begun > begun).then_some(()) }).await;
    call
}

#[tokio::test]
async fn a_change_is_shown_before_and_answered_after_it_is_saved() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    let hiding = app.clone();
    let hiding = on_a_slow_disk(&device, async move { hiding.snooze().await }).await;
    wait_for_view(&app, "no banner", |view| !linking(view).banner_visible).await;
    let is_saved = || device.with(|device| !device.record.as_ref().unwrap().contains(r#""snoozedUntil":null"#));
    assert!(!is_saved());
    device.with(|device| device.holds_saves = false);
    hiding.await.unwrap().unwrap();
    assert!(is_saved());
}

#[tokio::test]
async fn a_sign_out_is_saved_before_it_is_shown() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    let leaving = app.clone();
    let leaving = on_a_slow_disk(&device, async move { leaving.sign_out().await }).await;
    assert!(matches!(app.views().borrow().phase, Phase::SignedIn { .. }));
    device.with(|device| device.holds_saves = false);
    let shown = wait_for_view(&app, "the sign-out", |view| signed_out_with(view, None)).await;
    assert!(device.with(|device| device.record.clone()).unwrap().contains(r#""signedIn":null"#));
    assert_eq!(leaving.await.unwrap().unwrap().revision, shown.revision);
}

#[tokio::test]
async fn a_press_is_drawn_once_and_saved_once() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    // Signing in deletes other tokens, and saves that it has.
    let has_deleted = || device.with(|device| device.record.as_ref().unwrap().contains(r#""tokensToDelete":false"#));
    eventually("the end of the sign-in", || async { has_deleted().then_some(()) }).await;
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    let counted = || (app.views().borrow().revision, device.with(|device| device.saves_begun));
    let (revision, saves) = counted();
    app.snooze().await.unwrap();
    assert_eq!(counted(), (revision + 1, saves + 1));
    // The event of the same change, or a read, is neither drawn nor saved.
    app.refresh().await.unwrap();
    app.navigate(Screen::Settings).await.unwrap();
    app.set_language(Some(hrm_api::Language::Sv)).await.unwrap();
    assert_eq!(counted(), (revision + 3, saves + 3));
}
