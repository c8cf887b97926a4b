//! The core against the real backend: what the employee does, and what must never be lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use chrono::TimeDelta;
use flex_connect_core::{Edition, Notice, Phase, Place, Problem};
use hrm_api::{Origin, Status};
use serde_json::json;
use support::{ANNA_AT_WORK, Backend, Memory, eventually, linking, sees, signed_in, start};

fn signed_out_with(view: &flex_connect_core::View, wanted: Option<Notice>) -> bool {
    matches!(view.phase, Phase::SignedOut { notice, .. } if notice == wanted)
}

#[tokio::test]
async fn an_address_a_code_and_done() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
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
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.go(Place::VismaConnect).await.unwrap();
    app.draft("anna.sv".into()).await.unwrap();
    drop(app);
    let view = start(&memory, Edition::Mobile).view().await.unwrap();
    assert_eq!(view.place, Place::VismaConnect);
    assert_eq!(linking(&view).email, "anna.sv");
}

#[tokio::test]
async fn a_kill_between_sending_and_entering_reopens_on_the_code_field_even_offline() {
    let (memory, mut backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    app.go(Place::Home).await.unwrap();
    drop(app);
    backend.stop().await;
    for (edition, place) in [(Edition::Mobile, Place::VismaConnect), (Edition::Desktop, Place::AccountSettings)] {
        let view = start(&memory, edition).view().await.unwrap();
        assert_eq!(view.place, place);
        assert_eq!(linking(&view).email, ANNA_AT_WORK);
        let left = linking(&view).challenge.as_ref().unwrap().expires_at - view.server_time;
        assert!(left > TimeDelta::minutes(29) && left <= TimeDelta::minutes(30), "{left}");
    }
}

#[tokio::test]
async fn a_link_made_on_another_device_shows_here_without_a_tap() {
    let backend = Backend::start().await;
    let (phone, pc) = (Memory::default(), Memory::default());
    let (phone, pc) = (signed_in(&phone, &backend).await, signed_in(&pc, &backend).await);
    let following = phone.clone();
    tokio::spawn(async move { following.follow().await });
    pc.send_code(ANNA_AT_WORK.into()).await.unwrap();
    sees(&phone, "the code sent from the PC", |view| linking(view).status == Status::CodeSent).await;
    // Another device of the same employee may enter it.
    let code = backend.code(1).await;
    phone.verify_code(code.into()).await.unwrap();
    pc.refresh().await.unwrap();
    assert_eq!(linking(&pc.view().await.unwrap()).status, Status::Linked);
}

#[tokio::test]
async fn in_the_background_nothing_is_followed_and_in_front_again_all_is_caught_up() {
    let backend = Backend::start().await;
    let memories = [Memory::default(), Memory::default(), Memory::default()];
    let [phone, tablet, pc] = [0, 1, 2].map(|device| signed_in(&memories[device], &backend));
    let (phone, tablet, pc) = (phone.await, tablet.await, pc.await);
    for device in [&phone, &tablet] {
        let following = device.clone();
        tokio::spawn(async move { following.follow().await });
    }
    pc.send_code(ANNA_AT_WORK.into()).await.unwrap();
    sees(&phone, "the code sent from the PC", |view| linking(view).status == Status::CodeSent).await;

    phone.set_front(false);
    pc.start_over().await.unwrap();
    sees(&tablet, "the start over", |view| linking(view).status == Status::NotLinked).await;
    pc.snooze().await.unwrap();
    sees(&tablet, "the snooze", |view| !linking(view).banner_visible).await;
    assert_eq!(
        linking(&phone.view().await.unwrap()).status,
        Status::CodeSent,
        "the phone hears nothing in the background"
    );

    phone.set_front(true);
    sees(&phone, "all of it", |view| linking(view).status == Status::NotLinked && !linking(view).banner_visible).await;
}

#[tokio::test]
async fn a_server_that_was_away_is_found_again_without_a_tap() {
    let (memory, mut backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    backend.stop().await;
    sees(&app, "the trouble", |view| view.trouble == Some(Problem::Offline)).await;
    backend.restart().await;
    sees(&app, "the end of the trouble", |view| view.trouble.is_none()).await;
}

#[tokio::test]
async fn a_snooze_ends_by_the_servers_clock_whatever_the_device_says() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    assert!(!linking(&app.snooze().await.unwrap()).banner_visible);
    memory.with(|memory| memory.wall_is_off = TimeDelta::days(30));
    assert!(!linking(&app.refresh().await.unwrap()).banner_visible, "a device clock set forward changes nothing");
    memory.with(|memory| memory.wall_is_off = TimeDelta::days(-30));
    backend.pass(24 * 3600 - 30).await;
    assert!(!linking(&app.refresh().await.unwrap()).banner_visible, "30 s are left");
    backend.pass(30).await;
    assert!(linking(&app.refresh().await.unwrap()).banner_visible);
}

#[tokio::test]
async fn offline_the_mirror_of_the_snooze_decides() {
    let (memory, mut backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.snooze().await.unwrap();
    drop(app);
    backend.stop().await;
    let hidden = |memory: &Memory| {
        let app = start(memory, Edition::Desktop);
        async move { !linking(&app.view().await.unwrap()).banner_visible }
    };
    assert!(hidden(&memory).await);
    memory.with(|memory| memory.wall_is_off = TimeDelta::hours(-3));
    assert!(
        hidden(&memory).await,
        "a clock set back does not end it, and does not make it longer than the mirror says"
    );
    memory.with(|memory| memory.wall_is_off = TimeDelta::hours(25));
    assert!(!hidden(&memory).await, "a day later it is over");
}

#[tokio::test]
async fn a_wrong_code_and_the_four_clear_answers() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
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

    backend.pass(61).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(2).await;
    backend.pass(30 * 60).await;
    assert_eq!(app.verify_code(code.into()).await.unwrap_err(), Problem::CodeExpired);
    assert_eq!(linking(&app.view().await.unwrap()).email, "", "nothing is typed, and nothing is live");
}

#[tokio::test]
async fn a_verify_whose_answer_was_lost_ends_on_the_done_screen_when_repeated() {
    let backend = Backend::start().await;
    let (memory, other) = (Memory::default(), Memory::default());
    let (app, other) = (signed_in(&memory, &backend).await, signed_in(&other, &backend).await);
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(1).await;
    // The link stands, and this device never heard of it.
    other.verify_code(code.clone().into()).await.unwrap();
    let view = app.verify_code(code.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linked);
}

#[tokio::test]
async fn a_second_send_says_how_long_to_wait_and_keeps_the_typed_address() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    match app.send_code("anna.svensson@gmail.com".into()).await.unwrap_err() {
        Problem::ResendTooSoon { retry_after_seconds } => assert!((1..=60).contains(&retry_after_seconds)),
        other => panic!("{other:?}"),
    }
    assert_eq!(linking(&app.view().await.unwrap()).email, "anna.svensson@gmail.com");
}

#[tokio::test]
async fn starting_over_keeps_the_address_in_the_field() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let view = app.start_over().await.unwrap();
    assert_eq!(linking(&view).status, Status::NotLinked);
    assert_eq!(linking(&view).email, ANNA_AT_WORK);
}

#[tokio::test]
async fn while_visma_connect_is_out_of_reach_the_setup_finishes_by_itself() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    let following = app.clone();
    tokio::spawn(async move { following.follow().await });
    backend.door("/demo/faults", json!({ "directory": "error" })).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    let code = backend.code(1).await;
    let view = app.verify_code(code.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linking);
    backend.door("/demo/faults", json!({ "directory": "ok" })).await;
    sees(&app, "the link", |view| linking(view).status == Status::Linked).await;
}

#[tokio::test]
async fn sign_out_wipes_the_token_and_all_that_is_the_employees() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.draft("half@typed".into()).await.unwrap();
    let view = app.sign_out().await.unwrap();
    assert!(signed_out_with(&view, None));
    memory.with(|memory| {
        assert!(memory.token.is_none());
        let record = memory.record.clone().unwrap();
        for theirs in ["company.com", "half@typed", "firstName"] {
            assert!(!record.contains(theirs), "{record}");
        }
        assert!(record.contains("Anna.Svensson"), "the user name is remembered");
    });
}

#[tokio::test]
async fn a_session_revoked_elsewhere_wipes_the_device_and_says_so() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    backend.door("/demo/reset", json!({})).await;
    // A reset ends every session.
    assert_eq!(app.refresh().await.unwrap_err(), Problem::SignedOut);
    sees(&app, "the sign-in screen", |view| signed_out_with(view, Some(Notice::SessionEnded))).await;
    eventually("the token to be gone", || async { memory.with(|memory| memory.token.is_none()).then_some(()) }).await;
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_means_signed_out_with_a_sentence() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    drop(signed_in(&memory, &backend).await);
    memory.with(|memory| memory.vault_is_locked = true);
    let app = start(&memory, Edition::Mobile);
    assert_eq!(app.refresh().await.unwrap_err(), Problem::SignedOut);
    assert!(signed_out_with(&app.view().await.unwrap(), Some(Notice::VaultUnreadable)));
}

#[tokio::test]
async fn without_any_vault_the_session_lasts_until_the_end_and_one_notice_says_so() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    memory.with(|memory| memory.no_vault = true);
    let app = signed_in(&memory, &backend).await;
    let view = app.view().await.unwrap();
    assert!(matches!(view.phase, Phase::SignedIn { notice: Some(Notice::SessionInMemoryOnly), .. }));
}

#[tokio::test]
async fn a_wrong_password_keeps_the_server_and_the_user_name() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = start(&memory, Edition::Mobile);
    let refused = app.sign_in(backend.url.clone(), "anna.svensson".into(), "wrong".into()).await;
    assert_eq!(refused.unwrap_err(), Problem::BadCredentials);
    match app.view().await.unwrap().phase {
        Phase::SignedOut { server, username, .. } => {
            assert_eq!((server, username), (backend.url, "anna.svensson".into()))
        }
        other => panic!("{other:?}"),
    }
    assert!(!memory.with(|memory| memory.record.clone()).unwrap().contains("wrong"));
}

#[tokio::test]
async fn only_the_account_settings_open_and_each_edition_opens_its_own() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.open_account_settings().await.unwrap();
    start(&memory, Edition::Desktop).open_account_settings().await.unwrap();
    memory.with(|memory| {
        assert_eq!(
            memory.opened,
            ["https://accountsettings.connect.identity.visma.com/", "https://accountsettings.connect.visma.com/"]
        );
        // A server that names another page gets nothing opened.
        let evil = memory
            .record
            .take()
            .unwrap()
            .replace("accountsettings.connect.visma.com", "connect.visma.com.evil.example");
        memory.record = Some(evil);
    });
    let refused = start(&memory, Edition::Desktop).open_account_settings().await;
    assert_eq!(refused.unwrap_err(), Problem::LinkNotOpened);
}

#[tokio::test]
async fn a_copied_code_is_verified_and_a_clipboard_without_one_costs_no_try() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    assert_eq!(app.paste_code().await.unwrap_err(), Problem::CodeFormat);
    memory.with(|memory| memory.copied = Some("nothing of use".into()));
    assert_eq!(app.paste_code().await.unwrap_err(), Problem::CodeFormat);
    assert_eq!(linking(&app.view().await.unwrap()).challenge.as_ref().unwrap().attempts_left, 5);
    let mail = format!("Your code:\n\n{}\n\nThe code is valid for 30 minutes.", backend.code(1).await);
    memory.with(|memory| memory.copied = Some(mail));
    assert_eq!(linking(&app.paste_code().await.unwrap()).status, Status::Linked);
}

#[tokio::test]
async fn diagnostics_name_the_problems_and_nobody() {
    let (memory, backend) = (Memory::default(), Backend::start().await);
    let app = signed_in(&memory, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    app.noted(app.verify_code("12".into()).await).unwrap_err();
    app.copy_diagnostics().await.unwrap();
    let text = memory.with(|memory| memory.copied.clone()).unwrap();
    assert!(text.contains("codeFormat") && text.contains("CodeSent") && text.contains("a test"), "{text}");
    for private in ["@", "anna", "Anna", "Svensson", "127.0.0.1"] {
        assert!(!text.contains(private), "{text}");
    }
}
