//! Time from a click to its effect, against the same request without a page; and the time of the page's scripts.

use std::time::{Duration, Instant};

use fantoccini::ClientBuilder;
use flex_connect_bench::{Row, Target, median, ms};
use hrm_api::path;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::{
    contestant::Contestant,
    support::{
        backend::Backend,
        eventually,
        fixture::{ANNA, ANNA_WORK_EMAIL},
        page::Page,
        programs::HeldPort,
        sandbox::Driver,
    },
};

/// Each round moves the clock by two days, and a session ends after 30.
const ROUNDS_PER_SESSION: usize = 10;
const SNOOZE_SECONDS: u64 = 24 * 3600 + 1;

/// A script that runs `action` and measures until the condition `done` is true and the layout is computed.
fn measure_until(action: &str, done: &str) -> String {
    format!(
        "window.took = null;
        const check = () => {{
            if (!({done})) return;
            observer.disconnect();
            document.body.getBoundingClientRect();
            window.took = performance.now() - began;
        }};
        const observer = new MutationObserver(check);
        observer.observe(document, {{ attributes: true, childList: true, characterData: true, subtree: true }});
        const find = (testId) => document.querySelector(`[data-testid='${{testId}}']`);
        const began = performance.now();
        {action}"
    )
}

async fn run_measured(page: &Page, script: &str) -> f64 {
    page.evaluate(script).await;
    eventually("the script's measurement", || async { page.evaluate("return window.took").await.as_f64() }).await
}

/// Makes the app's request with reqwest alone.
struct BareClient {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl BareClient {
    async fn sign_in(url: &str) -> Self {
        let http = reqwest::Client::new();
        let body = json!({ "username": ANNA, "password": "demo" });
        let response = http.post(format!("{url}{}", path::SESSION)).json(&body).send().await.unwrap();
        let session: Value = response.json().await.unwrap();
        let token = session["token"].as_str().unwrap().to_owned();
        Self { http, url: format!("{url}{}", path::SNOOZE), token }
    }

    async fn snooze(&self) -> f64 {
        let began = Instant::now();
        let response = self.http.put(&self.url).bearer_auth(&self.token).send().await.unwrap();
        let state: hrm_api::State = response.json().await.unwrap();
        let took = ms(began.elapsed());
        assert!(state.banner.snoozed_until.is_some());
        took
    }
}

/// The bare window. Its one command answers at once, so that a press is the way to Rust and back, and a new text.
struct BareWindow {
    client: fantoccini::Client,
    _driver: Driver,
}

impl BareWindow {
    async fn open(Contestant { sandbox, program, .. }: &Contestant) -> Self {
        let driver = sandbox.start_driver(HeldPort::any(), None);
        let capabilities = json!({ "tauri:options": { "application": program } });
        let client = eventually("a WebDriver session", || async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.as_object().unwrap().clone()).connect(&driver.url).await.ok()
        });
        Self { client: client.await, _driver: driver }
    }

    async fn press(&self) -> f64 {
        let press = "window.__TAURI_INTERNALS__.invoke('press').then((text) => {
            document.querySelector('p').textContent = text;
        })";
        let run = async |script: &str| self.client.execute(script, Vec::new()).await.unwrap();
        run(&measure_until(press, "true")).await;
        eventually("the measurement", || async { run("return window.took").await.as_f64() }).await
    }
}

pub async fn measure(ours: &Contestant, baseline: &Contestant, backend: &Backend, rounds: usize) -> Vec<Row> {
    let Contestant { sandbox, probe, .. } = ours;
    let (mut bare, mut pressed) = (Vec::new(), Vec::new());
    let (mut displayed, mut laid_out) = (Vec::new(), Vec::new());
    let [mut typed, mut opened, mut translated] = [const { Vec::new() }; 3];
    let bare_window = BareWindow::open(baseline).await;

    while bare.len() < rounds {
        let app = sandbox.start_app(&[]).await;
        let page = &app.page;
        page.click("nav-settings").await;
        page.click("sign-out").await;
        page.sign_in(&backend.url, ANNA).await;
        let client = BareClient::sign_in(&backend.url).await;
        let end_snooze = async || {
            backend.advance_clock(SNOOZE_SECONDS).await;
            page.wait_visible("banner").await;
            probe.wait_for_mark(true);
            // Other effects of the new clock are over then.
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        end_snooze().await;
        let button = page.evaluate(&format!("const at = {HIDE}.getBoundingClientRect(); return [at.x, at.y]")).await;
        let at = |axis: usize| button[axis].as_f64().unwrap() as i16 + 8;
        probe.move_pointer((at(0), at(1)));
        for _ in 0..(rounds - bare.len()).min(ROUNDS_PER_SESSION) {
            bare.push(client.snooze().await);
            end_snooze().await;
            pressed.push(bare_window.press().await);
            let clicked = probe.click();
            displayed.push(ms(probe.wait_for_mark(false) - clicked));
            end_snooze().await;
            laid_out.push(run_measured(page, &measure_until(&format!("{HIDE}.click()"), "!find('banner')")).await);
        }
        end_snooze().await;
        app.close(sandbox).await;
    }

    bare_window.client.close().await.unwrap();

    let app = sandbox.start_app(&[]).await;
    let page = &app.page;
    for round in 0..rounds {
        page.click("nav-home").await;
        page.wait_visible("screen-home").await;
        opened
            .push(run_measured(page, &measure_until("find('nav-settings').click()", "find('screen-settings')")).await);
        let (language, heading) = if round % 2 == 0 { ("sv", "Inställningar") } else { ("en", "Settings") };
        let choose = format!(
            "find('language').value = '{language}';
            find('language').dispatchEvent(new Event('change', {{ bubbles: true }}))"
        );
        translated.push(
            run_measured(page, &measure_until(&choose, &format!("find('nav-settings').textContent == '{heading}'")))
                .await,
        );
    }
    page.click("banner-connect").await;
    page.wait_visible("email").await;
    for letters in (1..=ANNA_WORK_EMAIL.len()).cycle().take(rounds) {
        let text = &ANNA_WORK_EMAIL[..letters];
        typed.push(run_measured(page, &TYPE.replace("TEXT", text)).await);
        page.wait_value("email", text).await;
    }
    app.close(sandbox).await;

    let request = "the same request with reqwest alone";
    let from_click = |what: &str, figures: &[f64]| {
        let row = Row::new(what, "ms", figures).vs(request, &bare).target(Target::RatioAtMost(1.25));
        let rest = (median(figures) - median(&bare)).max(0.0);
        let without = Row::new(format!("{what}, excluding the request"), "ms", figures).target(Target::AtMost(8.0));
        [row, Row { ours: rest, ..without.vs(FLOOR, &pressed) }]
    };
    let script = |what: &str, figures: &[f64]| Row::new(what, "ms", figures).target(Target::AtMost(16.0));
    let mut rows = Vec::new();
    rows.extend(from_click("press on the banner's button to display without banner", &displayed));
    rows.extend(from_click("press on the banner's button to banner removed and laid out (1 ms clock)", &laid_out));
    rows.extend([
        script("one letter typed, to layout", &typed),
        script("Settings opened, to layout", &opened),
        script("language changed, to layout", &translated),
    ]);
    rows
}

const FLOOR: &str = "bare Tauri window, press to new text with a command that answers at once";
const HIDE: &str = "document.querySelector(`[data-testid='banner-hide']`)";
/// The page redraws in the event handler and its microtasks; a message is delivered after those.
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
