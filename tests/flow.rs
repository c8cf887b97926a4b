//! The main job, end to end: the real app in a real window, a real backend, a real mail, the real credential store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use support::{
    backend::not,
    eventually,
    seed::{self, Screens},
    stage::{ANNA, ANNA_AT_WORK, Stage},
};

async fn anna_is_linked_by_code(edition: &'static str) {
    let stage = Stage::set(edition).await;
    let app = stage.app_of(ANNA).await;
    let page = &app.page;
    stage.open_flow(page).await;
    let code = stage.send_to_first_suggestion(page).await;
    page.read("check-inbox", "Check your inbox").await;
    page.read("check-inbox", "An email has been sent to anna.svensson@company.com to verify your email address").await;
    page.focus_is_on("textbox", if edition == "mobile" { "Verification code" } else { "Code" }).await;
    // Six digits are enough: the field verifies by itself.
    page.type_into("code", &code).await;
    page.flow_is("linked").await;
    let done = page.text("done").await;
    assert!(done.contains("You're all set!"), "{done}");
    assert_eq!(page.text("account-email").await, ANNA_AT_WORK);
    let host = if edition == "mobile" { "connect.identity.visma.com" } else { "accountsettings.connect.visma.com" };
    page.read("manage-account", host).await;
    page.see_no("banner").await;
    page.tap(if edition == "mobile" { "back" } else { "nav-home" }).await;
    page.see_no("banner").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_anna_is_linked_by_code_on_mobile() {
    anna_is_linked_by_code("mobile").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_anna_is_linked_by_code_on_desktop() {
    anna_is_linked_by_code("desktop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_erik_in_a_verified_domain_is_linked_at_once_with_no_mail_of_a_code() {
    let stage = Stage::set("mobile").await;
    let app = stage.app_of("erik.lund").await;
    stage.open_flow(&app.page).await;
    app.page.tap("suggestion").await;
    app.page.tap("send-code").await;
    app.page.flow_is("linked").await;
    assert_eq!(app.page.text("account-email").await, "erik.lund@verified.example");
    assert!(stage.backend.inbox().await.is_empty());
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_mia_keeps_the_account_that_she_has() {
    let stage = Stage::set("desktop").await;
    let app = stage.app_of("mia.berg").await;
    stage.open_flow(&app.page).await;
    app.page.type_into("email", "mia.berg@company.com").await;
    app.page.tap("send-code").await;
    app.page.flow_is("codeSent").await;
    let code = stage.backend.code_to("mia.berg@company.com", 0).await;
    app.page.type_into("code", &code).await;
    app.page.flow_is("linked").await;
    app.page.read("done", "existing").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_start_asks_the_server_no_more_than_twice() {
    let stage = Stage::set("desktop").await;
    let app = stage.app_of(ANNA).await;
    app.page.tap("banner-hide").await;
    app.page.see_no("banner").await;
    app.close(&stage.desk).await;

    let before = stage.backend.requests().await;
    let app = stage.app().await;
    app.page.see("screen-home").await;
    // The banner comes back when the server says that a day has passed: the app hears it by now.
    stage.backend.pass(24 * 3600).await;
    app.page.see("banner").await;
    let asked = stage.backend.requests().await - before;
    assert!((1..=2).contains(&asked), "{asked} requests");
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_wrong_code_says_how_many_tries_are_left_and_the_right_one_still_works() {
    let stage = Stage::set("mobile").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    let code = stage.send_to_first_suggestion(&app.page).await;
    app.page.type_into("code", &not(&code)).await;
    let sentence = app.page.problem("codeWrong").await;
    assert!(sentence.contains("That code isn't right.") && sentence.contains("4 tries left"), "{sentence}");
    app.page.replace("code", &code).await;
    app.page.flow_is("linked").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_code_pasted_with_its_words_around_it_is_read() {
    let mut stage = Stage::set("desktop").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    let code = stage.send_to_first_suggestion(&app.page).await;
    stage.desk.system.copy(&format!("Code: {} {}", &code[..3], &code[3..]));
    app.page.tap("code").await;
    stage.desk.system.press("ctrl+v");
    app.page.flow_is("linked").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_paste_button_verifies_the_code_that_was_copied() {
    let mut stage = Stage::set("mobile").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    stage.desk.system.copy("nothing of use");
    let code = stage.send_to_first_suggestion(&app.page).await;
    app.page.tap("paste-code").await;
    app.page.says(&["What you copied has no code of six digits in it.", "5 tries left"]).await;
    stage.desk.system.copy(&format!("Hi Anna,\n\n{code}\n\nThe code is valid for 30 minutes."));
    app.page.flow_is("codeSent").await;
    app.page.tap("paste-code").await;
    app.page.flow_is("linked").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_an_app_killed_on_the_code_screen_comes_back_to_it_with_the_time_that_is_left() {
    let stage = Stage::set("mobile").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    let code = stage.send_to_first_suggestion(&app.page).await;
    let before = seconds_left(&app.page.text("expires-in").await);
    app.kill(&stage.desk).await;

    stage.backend.pass(600).await;
    let app = stage.app().await;
    app.page.flow_is("codeSent").await;
    app.page.holds("email", ANNA_AT_WORK).await;
    app.page.read("check-inbox", ANNA_AT_WORK).await;
    let left = eventually("the time by the server's clock", || async {
        let left = seconds_left(&app.page.text("expires-in").await);
        (left <= before.saturating_sub(600)).then_some(left)
    })
    .await;
    assert!(left > 1800 - 600 - 120, "{left} s are left");
    app.page.type_into("code", &code).await;
    app.page.flow_is("linked").await;
    app.close(&stage.desk).await;
}

fn seconds_left(text: &str) -> u64 {
    let clock = text.split_whitespace().find_map(|word| word.split_once(':')).unwrap_or_else(|| panic!("{text:?}"));
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
    digits(clock.0) * 60 + digits(clock.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_half_typed_address_is_still_there_after_a_kill() {
    let stage = Stage::set("desktop").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    app.page.type_into("email", "anna.sv").await;
    let kept = || async { stage.desk.record().contains("\"anna.sv\"").then_some(()) };
    eventually("the draft to be kept", kept).await;
    app.kill(&stage.desk).await;
    let app = stage.app().await;
    app.page.flow_is("notLinked").await;
    app.page.holds("email", "anna.sv").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_hidden_banner_comes_back_after_24_hours_of_the_servers_clock() {
    let stage = Stage::set("desktop").await;
    let app = stage.app_of(ANNA).await;
    app.page.see("banner").await;
    app.page.tap("banner-hide").await;
    app.page.see_no("banner").await;
    app.close(&stage.desk).await;

    stage.backend.pass(24 * 3600 - 60).await;
    let app = stage.app().await;
    app.page.see("screen-home").await;
    assert!(!app.page.has("banner").await, "a minute is left of the 24 hours");
    app.close(&stage.desk).await;

    stage.backend.pass(60).await;
    let app = stage.app().await;
    app.page.see("banner").await;
    app.close(&stage.desk).await;
}

// What other systems keep secrets in cannot be read by a tool that is not ours.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_token_code_and_password_are_in_no_file_page_or_process_and_sign_out_wipes_the_token() {
    const MISTYPED: &str = "a password like no other text 7431";
    let stage = Stage::set("desktop").await;
    let app = stage.app().await;
    let page = &app.page;
    page.see("screen-sign-in").await;
    page.replace("server", &stage.backend.url).await;
    page.replace("username", ANNA).await;
    page.type_into("password", MISTYPED).await;
    page.tap("sign-in").await;
    page.problem("badCredentials").await;
    page.replace("password", "demo").await;
    page.tap("sign-in").await;
    page.see("screen-home").await;
    stage.open_flow(page).await;
    let code = stage.send_to_first_suggestion(page).await;
    let wrong = not(&code);
    page.type_into("code", &wrong).await;
    page.problem("codeWrong").await;
    let token = stage.desk.system.token_in_keyring().expect("the token is in the keyring");
    let secrets = [MISTYPED, &token, &code, &wrong];
    stage.nothing_holds(page, &secrets).await;
    page.replace("code", &code).await;
    page.flow_is("linked").await;
    stage.nothing_holds(page, &secrets).await;

    app.page.tap("nav-settings").await;
    app.page.tap("sign-out").await;
    app.page.see("screen-sign-in").await;
    eventually("the keyring to forget the token", || async {
        stage.desk.system.token_in_keyring().is_none().then_some(())
    })
    .await;
    let record = stage.desk.record();
    assert!(!record.contains("company.com") && !record.contains("Svensson"), "{record}");
    assert_eq!(app.page.value("username").await, ANNA, "the user name is remembered");
    assert_eq!(app.page.value("password").await, "");
    stage.nothing_holds(page, &secrets).await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_banner_follows_what_another_device_does_and_is_gone_once_that_has_linked() {
    let stage = Stage::set("desktop").await;
    let app = stage.app_of(ANNA).await;
    app.page.see("banner").await;
    stage.backend.scenario("code-sent-elsewhere").await;
    app.page.read("banner", ANNA_AT_WORK).await;
    app.page.tap("banner-connect").await;
    app.page.flow_is("codeSent").await;
    app.page.see("code").await;
    app.page.tap("nav-home").await;
    app.page.see("banner").await;
    stage.backend.pass(60).await;
    stage.backend.scenario("linked-elsewhere").await;
    app.page.see_no("banner").await;
    app.page.see("screen-home").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_code_part_of_the_desktop_is_disabled_until_a_code_is_sent_and_is_one_field_for_a_one_time_code()
 {
    let stage = Stage::set("desktop").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    assert_eq!(app.page.run("return document.querySelector('[data-testid=code]').disabled").await, true);
    assert_eq!(app.page.run("return document.querySelector('[data-testid=verify-code]').disabled").await, true);
    stage.send_to_first_suggestion(&app.page).await;
    let fields = "return [...document.querySelectorAll('input[autocomplete=one-time-code]')]
        .map(({ disabled, inputMode, dataset }) => [disabled, inputMode, dataset.testid])";
    assert_eq!(app.page.run(fields).await, json!([[false, "numeric", "code"]]));
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_offline_slow_broken_and_senseless_servers_get_a_sentence_and_keep_what_was_typed() {
    let stage = Stage::set("mobile").await;
    let app = stage.app_of(ANNA).await;
    stage.open_flow(&app.page).await;
    app.page.type_into("email", ANNA_AT_WORK).await;
    for (fault, code) in [("offline", "offline"), ("error", "unavailable"), ("nonsense", "notHrmServer")] {
        stage.backend.faults(json!({ "network": fault })).await;
        if fault == "offline" {
            // The line about it moves the screen once, by itself; after that the problem beside the button says it all.
            app.page.see("trouble").await;
        }
        app.page.tap("send-code").await;
        app.page.problem(code).await;
        app.page.see("retry").await;
        app.page.holds("email", ANNA_AT_WORK).await;
    }
    assert!(stage.backend.inbox().await.is_empty());
    stage.backend.faults(json!({ "network": "slow" })).await;
    app.page.tap("send-code").await;
    app.page.flow_is("codeSent").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_language_chosen_in_settings_is_on_every_screen() {
    let stage = Stage::set("mobile").await;
    stage.backend.scenario("swedish").await;
    let app = stage.app_of("sofia.ek").await;
    app.page.says(&["Hi Sofia"]).await;
    app.page.tap("nav-settings").await;
    app.page.choose("language", "sv").await;
    app.page.says(&["Inställningar", "Visma Connect"]).await;
    app.page.tap("back").await;
    app.page.says(&["Hej Sofia"]).await;
    app.close(&stage.desk).await;
}

async fn the_seeds_sentences_are_on(edition: &'static str, screens: Screens) {
    let stage = Stage::set(edition).await;
    let app = stage.app_of(ANNA).await;
    app.page.see("banner").await;
    app.page.says(screens.banner).await;
    stage.open_flow(&app.page).await;
    app.page.says(screens.before).await;
    let code = stage.send_to_first_suggestion(&app.page).await;
    app.page.says(screens.sent).await;
    app.page.type_into("code", &code).await;
    app.page.flow_is("linked").await;
    app.page.says(screens.done).await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_seeds_sentences_are_on_the_desktop_screens_letter_for_letter() {
    the_seeds_sentences_are_on("desktop", seed::DESKTOP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_seeds_sentences_are_on_the_mobile_screens_letter_for_letter() {
    the_seeds_sentences_are_on("mobile", seed::MOBILE).await;
}

#[test]
fn the_sentences_that_the_screens_are_compared_with_stand_in_the_document() {
    let Ok(document) = std::fs::read_to_string("../shared/product/seed.txt") else { return };
    for sentence in seed::all() {
        assert!(document.contains(sentence), "the document does not say: {sentence}");
    }
}
