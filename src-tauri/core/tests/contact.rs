//! Who helps the company's people, what is opened to reach them, and the e-mail app.

use crate::support::{
    Backend, FakeDevice, linking,
    script::{Reply, Script, reply, state},
    signed_in, start,
};
use flex_connect_core::{App, Contact, ContactWay, Edition, LinkingProblem, Problem};
use serde_json::{Value, json};

const STATE: &str = "GET /v1/me/visma-connect";
const WAYS: [ContactWay; 3] = [ContactWay::Phone, ContactWay::Email, ContactWay::Url];

/// Signed in to a server that says this of the company.
async fn told(device: &FakeDevice, company: Value) -> App {
    let mut sent = state(1, "2026-11-01T12:00:00Z", "notLinked");
    sent["company"] = company;
    let server =
        Script::start(move |call| if call == STATE { reply(Reply::Json(200, sent.clone())) } else { None }).await;
    let app = start(device, Edition::Mobile);
    app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
    app
}

async fn contact(app: &App) -> Option<Contact> {
    linking(&app.view().await.unwrap()).contact.clone()
}

#[tokio::test]
async fn a_contact_is_there_offline_and_gone_with_the_employee() {
    let (device, mut backend) = (FakeDevice::default(), Backend::start().await);
    let known = contact(&signed_in(&device, &backend).await).await.unwrap();
    assert_eq!((known.email.as_deref(), known.url.as_deref()), (Some("hr@company.com"), None));
    backend.stop().await;
    let app = start(&device, Edition::Desktop);
    assert_eq!(contact(&app).await.unwrap(), known);
    app.sign_out().await.unwrap();
    assert!(!device.with(|device| device.record.clone()).unwrap().contains("hr@company.com"));
    assert_eq!(app.open_contact(ContactWay::Email).await, Err(Problem::LinkNotOpened));
    device.with(|device| assert!(device.opened.is_empty()));
}

#[tokio::test]
async fn each_way_opens_as_what_it_is() {
    let device = FakeDevice::default();
    let told = json!({ "contact": { "name": "HR", "phone": "+46 (0)8-555 010 00", "email": "hr+link@company.com",
                                    "url": "https://company.com/hr", "newer": 1 }, "newer": [] });
    let app = self::told(&device, told).await;
    for way in WAYS {
        app.open_contact(way).await.unwrap();
    }
    let opened = ["tel:+46855501000", "mailto:hr%2Blink@company.com", "https://company.com/hr"];
    device.with(|device| assert_eq!(device.opened, opened));
}

#[tokio::test]
async fn what_a_hostile_server_says_is_neither_shown_nor_opened() {
    for (phone, email, url) in [
        ("javascript:alert(1)", "javascript:alert(1)", "javascript:alert(1)"),
        ("*#06#", "hr@company.com?bcc=eve@evil.example", "http://company.com/"),
        ("08\n555", "hr@company.com\r\nBcc: eve@evil.example", "https://company.com/\n"),
        ("tel:112", "mailto:hr@company.com,eve@evil.example", "file:///etc/passwd"),
        ("0855501000;phone-context=x", "eve@evil.example,hr@company.com", "https://company.com@evil.example/"),
        ("0855501000,,1", "", "intent://x#Intent;end"),
    ] {
        let device = FakeDevice::default();
        let app =
            told(&device, json!({ "contact": { "name": "HR", "phone": phone, "email": email, "url": url } })).await;
        let shown = contact(&app).await.unwrap();
        assert_eq!((shown.name.as_deref(), shown.phone, shown.email, shown.url), (Some("HR"), None, None, None));
        for way in WAYS {
            assert_eq!(app.open_contact(way).await, Err(Problem::LinkNotOpened));
        }
        device.with(|device| assert!(device.opened.is_empty(), "{:?}", device.opened));
    }
}

#[tokio::test]
async fn a_company_that_tells_nothing_has_no_contact() {
    for nothing in [
        Value::Null,
        json!({}),
        json!({ "contact": null }),
        json!({ "contact": {} }),
        json!({ "contact": { "name": " ", "phone": null, "url": "" } }),
    ] {
        assert_eq!(contact(&told(&FakeDevice::default(), nothing.clone()).await).await, None, "{nothing}");
    }
}

#[tokio::test]
async fn a_lock_is_in_the_view_before_anything_is_pressed() {
    for (word, problem) in [
        ("linking_locked", Some(LinkingProblem::LinkingLocked)),
        ("account_taken", Some(LinkingProblem::AccountTaken)),
        ("a_new_word", None),
    ] {
        let mut sent = state(1, "2026-11-01T12:00:00Z", "notLinked");
        sent["problem"] = json!(word);
        let server =
            Script::start(move |call| if call == STATE { reply(Reply::Json(200, sent.clone())) } else { None }).await;
        let app = start(&FakeDevice::default(), Edition::Mobile);
        let view = app.sign_in(server.url.clone(), "anna".into(), "demo".into()).await.unwrap();
        assert_eq!(linking(&view).problem, problem, "{word}");
    }
}

#[tokio::test]
async fn the_email_app_opens_where_the_system_can() {
    let device = FakeDevice::default();
    // The mobile edition on a desktop.
    let app = start(&device, Edition::Mobile);
    assert!(!app.view().await.unwrap().can_open_email);
    assert_eq!(app.open_email_app().await, Err(Problem::NoEmailApp));
    device.with(|device| device.has_email_app = true);
    let app = start(&device, Edition::Mobile);
    assert!(app.open_email_app().await.unwrap().can_open_email);
    device.with(|device| assert_eq!(device.opened, ["the e-mail app"]));
    device.with(|device| device.email_app_is_missing = true);
    assert_eq!(app.open_email_app().await, Err(Problem::NoEmailApp));
}
