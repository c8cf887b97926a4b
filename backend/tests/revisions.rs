//! `State.revision` rises with every change of the employee, also with many at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hrm_backend::database::Database;
use hrm_backend::events::Events;
use hrm_backend::revisions::Revisions;
use rand::RngExt as _;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{
    ANNA, Answer, Employee, Program, TestDemo, admin, database_url, import, light_hash, on_postgres, serve,
};

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

/// Somebody changes at one backend, and reads at all (SQLite has one). A new session reads what is not cached.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_is_in_the_next_state_of_every_backend() {
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    let hash = light_hash();
    let import_with = |addresses: &str| import(&url, &[format!("1,anna,{hash},Anna,Svensson,en,SE,{addresses}")]);
    import_with("anna@company.com");
    let programs: Vec<_> =
        (0..if on_postgres() { 2 } else { 1 }).map(|_| Program::start(&mut serve(&url, &demo.running))).collect();
    let anna = programs[0].server.sign_in("anna").await;
    let everywhere: Vec<_> =
        programs.iter().map(|program| Employee { server: program.server.clone(), ..anna.clone() }).collect();
    let mut done = Vec::new();
    for step in 0..60 {
        let at = rand::rng().random_range(0..everywhere.len());
        let (anna, what) = (&everywhere[at], rand::rng().random_range(0..8));
        done.push((at, what));
        let answer = match what {
            0 => Some(anna.snooze().await),
            1 => Some(anna.start_over().await),
            2 => Some(anna.send("anna@company.com").await),
            3 => Some(anna.send("anna@home.example").await),
            4 => Some(anna.verify("000000").await),
            5 => {
                let (done, output) = admin(&url, &["company", "acme", "--contact-name", &format!("Mia {step}")]);
                assert!(done, "{output}");
                None
            }
            6 => {
                let day = format!("2099-12-{:02}", 1 + step % 30);
                let (done, output) = admin(&url, &["leaving-date", "anna", &day]);
                assert!(done, "{output}");
                None
            }
            _ => {
                import_with(&format!("anna{step}@company.com"));
                None
            }
        };
        let answered = answer.filter(|answer| answer.status < 300).map_or(0, |answer| revision(&answer.body));
        let fresh = programs[at].server.sign_in("anna").await.state().await;
        for anna in &everywhere {
            let state = anna.state().await;
            assert!(revision(&state) >= answered.max(revision(&fresh)), "{state} after {fresh}: {done:?}");
            if revision(&state) == revision(&fresh) {
                let without_time = |state: &Value| {
                    let mut state = state.clone();
                    state.as_object_mut().unwrap().remove("serverTime");
                    state
                };
                assert_eq!(without_time(&state), without_time(&fresh), "{done:?}");
            }
        }
    }
}

/// A statement reads 16 of them.
#[tokio::test(flavor = "multi_thread")]
async fn states_that_are_asked_for_at_once_are_each_ones_own() {
    let (demo, folder) = (TestDemo::start().await, TempDir::new().unwrap());
    let url = database_url(folder.path()).await;
    let hash = light_hash();
    let people: Vec<_> =
        (0..40).map(|n| format!("{n},user{n},{hash},Anna,Svensson,en,SE,user{n}@company.com")).collect();
    import(&url, &people);
    let backend = Program::start(&mut serve(&url, &demo.running));
    let people = join_all((0..40).map(async |n| backend.server.sign_in(&format!("user{n}")).await)).await;
    for round in 0..3 {
        let snoozed: Vec<_> = (0..40).map(|n| n % 3 < round).collect();
        let state = async |n: usize| {
            let state = people[n].state().await;
            assert_eq!(state["suggestions"], serde_json::json!([format!("user{n}@company.com")]));
            assert_eq!(state["banner"]["visible"], !snoozed[n], "user{n} in round {round}: {state}");
        };
        for _ in 0..3 {
            join_all((0..40).map(state)).await;
        }
        let change = (0..40).filter(|n| n % 3 == round);
        join_all(change.map(async |n| people[n].snooze().await.state(200, "notLinked"))).await;
    }

    let signed_out = Answer::of(people[7].request(Method::DELETE, "/v1/session")).await;
    assert_eq!(signed_out.status, 204);
    let states = join_all(people.iter().map(Employee::state)).await;
    for (n, state) in states.iter().enumerate() {
        assert_eq!(state["code"] == "signed_out", n == 7, "user{n}: {state}");
    }
}

#[tokio::test]
async fn whoever_gets_no_answer_is_told_so_at_once() {
    let folder = TempDir::new().unwrap();
    let database = Database::connect(&database_url(folder.path()).await, Events::default()).await.unwrap();
    let revisions = Revisions::of(database.clone());
    assert!(revisions.session("nobody's").await.unwrap().is_none());
    database.close().await;
    let asked = tokio::time::timeout(Duration::from_millis(900), revisions.session("nobody's")).await;
    assert!(asked.unwrap().is_err());
}

/// Nobody waits for what is asked for without a pause, also where there is one connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_last_connection_is_not_kept_from_others() {
    let folder = TempDir::new().unwrap();
    let url = database_url(folder.path()).await;
    let database = Database::connect_with(&url, Events::default(), Some(1)).await.unwrap();
    let revisions = Arc::new(Revisions::of(database.clone()));
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        let revisions = Arc::clone(&revisions);
        asking.spawn(async move {
            loop {
                let _ = revisions.session("nobody's").await;
            }
        });
    }
    for _ in 0..20 {
        // Now the connection is in use.
        assert!(revisions.session("nobody's").await.unwrap().is_none());
        drop(database.acquire().await.unwrap());
    }
    drop(asking);
    database.close().await;
}
