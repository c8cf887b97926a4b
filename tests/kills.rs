//! The app killed without a word at every point of the flow, and started again: nothing is lost.
//!
//! `KILL_ROUNDS=20` makes more rounds of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use serde_json::json;
use support::{
    backend::Backend,
    desk::{Desk, Running},
    eventually,
    page::Page,
};

const ADDRESS: &str = "anna.svensson@company.com";

struct Stage {
    desk: Desk,
    backend: Backend,
    edition: &'static str,
}

impl Stage {
    async fn start(&self) -> Running {
        self.desk.start(&["--edition", self.edition]).await
    }

    async fn killed_and_started(&self, app: Running) -> Running {
        app.kill(&self.desk).await;
        self.start().await
    }

    fn record_says(&self, part: &str) -> bool {
        self.desk.record().contains(part)
    }
}

/// Either of two states: what a kill in the middle of a call may leave.
async fn stands_at(page: &Page, states: [&str; 2]) -> String {
    eventually(&format!("one of {states:?}"), || async {
        let state = page.see("flow").await.attr("data-state").await.ok()??;
        states.contains(&state.as_str()).then_some(state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_kill_at_any_of_eight_points_loses_nothing() {
    let rounds = std::env::var("KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    for round in 0..rounds {
        one_round(if round % 2 == 0 { "mobile" } else { "desktop" }).await;
    }
}

async fn one_round(edition: &'static str) {
    let desk = Desk::new();
    let backend = Backend::start(desk.folder("backend")).await;
    let stage = Stage { desk, backend, edition };
    let app = stage.start().await;
    app.page.sign_in(&stage.backend.url, "anna.svensson").await;

    // 1: signed in, on the home screen.
    let app = stage.killed_and_started(app).await;
    app.page.see("screen-home").await;
    app.page.see("banner").await;

    // 2: in the settings.
    app.page.tap("nav-settings").await;
    app.page.see("screen-settings").await;
    let app = stage.killed_and_started(app).await;
    app.page.see("screen-settings").await;

    // 3: on the flow, nothing typed.
    app.page.tap("row-visma-connect").await;
    app.page.flow_is("notLinked").await;
    let app = stage.killed_and_started(app).await;
    app.page.flow_is("notLinked").await;
    app.page.holds("email", "").await;

    // 4: an address half typed.
    app.page.type_into("email", "anna.svensson@comp").await;
    eventually("the draft to be kept", || async { stage.record_says("\"anna.svensson@comp\"").then_some(()) }).await;
    let app = stage.killed_and_started(app).await;
    app.page.flow_is("notLinked").await;
    app.page.holds("email", "anna.svensson@comp").await;

    // 5: in the middle of sending.
    app.page.type_into("email", "any.com").await;
    app.page.tap("send-code").await;
    eventually("the address to be kept", || async { stage.record_says(ADDRESS).then_some(()) }).await;
    let app = stage.killed_and_started(app).await;
    if stands_at(&app.page, ["notLinked", "codeSent"]).await == "notLinked" {
        app.page.holds("email", ADDRESS).await;
        app.page.tap("send-code").await;
    }

    // 6: the code is sent.
    app.page.flow_is("codeSent").await;
    let code = stage.backend.code_to(ADDRESS, 0).await;
    let app = stage.killed_and_started(app).await;
    app.page.flow_is("codeSent").await;
    app.page.holds("email", ADDRESS).await;
    app.page.holds("code", "").await;
    assert_eq!(stage.backend.inbox().await.len(), 1, "one mail, whatever was killed");

    // 7: in the middle of verifying, while Visma Connect does not answer.
    stage.backend.faults(json!({ "directory": "timeout" })).await;
    app.page.type_into("code", &code).await;
    let app = stage.killed_and_started(app).await;
    if stands_at(&app.page, ["codeSent", "linking"]).await == "codeSent" {
        app.page.see("code").await;
        app.page.type_into("code", &code).await;
        app.page.flow_is("linking").await;
    }
    stage.backend.faults(json!({ "directory": "ok" })).await;
    app.page.flow_is("linked").await;

    // 8: linked.
    let app = stage.killed_and_started(app).await;
    app.page.flow_is("linked").await;
    assert_eq!(app.page.text("account-email").await, ADDRESS);
    app.page.see_no("banner").await;
    app.close(&stage.desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_window_a_second_start_ends_and_leaves_the_first() {
    let desk = Desk::new();
    let app = desk.start(&[]).await;
    app.page.see("screen-sign-in").await;
    let first = desk.app_processes();
    let mut second = desk.command(support::desk::app()).spawn().unwrap();
    let ended = eventually("the second start to end", || {
        let ended = second.try_wait().unwrap();
        async move { ended }
    })
    .await;
    assert!(ended.success(), "{ended}");
    assert_eq!(desk.app_processes(), first);
    app.page.see("screen-sign-in").await;
    app.close(&desk).await;
}
