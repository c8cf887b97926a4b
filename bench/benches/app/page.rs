//! From a tap to its answer, beside the same request by itself; and what the page's scripts take.

use std::time::{Duration, Instant};

use flex_connect_bench::{Row, Target, median};
use hrm_api::path;
use serde_json::{Value, json};

use crate::{
    Beside as _,
    eye::Eye,
    ms, row,
    support::{
        backend::Backend,
        desk::Desk,
        eventually,
        page::Page,
        stage::{ANNA, ANNA_AT_WORK},
    },
};

/// A snooze takes a day and a session lives for thirty.
const ROUNDS_OF_A_SESSION: usize = 20;
const A_DAY: u64 = 24 * 3600 + 1;

/// Begins at once; ends when the document is as `there` says, with its style and layout done.
fn until(does: &str, there: &str) -> String {
    format!(
        "window.took = null;
        const ends = () => {{
            if (!({there})) return;
            seen.disconnect();
            document.body.getBoundingClientRect();
            window.took = performance.now() - began;
        }};
        const seen = new MutationObserver(ends);
        seen.observe(document, {{ attributes: true, childList: true, characterData: true, subtree: true }});
        const find = (handle) => document.querySelector(`[data-testid='${{handle}}']`);
        const began = performance.now();
        {does}"
    )
}

async fn took(page: &Page, script: &str) -> f64 {
    page.run(script).await;
    eventually("the end of a script", || async { page.run("return window.took").await.as_f64() }).await
}

/// The same request as the app's, by reqwest alone.
struct Bare {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Bare {
    async fn signed_in(url: &str) -> Self {
        let http = reqwest::Client::new();
        let body = json!({ "username": ANNA, "password": "demo" });
        let answer = http.post(format!("{url}{}", path::SESSION)).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let token = answer["token"].as_str().unwrap().to_owned();
        Self { http, url: format!("{url}{}", path::SNOOZE), token }
    }

    async fn snooze(&self) -> f64 {
        let began = Instant::now();
        let answer = self.http.put(&self.url).bearer_auth(&self.token).send().await.unwrap();
        let state: hrm_api::State = answer.json().await.unwrap();
        let took = ms(began.elapsed());
        assert!(state.banner.snoozed_until.is_some());
        took
    }
}

pub async fn rows(desk: &Desk, eye: &Eye, backend: &Backend, rounds: usize) -> Vec<Row> {
    let (mut bare, mut tapped, mut laid_out) = (Vec::new(), Vec::new(), Vec::new());
    let [mut typed, mut opened, mut spoke] = [const { Vec::new() }; 3];

    while bare.len() < rounds {
        let app = desk.start(&[]).await;
        let page = &app.page;
        page.tap("nav-settings").await;
        page.tap("sign-out").await;
        page.sign_in(&backend.url, ANNA).await;
        let request = Bare::signed_in(&backend.url).await;
        let tomorrow = async || {
            backend.pass(A_DAY).await;
            page.see("banner").await;
            // Its exact colour: it is there and has come in.
            eye.wait_for_the_mark(true);
            // What came with the new day is done.
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        tomorrow().await;
        let button = page.run(&format!("const at = {HIDE}.getBoundingClientRect(); return [at.x, at.y]")).await;
        let at = |axis: usize| button[axis].as_f64().unwrap() as i16 + 8;
        eye.point((at(0), at(1)));
        for _ in 0..(rounds - bare.len()).min(ROUNDS_OF_A_SESSION / 2) {
            bare.push(request.snooze().await);
            tomorrow().await;
            let pressed = eye.press();
            tapped.push(ms(eye.wait_for_the_mark(false) - pressed));
            tomorrow().await;
            laid_out.push(took(page, &until(&format!("{HIDE}.click()"), "!find('banner')")).await);
        }
        tomorrow().await;
        app.close(desk).await;
    }

    let app = desk.start(&[]).await;
    let page = &app.page;
    for round in 0..rounds {
        page.tap("nav-home").await;
        page.see("screen-home").await;
        opened.push(took(page, &until("find('nav-settings').click()", "find('screen-settings')")).await);
        let (language, heading) = if round % 2 == 0 { ("sv", "Inställningar") } else { ("en", "Settings") };
        let choose = format!(
            "find('language').value = '{language}';
            find('language').dispatchEvent(new Event('change', {{ bubbles: true }}))"
        );
        spoke.push(took(page, &until(&choose, &format!("find('nav-settings').textContent == '{heading}'"))).await);
    }
    page.tap("banner-connect").await;
    page.see("email").await;
    for letters in (1..=ANNA_AT_WORK.len()).cycle().take(rounds) {
        let text = &ANNA_AT_WORK[..letters];
        typed.push(took(page, &TYPE.replace("TEXT", text)).await);
        page.holds("email", text).await;
    }
    app.close(desk).await;

    let alone = "the same request by reqwest alone";
    let script = Some(Target::AtMost(16.0));
    let drawn = "a tap on the banner's button, to the display without it";
    let document = "the same tap, to the document without it, laid out (clock of 1 ms)";
    let apart = |what: &str, figures: &[f64]| {
        let apart = (median(figures) - median(&bare)).max(0.0);
        Row { ours: apart, ..row(&format!("{what}, apart from the request"), "ms", figures) }.asked(Target::AtMost(8.0))
    };
    vec![
        row(drawn, "ms", &tapped).beside(alone, &bare, Some(Target::RatioAtMost(1.25))),
        apart(drawn, &tapped),
        row(document, "ms", &laid_out).beside(alone, &bare, Some(Target::RatioAtMost(1.25))),
        apart(document, &laid_out),
        Row { target: script, ..row("a letter typed, to the document laid out", "ms", &typed) },
        Row { target: script, ..row("Settings opened, to the document laid out", "ms", &opened) },
        Row { target: script, ..row("another language, to the document laid out", "ms", &spoke) },
    ]
}

const HIDE: &str = "document.querySelector(`[data-testid='banner-hide']`)";
/// A letter is drawn by the handler and the microtasks after it; the message comes after those.
const TYPE: &str = "window.took = null;
    const field = document.getElementById('email');
    const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value');
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
        document.body.getBoundingClientRect();
        window.took = performance.now() - began;
    };
    const began = performance.now();
    value.set.call(field, 'TEXT');
    field.dispatchEvent(new Event('input', { bubbles: true }));
    port2.postMessage(0)";
