//! The core against the real backend: Visma Connect refuses for good, after the app's call had its answer.

use crate::support::{ANNA_AT_WORK, Backend, FakeDevice, linking, signed_in, wait_for_view};
use flex_connect_core::{LinkingProblem, Problem};
use hrm_api::Status;
use serde_json::json;

#[tokio::test]
async fn a_refusal_in_the_background_is_told_until_the_next_try() {
    let (device, backend) = (FakeDevice::default(), Backend::start().await);
    let app = signed_in(&device, &backend).await;
    app.send_code(ANNA_AT_WORK.into()).await.unwrap();
    backend.demo_post("/demo/faults", json!({ "directory": "error" })).await;
    let view = app.verify_code(backend.code(1).await.into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::Linking);
    assert_eq!(linking(&view).problem, None);
    backend.demo_post("/demo/faults", json!({ "directory": "refuse" })).await;
    let app_in_front = app.clone();
    tokio::spawn(async move { app_in_front.follow().await });
    app.set_foreground(true);
    let view = wait_for_view(&app, "the refusal", |view| linking(view).status == Status::NotLinked).await;
    assert_eq!(linking(&view).problem, Some(LinkingProblem::AccountTaken));
    backend.advance_clock(60).await;
    let view = app.send_code("anna.svensson@gmail.com".into()).await.unwrap();
    assert_eq!(linking(&view).status, Status::CodeSent);
    assert_eq!(linking(&view).problem, None);
    // An answer of the call itself is the same sentence.
    assert_eq!(app.verify_code(backend.code(2).await.into()).await, Err(Problem::AccountTaken));
}
