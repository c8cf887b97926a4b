//! The app against a bare Tauri window, as released: start-up, memory, idle time, size, and time from a click to its effect.
//!
//! `BENCH_ROUNDS=3` makes fewer rounds. The contestants alternate, so that other load on the machine affects all alike.

#![allow(clippy::print_stdout)]

mod contestant;
mod display_probe;
mod page;
mod process_tree;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::{env, fs, path::Path, time::Duration};

use contestant::Contestant;
use flex_connect_bench::{Row, Target, print, target_folder, write};
use support::{backend::Backend, fixture::ANNA, sandbox::Sandbox};

/// After its first paint a window still fills caches and collects garbage.
const SETTLE_TIME: Duration = Duration::from_secs(10);
const IDLE_TIME: Duration = Duration::from_secs(60);
const BARE_WINDOW: &str = "bare Tauri window with a static page";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rounds = |default| env::var("BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(default);

    let app = support::programs::app();
    let sandbox = Sandbox::new();
    let backend = runtime.block_on(Backend::start(sandbox.folder("backend")));
    runtime.block_on(async {
        let session = sandbox.start_app(&[]).await;
        session.page.sign_in(&backend.url, ANNA).await;
        session.page.wait_visible("banner").await;
        session.close(&sandbox).await;
        assert!(sandbox.system.token_in_keyring().is_some(), "the session is in the credential store");
    });

    let mut rows = Vec::new();
    let mut add = |more: Vec<Row>| {
        print(&more);
        rows.extend(more);
        // A part that fails must not take the others with it.
        write("app", &rows).unwrap();
    };
    let size = fs::metadata(&app).unwrap().len() as f64 / 1e6;
    add(vec![Row::new("size of the stripped program", "MB", &[size]).target(Target::AtMost(6.0))]);
    let mut ours = Contestant::new(sandbox, app, &[]);
    let bare_window = target_folder().unwrap().join("release/flex-connect-baseline");
    let mut baseline = Contestant::new(Sandbox::new(), bare_window, &[]);
    if is_named("start") {
        add(measure_starts(&mut ours, &mut baseline, rounds(25)));
    }
    if is_named("idle") {
        add(measure_idle(&ours, &baseline, rounds(3).min(3)));
    }
    if is_named("page") {
        add(runtime.block_on(page::measure(&ours, &baseline, &backend, rounds(40))));
    }
    runtime.block_on(backend.stop());
}

/// Whether a part is named after `--`, or none is.
fn is_named(part: &str) -> bool {
    let mut named = env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|name| name == part)
}

fn measure_starts(ours: &mut Contestant, baseline: &mut Contestant, rounds: usize) -> Vec<Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline/page/index.html");
    let page = format!("--app=file://{}", page.display());
    // Chromium's sandbox refuses to run as root; the other arguments suppress first-run pages and the keyring.
    let arguments = [&page, "--no-sandbox", "--no-first-run", "--password-store=basic", "--window-size=1120,780"];
    let mut chromium = Contestant::new(Sandbox::new(), "chromium".into(), &arguments);
    for round in 0..=rounds {
        for contestant in [&mut *ours, &mut *baseline, &mut chromium] {
            contestant.round();
            // The first round fills the page cache.
            if round == 0 {
                (contestant.starts, contestant.memory) = (Vec::new(), Vec::new());
            }
        }
    }
    let browser = "static page in `chromium --app`";
    let start = Row::new("start to banner on the display (new process, files in the page cache)", "ms", &ours.starts);
    let memory = Row::new("memory of all processes (PSS), signed in", "MB", &ours.memory);
    vec![
        start.clone().vs(BARE_WINDOW, &baseline.starts).target(Target::RatioAtMost(1.15)),
        start.vs(browser, &chromium.starts),
        memory.clone().vs(BARE_WINDOW, &baseline.memory).target(Target::RatioAtMost(1.10)),
        memory.vs(browser, &chromium.memory),
    ]
}

/// Both at the same time, each on its own display.
fn measure_idle(ours: &Contestant, baseline: &Contestant, rounds: usize) -> Vec<Row> {
    let (mut app, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let ((ours, _), (baseline, _)) = (ours.start(), baseline.start());
        std::thread::sleep(SETTLE_TIME);
        let [app_time, bare_time] = process_tree::cpu_time_over(IDLE_TIME, [&ours, &baseline]);
        app.push(app_time);
        bare.push(bare_time);
    }
    let row = Row::new("CPU time in 60 idle seconds, in the foreground, connected to the event stream", "ms", &app);
    vec![row.vs(BARE_WINDOW, &bare).target(Target::RatioAtMost(1.0))]
}
