//! The app is killed with SIGKILL at each step of the flow and started again.
//!
//! `CRASH_ROUNDS=20` repeats it.

use crate::support::{
    eventually,
    fixture::{ANNA, ANNA_WORK_EMAIL, Fixture},
    page::Page,
    programs,
    sandbox::Sandbox,
};
use serde_json::json;

/// Takes the step for as long as the screen asks for it. A kill during a request falls before its effect or after it, and the
/// recorded view, which asks for the step, is shown until the backend's state arrives: nobody can know which of the two it is.
async fn step_until(state: &str, page: &Page, step: impl AsyncFn()) {
    eventually(&format!("flow state {state} after a kill"), || async {
        if page.flow_state().await? == state {
            return Some(());
        }
        step().await;
        None
    })
    .await;
    page.wait_flow_state(state).await;
}

async fn wait_recorded(fixture: &Fixture, part: &str) {
    let recorded = || async { fixture.sandbox.record().contains(part).then_some(()) };
    eventually(&format!("{part} in record.json"), recorded).await;
}

async fn one_round(edition: &'static str) {
    let fixture = Fixture::new(edition).await;
    let app = fixture.app_signed_in_as(ANNA).await;

    // 1: signed in, on the home screen.
    let app = fixture.restart(app).await;
    app.page.wait_visible("screen-home").await;
    app.page.wait_visible("banner").await;

    // 2: on the settings screen.
    app.page.click("nav-settings").await;
    app.page.wait_visible("screen-settings").await;
    let app = fixture.restart(app).await;
    app.page.wait_visible("screen-settings").await;

    // 3: in the flow, nothing typed.
    app.page.click("row-visma-connect").await;
    app.page.wait_flow_state("notLinked").await;
    let app = fixture.restart(app).await;
    app.page.wait_flow_state("notLinked").await;
    app.page.wait_value("email", "").await;

    // 4: an address partly typed.
    app.page.type_into("email", "anna.svensson@comp").await;
    wait_recorded(&fixture, "\"anna.svensson@comp\"").await;
    let app = fixture.restart(app).await;
    app.page.wait_flow_state("notLinked").await;
    app.page.wait_value("email", "anna.svensson@comp").await;

    // 5: while sending.
    app.page.type_into("email", "any.com").await;
    app.page.click("send-code").await;
    wait_recorded(&fixture, ANNA_WORK_EMAIL).await;
    let app = fixture.restart(app).await;
    let send_again = async || {
        // The kill did not lose the address.
        if app.page.try_value("email").await.is_some_and(|email| email == ANNA_WORK_EMAIL) {
            app.page.try_click("send-code").await;
        }
    };
    step_until("codeSent", &app.page, send_again).await;

    // 6: the code is sent.
    let code = fixture.backend.code_sent_to(ANNA_WORK_EMAIL, 0).await;
    let app = fixture.restart(app).await;
    app.page.wait_flow_state("codeSent").await;
    app.page.wait_value("email", ANNA_WORK_EMAIL).await;
    app.page.wait_value("code", "").await;
    assert_eq!(fixture.backend.inbox().await.len(), 1, "mails sent");

    // 7: while verifying, with Visma Connect not responding.
    fixture.backend.set_faults(json!({ "directory": "timeout" })).await;
    app.page.type_into("code", &code).await;
    let app = fixture.restart(app).await;
    step_until("linking", &app.page, async || _ = app.page.try_type("code", &code).await).await;
    fixture.backend.set_faults(json!({ "directory": "ok" })).await;
    app.page.wait_flow_state("linked").await;

    // 8: linked.
    let app = fixture.restart(app).await;
    app.page.wait_flow_state("linked").await;
    assert_eq!(app.page.text("account-email").await, ANNA_WORK_EMAIL);
    app.page.wait_gone("banner").await;
    app.close(&fixture.sandbox).await;
}

mod e2e {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_state_is_lost_by_a_kill_at_eight_points() {
        let rounds = std::env::var("CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
        for round in 0..rounds {
            one_round(if round % 2 == 0 { "mobile" } else { "desktop" }).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_instance_exits_and_the_first_keeps_running() {
        let sandbox = Sandbox::new();
        let app = sandbox.start_app(&[]).await;
        app.page.wait_visible("screen-sign-in").await;
        let first = sandbox.app_processes();
        let mut second = sandbox.command(programs::app()).spawn().unwrap();
        let status = eventually("exit of the second instance", || {
            let status = second.try_wait().unwrap();
            async move { status }
        })
        .await;
        assert!(status.success(), "{status}");
        assert_eq!(sandbox.app_processes(), first);
        app.page.wait_visible("screen-sign-in").await;
        app.close(&sandbox).await;
    }
}
