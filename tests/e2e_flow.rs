//! The flow end to end: the real app in a real window, a real backend, real mail and the real credential store.

use crate::support::{
    backend::wrong_code,
    eventually,
    expected_copy::{self, ScreenCopy},
    fixture::{ANNA, ANNA_WORK_EMAIL, Fixture},
};
use fantoccini::key::Key;
use serde_json::json;

async fn anna_is_linked_by_code(edition: &'static str) {
    let fixture = Fixture::new(edition).await;
    let app = fixture.app_signed_in_as(ANNA).await;
    let page = &app.page;
    fixture.open_flow(page).await;
    let code = fixture.send_code_to_first_suggestion(page).await;
    page.wait_text("check-inbox", "Check your inbox").await;
    page.wait_text("check-inbox", "An email has been sent to anna.svensson@company.com to verify your email address")
        .await;
    page.wait_focused("textbox", if edition == "mobile" { "Verification code" } else { "Code" }).await;
    // The sixth digit submits the code.
    page.type_into("code", &code).await;
    page.wait_flow_state("linked").await;
    let done = page.text("done").await;
    assert!(done.contains("You're all set!"), "{done}");
    assert_eq!(page.text("account-email").await, ANNA_WORK_EMAIL);
    let host = if edition == "mobile" { "connect.identity.visma.com" } else { "accountsettings.connect.visma.com" };
    page.wait_text("manage-account", host).await;
    page.wait_gone("banner").await;
    page.click(if edition == "mobile" { "back" } else { "nav-home" }).await;
    page.wait_gone("banner").await;
    app.close(&fixture.sandbox).await;
}

fn seconds_left(text: &str) -> u64 {
    let clock = text.split_whitespace().find_map(|word| word.split_once(':')).unwrap_or_else(|| panic!("{text:?}"));
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
    digits(clock.0) * 60 + digits(clock.1)
}

async fn assert_product_copy(edition: &'static str, screens: ScreenCopy) {
    let fixture = Fixture::new(edition).await;
    let app = fixture.app_signed_in_as(ANNA).await;
    app.page.wait_visible("banner").await;
    app.page.wait_page_text(&screens.banner).await;
    fixture.open_flow(&app.page).await;
    app.page.wait_page_text(&screens.email_step).await;
    let code = fixture.send_code_to_first_suggestion(&app.page).await;
    app.page.wait_page_text(&screens.code_sent).await;
    app.page.type_into("code", &code).await;
    app.page.wait_flow_state("linked").await;
    app.page.wait_page_text(&screens.done).await;
    app.close(&fixture.sandbox).await;
}

#[test]
fn the_expected_copy_is_in_the_help_text() {
    // The product's help text is not part of this repository.
    let Ok(help) = std::fs::read_to_string("../shared/product/seed.txt") else { return };
    for text in expected_copy::all() {
        assert!(help.contains(&text), "not in the help text: {text}");
    }
}

#[cfg(not(windows))]
#[test]
fn a_held_port_is_free_for_its_server_alone() {
    use crate::support::programs::HeldPort;
    let held = HeldPort::any();
    assert!(HeldPort::take(held.number).is_none(), "nobody else takes it");
    let server = std::net::TcpListener::bind(("127.0.0.1", held.number)).unwrap();
    drop(server);
    let number = held.number;
    drop(held);
    assert!(HeldPort::take(number).is_some());
}

mod e2e {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn anna_is_linked_by_code_on_mobile() {
        anna_is_linked_by_code("mobile").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn anna_is_linked_by_code_on_desktop() {
        anna_is_linked_by_code("desktop").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_middle_digit_is_corrected_by_a_click_on_its_box() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        let digits: Vec<char> = code.chars().collect();
        let slip = if digits[2] == '0' { '1' } else { '0' };
        app.page.wait_focused("textbox", "Code").await;
        app.page.press(&[digits[0], digits[1], slip, digits[3], digits[4]]).await;
        app.page.click_code_box(3).await;
        app.page.press(&[digits[2]]).await;
        app.page.wait_value("code", &code[..5]).await;
        app.page.press(&[Key::End.into(), digits[5]]).await;
        app.page.wait_flow_state("linked").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_in_a_verified_domain_is_linked_without_a_code() {
        let fixture = Fixture::new("mobile").await;
        let app = fixture.app_signed_in_as("erik.lund").await;
        fixture.open_flow(&app.page).await;
        app.page.click("suggestion").await;
        app.page.click("send-code").await;
        app.page.wait_flow_state("linked").await;
        assert_eq!(app.page.text("account-email").await, "erik.lund@verified.example");
        assert!(fixture.backend.inbox().await.is_empty());
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_existing_account_is_linked() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as("mia.berg").await;
        fixture.open_flow(&app.page).await;
        app.page.type_into("email", "mia.berg@company.com").await;
        app.page.click("send-code").await;
        app.page.wait_flow_state("codeSent").await;
        let code = fixture.backend.code_sent_to("mia.berg@company.com", 0).await;
        app.page.type_into("code", &code).await;
        app.page.wait_flow_state("linked").await;
        app.page.wait_text("done", "existing").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_start_sends_at_most_two_requests() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        app.page.click("banner-hide").await;
        app.page.wait_gone("banner").await;
        app.close(&fixture.sandbox).await;

        let before = fixture.backend.request_count().await;
        let app = fixture.start_app().await;
        app.page.wait_visible("screen-home").await;
        // The app learns of the advanced clock from the event stream, so no more requests can follow.
        fixture.backend.advance_clock(24 * 3600).await;
        app.page.wait_visible("banner").await;
        let requests = fixture.backend.request_count().await - before;
        assert!((1..=2).contains(&requests), "{requests} requests");
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_code_shows_the_attempts_left_and_a_retry_works() {
        let fixture = Fixture::new("mobile").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        app.page.type_into("code", &wrong_code(&code)).await;
        let sentence = app.page.wait_problem("codeWrong").await;
        assert!(sentence.contains("That code isn't right.") && sentence.contains("4 tries left"), "{sentence}");
        app.page.fill("code", &code).await;
        app.page.wait_flow_state("linked").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_code_pasted_within_other_text_is_verified() {
        let mut fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        fixture.sandbox.system.set_clipboard(&format!("Code: {} {}", &code[..3], &code[3..]));
        app.page.click("code").await;
        fixture.sandbox.system.press_keys("ctrl+v");
        app.page.wait_flow_state("linked").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_paste_button_verifies_the_copied_code() {
        let mut fixture = Fixture::new("mobile").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        fixture.sandbox.system.set_clipboard("nothing of use");
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        app.page.click("paste-code").await;
        app.page.wait_page_text(&["There's no 6-digit code in what you copied."]).await;
        assert!(!app.page.is_visible("problem").await, "nothing was rejected");
        app.page.type_into("code", &wrong_code(&code)).await;
        let sentence = app.page.wait_problem("codeWrong").await;
        assert!(sentence.contains("4 tries left"), "the paste cost no attempt: {sentence}");
        fixture.sandbox.system.set_clipboard(&format!("Hi Anna,\n\n{code}\n\nThe code is valid for 30 minutes."));
        app.page.wait_flow_state("codeSent").await;
        app.page.click("paste-code").await;
        app.page.wait_flow_state("linked").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_code_screen_and_its_countdown_survive_a_kill() {
        let fixture = Fixture::new("mobile").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        let before = seconds_left(&app.page.text("expires-in").await);
        app.kill(&fixture.sandbox).await;

        fixture.backend.advance_clock(600).await;
        let app = fixture.start_app().await;
        app.page.wait_flow_state("codeSent").await;
        app.page.wait_value("email", ANNA_WORK_EMAIL).await;
        app.page.wait_text("check-inbox", ANNA_WORK_EMAIL).await;
        let left = eventually("a countdown by the server's clock", || async {
            let left = seconds_left(&app.page.text("expires-in").await);
            (left <= before.saturating_sub(600)).then_some(left)
        })
        .await;
        assert!(left > 1800 - 600 - 120, "{left} s left");
        app.page.type_into("code", &code).await;
        app.page.wait_flow_state("linked").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_partly_typed_address_survives_a_kill() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        app.page.type_into("email", "anna.sv").await;
        let recorded = || async { fixture.sandbox.record().contains("\"anna.sv\"").then_some(()) };
        eventually("the draft in record.json", recorded).await;
        app.kill(&fixture.sandbox).await;
        let app = fixture.start_app().await;
        app.page.wait_flow_state("notLinked").await;
        app.page.wait_value("email", "anna.sv").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_hidden_banner_returns_after_24_hours_of_server_time() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        app.page.wait_visible("banner").await;
        app.page.click("banner-hide").await;
        app.page.wait_gone("banner").await;
        app.close(&fixture.sandbox).await;

        fixture.backend.advance_clock(24 * 3600 - 60).await;
        let app = fixture.start_app().await;
        app.page.wait_visible("screen-home").await;
        assert!(!app.page.is_visible("banner").await, "one minute of the 24 hours is left");
        app.close(&fixture.sandbox).await;

        fixture.backend.advance_clock(60).await;
        let app = fixture.start_app().await;
        app.page.wait_visible("banner").await;
        app.close(&fixture.sandbox).await;
    }

    // Only Linux has a tool of its own that reads the credential store.
    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread")]
    async fn no_secret_leaks_and_signing_out_deletes_the_token() {
        const MISTYPED: &str = "a unique password 7431";
        let fixture = Fixture::new("desktop").await;
        let app = fixture.start_app().await;
        let page = &app.page;
        page.wait_visible("screen-sign-in").await;
        page.fill("server", &fixture.backend.url).await;
        page.fill("username", ANNA).await;
        page.type_into("password", MISTYPED).await;
        page.click("sign-in").await;
        page.wait_problem("badCredentials").await;
        page.fill("password", "demo").await;
        page.click("sign-in").await;
        page.wait_visible("screen-home").await;
        fixture.open_flow(page).await;
        let code = fixture.send_code_to_first_suggestion(page).await;
        let wrong = wrong_code(&code);
        page.type_into("code", &wrong).await;
        page.wait_problem("codeWrong").await;
        let token = fixture.sandbox.system.token_in_keyring().expect("a token in the keyring");
        let secrets = [MISTYPED, &token, &code, &wrong];
        fixture.assert_no_secret_in(page, &secrets).await;
        page.fill("code", &code).await;
        page.wait_flow_state("linked").await;
        fixture.assert_no_secret_in(page, &secrets).await;

        app.page.click("nav-settings").await;
        app.page.click("sign-out").await;
        app.page.wait_visible("screen-sign-in").await;
        eventually("the token deleted from the keyring", || async {
            fixture.sandbox.system.token_in_keyring().is_none().then_some(())
        })
        .await;
        let record = fixture.sandbox.record();
        assert!(!record.contains("company.com") && !record.contains("Svensson"), "{record}");
        assert_eq!(app.page.value("username").await, ANNA, "the user name is kept");
        assert_eq!(app.page.value("password").await, "");
        fixture.assert_no_secret_in(page, &secrets).await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_banner_follows_what_another_device_does() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        app.page.wait_visible("banner").await;
        fixture.backend.load_scenario("code-sent-elsewhere").await;
        app.page.wait_text("banner", ANNA_WORK_EMAIL).await;
        app.page.click("banner-connect").await;
        app.page.wait_flow_state("codeSent").await;
        app.page.wait_visible("code").await;
        app.page.click("nav-home").await;
        app.page.wait_visible("banner").await;
        fixture.backend.advance_clock(60).await;
        fixture.backend.load_scenario("linked-elsewhere").await;
        app.page.wait_gone("banner").await;
        app.page.wait_visible("screen-home").await;
        app.close(&fixture.sandbox).await;
    }

    /// With Chromium as the system's browser. Returns the text of its last page.
    #[cfg(target_os = "linux")]
    async fn sign_in_with_chromium(url: String, email: &'static str) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/browser.mjs");
        let browser = tokio::task::spawn_blocking(move || {
            std::process::Command::new("node").args([script, &url, email]).output()
        });
        String::from_utf8(browser.await.unwrap().unwrap().stdout).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread")]
    async fn anna_tries_her_new_login_in_the_systems_browser() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        app.page.type_into("code", &code).await;
        app.page.wait_flow_state("linked").await;
        app.page.wait_text("try-login-status", "Sign in to Visma Connect once, and see that it works.").await;
        app.page.click("try-login").await;
        app.page.wait_text("try-login-status", "Sign in in the browser that has opened.").await;
        let opened = || async { fixture.sandbox.system.opened().pop() };
        let url = eventually("the system's browser opens", opened).await;
        let last = sign_in_with_chromium(url, ANNA_WORK_EMAIL).await;
        assert!(last.starts_with("Your new login works.") && last.contains("go back to the app"), "{last}");
        // Without a press in the app.
        app.page.wait_text("try-login-status", "Your new login works.").await;
        assert_eq!(fixture.sandbox.system.opened().len(), 1);
        app.close(&fixture.sandbox).await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_phone_sees_the_try_that_another_device_began() {
        let fixture = Fixture::new("mobile").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        let code = fixture.send_code_to_first_suggestion(&app.page).await;
        app.page.type_into("code", &code).await;
        app.page.wait_flow_state("linked").await;
        let url = fixture.backend.try_login_elsewhere().await;
        app.page.wait_text("try-login-status", "This page notices when you are done.").await;
        sign_in_with_chromium(url, "mia.berg@company.com").await;
        app.page.wait_text("try-login-status", "account that is not linked to your user").await;
        let url = fixture.backend.try_login_elsewhere().await;
        sign_in_with_chromium(url, ANNA_WORK_EMAIL).await;
        app.page.wait_text("try-login-status", "Your new login works.").await;
        assert!(fixture.sandbox.system.opened().is_empty());
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_desktop_code_field_is_enabled_once_a_code_is_sent() {
        let fixture = Fixture::new("desktop").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        assert_eq!(app.page.evaluate("return document.querySelector('[data-testid=code]').disabled").await, true);
        assert_eq!(
            app.page.evaluate("return document.querySelector('[data-testid=verify-code]').disabled").await,
            true
        );
        fixture.send_code_to_first_suggestion(&app.page).await;
        let fields = "return [...document.querySelectorAll('input[autocomplete=one-time-code]')]
            .map(({ disabled, inputMode, dataset }) => [disabled, inputMode, dataset.testid])";
        assert_eq!(app.page.evaluate(fields).await, json!([[false, "numeric", "code"]]));
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn network_faults_show_a_message_and_keep_the_input() {
        let fixture = Fixture::new("mobile").await;
        let app = fixture.app_signed_in_as(ANNA).await;
        fixture.open_flow(&app.page).await;
        app.page.type_into("email", ANNA_WORK_EMAIL).await;
        for (fault, code) in [("offline", "offline"), ("error", "unavailable"), ("nonsense", "notHrmServer")] {
            fixture.backend.set_faults(json!({ "network": fault })).await;
            app.page.click("send-code").await;
            app.page.wait_problem(code).await;
            assert!(!app.page.is_visible("retry").await, "the button that was pressed is still there");
            app.page.wait_value("email", ANNA_WORK_EMAIL).await;
        }
        assert!(fixture.backend.inbox().await.is_empty());
        fixture.backend.set_faults(json!({ "network": "slow" })).await;
        app.page.click("send-code").await;
        app.page.wait_flow_state("codeSent").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_language_chosen_in_settings_applies_to_every_screen() {
        let fixture = Fixture::new("mobile").await;
        fixture.backend.load_scenario("swedish").await;
        let app = fixture.app_signed_in_as("sofia.ek").await;
        app.page.wait_page_text(&["Hi Sofia"]).await;
        app.page.click("nav-settings").await;
        app.page.select_option("language", "sv").await;
        app.page.wait_page_text(&["Inställningar", "Visma Connect"]).await;
        app.page.click("back").await;
        app.page.wait_page_text(&["Hej Sofia"]).await;
        app.close(&fixture.sandbox).await;
    }

    #[cfg(not(windows))]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_sandbox_leaves_no_file_behind() {
        let fixture = Fixture::new("mobile").await;
        let app = fixture.start_app().await;
        app.page.wait_visible("sign-in").await;
        let home = fixture.sandbox.folder("");
        let sockets = fixture.sandbox.system.socket_files();
        assert!(sockets.iter().any(|path| path.starts_with(&home)), "the message bus listens: {sockets:?}");
        drop(app);
        fixture.backend.stop().await;
        drop(fixture.sandbox);
        let left: Vec<_> = sockets.iter().chain([&home]).filter(|path| path.exists()).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[cfg(not(windows))]
    #[tokio::test(flavor = "multi_thread")]
    async fn a_webdriver_session_that_does_not_come_is_tried_again() {
        use std::os::unix::fs::PermissionsExt as _;
        let fixture = Fixture::new("mobile").await;
        let (driver, marker) = (fixture.sandbox.folder("driver"), fixture.sandbox.folder("hung"));
        let script = format!(
            "#!/bin/sh\n[ -e {0} ] && exec WebKitWebDriver \"$@\"\n: >{0}\nexec sleep 1000\n",
            marker.display()
        );
        std::fs::write(&driver, script).unwrap();
        std::fs::set_permissions(&driver, std::fs::Permissions::from_mode(0o700)).unwrap();
        let limit = std::time::Duration::from_secs(8);
        let app = fixture.sandbox.start_app_with(Some(driver.into()), limit, &["--edition", "mobile"]).await;
        assert!(marker.exists(), "the first driver hung");
        app.page.wait_visible("sign-in").await;
        app.close(&fixture.sandbox).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_desktop_screens_show_the_product_copy() {
        assert_product_copy("desktop", expected_copy::desktop()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_mobile_screens_show_the_product_copy() {
        assert_product_copy("mobile", expected_copy::mobile()).await;
    }
}
