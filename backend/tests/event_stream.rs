//! The event stream: through proxies, and with more devices than one person has.

use std::time::Duration;

use crate::support::{ANNA, Employee, TestDemo, read_until_status};
use hrm_backend::rules::STREAMS_PER_PERSON;
use reqwest::Method;

const EVENTS: &str = "/v1/me/visma-connect/events";

#[tokio::test]
async fn proxies_are_told_to_pass_it_on_at_once_and_unchanged() {
    let demo = TestDemo::start().await;
    let anna = demo.server.sign_in("anna.svensson").await;
    let events = open(&anna).await;
    assert_eq!(events.headers()["x-accel-buffering"], "no");
    assert_eq!(events.headers()["cache-control"], "no-store, no-transform");
    assert_eq!(events.headers()["content-type"], "text/event-stream");
}

#[tokio::test]
async fn one_stream_too_many_ends_the_oldest_of_the_person() {
    let demo = TestDemo::start().await;
    let (anna, erik) = (demo.server.sign_in("anna.svensson").await, demo.server.sign_in("erik.lund").await);
    let mut of_another = open(&erik).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_PER_PERSON {
        let mut events = open(&anna).await;
        read_until_status(&mut events, "notLinked").await;
        streams.push(events);
    }
    let mut newest = open(&anna).await;
    read_until_status(&mut newest, "notLinked").await;
    let oldest = &mut streams[0];
    let end = tokio::time::timeout(Duration::from_secs(10), async { while let Ok(Some(_)) = oldest.chunk().await {} });
    end.await.expect("the oldest ends");
    anna.send(ANNA).await.state(202, "codeSent");
    read_until_status(&mut newest, "codeSent").await;
    read_until_status(&mut streams[1], "codeSent").await;
    read_until_status(&mut of_another, "notLinked").await;
}

async fn open(person: &Employee) -> reqwest::Response {
    person.request(Method::GET, EVENTS).send().await.unwrap()
}
