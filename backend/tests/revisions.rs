//! `State.revision` rises with every change of the employee, also with many at once.

use crate::support::{ANNA, TestDemo};
use serde_json::Value;

fn revision(state: &Value) -> u64 {
    state["revision"].as_u64().unwrap()
}

#[tokio::test]
async fn every_change_raises_it_and_reading_does_not() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let mut last = revision(&anna.state().await);
    assert_eq!(revision(&anna.state().await), last);

    let mut raised = |state: &Value, what: &str| {
        assert!(revision(state) > last, "{what}: {} after {last}", revision(state));
        last = revision(state);
    };
    raised(&anna.snooze().await.state(200, "notLinked"), "snooze");
    let sent = anna.send(ANNA).await.state(202, "codeSent");
    raised(&sent, "send");
    raised(&anna.wait_for_delivery("accepted").await, "delivery");
    let code = demo.server.wait_for_code(ANNA, 1).await;
    anna.verify(crate::support::wrong_for(&code)).await.is(422, "code_wrong");
    raised(&anna.state().await, "an incorrect code");
    raised(&anna.start_over().await.state(200, "notLinked"), "start over");
}

#[tokio::test]
async fn an_answer_has_the_revision_of_its_own_change() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let snoozed = anna.snooze().await.state(200, "notLinked");
    let read = anna.state().await;
    assert_eq!(revision(&snoozed), revision(&read));
    assert_eq!(snoozed["banner"], read["banner"]);
}

#[tokio::test]
async fn thirty_changes_at_once_have_thirty_revisions() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let before = revision(&anna.state().await);
    let calls: Vec<_> = (0..30)
        .map(|_| {
            let anna = anna.clone();
            tokio::spawn(async move { anna.snooze().await.state(200, "notLinked") })
        })
        .collect();
    let mut states = Vec::new();
    for call in calls {
        states.push(call.await.unwrap());
    }
    let mut revisions: Vec<_> = states.iter().map(revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (before + 1..=before + 30).collect::<Vec<_>>());
    // The newest by revision is what a read finds.
    let newest = states.iter().max_by_key(|state| revision(state)).unwrap();
    let read = anna.state().await;
    assert_eq!((&newest["banner"], revision(newest)), (&read["banner"], revision(&read)));
}
