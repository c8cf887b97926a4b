//! Accessibility in the real window: keyboard only, role and name only, and axe-core. `npm run screenshots` runs axe-core in
//! Chromium on every screen state in every language.

use crate::support::{
    backend::wrong_code,
    fixture::{ANNA, ANNA_WORK_EMAIL, Fixture},
    page::Page,
};
use serde_json::json;

async fn complete_flow_by_keyboard_and_names(edition: &'static str) {
    let mobile = edition == "mobile";
    let by_edition = |on_mobile: &'static str, on_desktop: &'static str| if mobile { on_mobile } else { on_desktop };
    let fixture = Fixture::new(edition).await;
    let app = fixture.start_app().await;
    let (sandbox, page) = (&fixture.sandbox, &app.page);

    sandbox.tab_to(page, "textbox", "Server address").await;
    sandbox.system.type_text(&fixture.backend.url);
    sandbox.tab_to(page, "textbox", "Username").await;
    sandbox.system.type_text(ANNA);
    sandbox.tab_to(page, "textbox", "Password").await;
    sandbox.system.type_text("demo");
    sandbox.system.press_keys("Return");
    page.wait_focused("heading", "Hi Anna").await;

    sandbox.tab_to(page, "button", by_edition("Connect your account", "Go to Account settings")).await;
    sandbox.system.press_keys("Return");
    page.wait_focused("heading", by_edition("Visma Connect", "Account settings")).await;
    sandbox.tab_to(page, "textbox", by_edition("Email address", "Email")).await;
    sandbox.system.type_text(ANNA_WORK_EMAIL);
    sandbox.tab_to(page, "button", by_edition("Send verification code", "Verify account")).await;
    sandbox.system.press_keys("Return");

    page.wait_focused("textbox", by_edition("Verification code", "Code")).await;
    page.wait_announced(&format!(
        "Check your inbox. An email has been sent to {ANNA_WORK_EMAIL} to verify your email address"
    ))
    .await;
    let code = fixture.backend.code_sent_to(ANNA_WORK_EMAIL, 0).await;
    sandbox.system.type_text(&wrong_code(&code));
    page.wait_problem("codeWrong").await;
    // The rejected code is selected, so typing replaces it.
    page.wait_focused("textbox", by_edition("Verification code", "Code")).await;
    sandbox.system.type_text(&code);
    page.wait_role("heading", "You're all set!").await;
    page.wait_announced("You're all set!").await;
    let settings = by_edition(
        "Manage your account https://accountsettings.connect.identity.visma.com/",
        "Manage your account https://accountsettings.connect.visma.com/",
    );
    sandbox.tab_to(page, "link", settings).await;
    app.close(&fixture.sandbox).await;
}

async fn assert_accessible(page: &Page, screen: &str) {
    let violations = page.axe_violations().await;
    assert!(violations.is_empty(), "{screen}: {violations:#?}");
}

async fn assert_every_screen_accessible(edition: &'static str) {
    let fixture = Fixture::new(edition).await;
    let app = fixture.start_app().await;
    let page = &app.page;
    assert_accessible(page, "sign in").await;
    page.sign_in(&fixture.backend.url, ANNA).await;
    page.wait_visible("banner").await;
    assert_accessible(page, "home").await;
    page.click("nav-settings").await;
    page.wait_visible("screen-settings").await;
    assert_accessible(page, "settings").await;
    if edition == "desktop" {
        page.click("nav-profile").await;
        page.wait_visible("screen-profile").await;
        assert_accessible(page, "profile").await;
    } else {
        page.click("back").await;
    }
    fixture.open_flow(page).await;
    assert_accessible(page, "address").await;
    page.type_into("email", "anna").await;
    page.click("send-code").await;
    page.wait_problem("emailInvalid").await;
    assert_accessible(page, "invalid address").await;
    let code = fixture.send_code_to_first_suggestion(page).await;
    assert_accessible(page, "code").await;
    page.type_into("code", &wrong_code(&code)).await;
    page.wait_problem("codeWrong").await;
    assert_accessible(page, "wrong code").await;
    fixture.backend.set_faults(json!({ "directory": "timeout" })).await;
    page.fill("code", &code).await;
    page.wait_flow_state("linking").await;
    page.wait_announced("We are finishing the setup").await;
    assert_accessible(page, "linking").await;
    fixture.backend.set_faults(json!({ "directory": "ok" })).await;
    page.wait_flow_state("linked").await;
    page.wait_announced("You're all set!").await;
    assert_accessible(page, "done").await;
    // axe-core does report violations.
    page.evaluate("document.documentElement.removeAttribute('lang')").await;
    assert_eq!(page.axe_violations().await, ["html-has-lang: html"]);
    app.close(&fixture.sandbox).await;
}

mod e2e {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn keyboard_and_names_complete_the_flow_on_mobile() {
        complete_flow_by_keyboard_and_names("mobile").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn keyboard_and_names_complete_the_flow_on_desktop() {
        complete_flow_by_keyboard_and_names("desktop").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn axe_finds_no_violation_on_any_screen_of_mobile() {
        assert_every_screen_accessible("mobile").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn axe_finds_no_violation_on_any_screen_of_desktop() {
        assert_every_screen_accessible("desktop").await;
    }
}
