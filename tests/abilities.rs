//! The flow for people of any ability: by the keyboard alone, by the names that a screen reader hears, and looked at by
//! axe-core, in the real window. Every screen state in every language is looked at in Chromium (`npm run pictures`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use support::{
    backend::not,
    page::Page,
    stage::{ANNA, ANNA_AT_WORK, Stage},
};

async fn finished_by_keyboard_and_names_alone(edition: &'static str) {
    let mobile = edition == "mobile";
    let by_edition = |on_mobile: &'static str, on_desktop: &'static str| if mobile { on_mobile } else { on_desktop };
    let stage = Stage::set(edition).await;
    let app = stage.app().await;
    let (desk, page) = (&stage.desk, &app.page);

    desk.tab_to(page, "textbox", "Server address").await;
    desk.system.write(&stage.backend.url);
    desk.tab_to(page, "textbox", "User name").await;
    desk.system.write(ANNA);
    desk.tab_to(page, "textbox", "Password").await;
    desk.system.write("demo");
    desk.system.press("Return");
    page.focus_is_on("heading", "Hi Anna").await;

    desk.tab_to(page, "button", by_edition("Connect your account", "Go to Account settings")).await;
    desk.system.press("Return");
    page.focus_is_on("heading", by_edition("Visma Connect", "Account settings")).await;
    desk.tab_to(page, "textbox", by_edition("Email address", "Email")).await;
    desk.system.write(ANNA_AT_WORK);
    desk.tab_to(page, "button", by_edition("Send verification code", "Verify account")).await;
    desk.system.press("Return");

    page.focus_is_on("textbox", by_edition("Verification code", "Code")).await;
    page.was_said(&format!("Check your inbox. An email has been sent to {ANNA_AT_WORK} to verify your email address"))
        .await;
    let code = stage.backend.code_to(ANNA_AT_WORK, 0).await;
    desk.system.write(&not(&code));
    page.problem("codeWrong").await;
    // The refused code is selected: what is typed next replaces it.
    page.focus_is_on("textbox", by_edition("Verification code", "Code")).await;
    desk.system.write(&code);
    page.named("heading", "You're all set!").await;
    page.was_said("You're all set!").await;
    let settings =
        by_edition("https://accountsettings.connect.identity.visma.com/", "https://accountsettings.connect.visma.com/");
    desk.tab_to(page, "link", settings).await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_whole_flow_is_done_by_keyboard_and_names_alone_on_mobile() {
    finished_by_keyboard_and_names_alone("mobile").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_the_whole_flow_is_done_by_keyboard_and_names_alone_on_desktop() {
    finished_by_keyboard_and_names_alone("desktop").await;
}

async fn no_barrier(page: &Page, screen: &str) {
    let found = page.barriers().await;
    assert!(found.is_empty(), "{screen}: {found:#?}");
}

async fn no_screen_has_a_barrier(edition: &'static str) {
    let stage = Stage::set(edition).await;
    let app = stage.app().await;
    let page = &app.page;
    no_barrier(page, "sign in").await;
    page.sign_in(&stage.backend.url, ANNA).await;
    page.see("banner").await;
    no_barrier(page, "home").await;
    page.tap("nav-settings").await;
    page.see("screen-settings").await;
    no_barrier(page, "settings").await;
    if edition == "desktop" {
        page.tap("nav-profile").await;
        page.see("screen-profile").await;
        no_barrier(page, "profile").await;
    } else {
        page.tap("back").await;
    }
    stage.open_flow(page).await;
    no_barrier(page, "address").await;
    page.type_into("email", "anna").await;
    page.tap("send-code").await;
    page.problem("emailInvalid").await;
    no_barrier(page, "address that is none").await;
    let code = stage.send_to_first_suggestion(page).await;
    no_barrier(page, "code").await;
    page.type_into("code", &not(&code)).await;
    page.problem("codeWrong").await;
    no_barrier(page, "wrong code").await;
    stage.backend.faults(json!({ "directory": "timeout" })).await;
    page.replace("code", &code).await;
    page.flow_is("linking").await;
    page.was_said("We are finishing the setup").await;
    no_barrier(page, "finishing the setup").await;
    stage.backend.faults(json!({ "directory": "ok" })).await;
    page.flow_is("linked").await;
    page.was_said("You're all set!").await;
    no_barrier(page, "done").await;
    // And it would have found one.
    page.run("document.documentElement.removeAttribute('lang')").await;
    assert_eq!(page.barriers().await, ["html-has-lang: html"]);
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_axe_finds_no_barrier_on_any_screen_of_mobile() {
    no_screen_has_a_barrier("mobile").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_axe_finds_no_barrier_on_any_screen_of_desktop() {
    no_screen_has_a_barrier("desktop").await;
}
