//! Collects what the report on the tests in a window needs: each test's steps, times and screenshots, and at a failure the
//! page. Does nothing unless `QA_REPORT` names a folder; `cargo xtask report` makes one HTML page of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{LazyLock, Mutex, Once},
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};

/// By test name. libtest names each test's thread after it, so a call on that thread belongs to that test.
static LOGS: LazyLock<Mutex<BTreeMap<String, TestLog>>> = LazyLock::new(Mutex::default);

struct TestLog {
    began: Instant,
    began_at: SystemTime,
    steps: Vec<Value>,
    failure: Option<String>,
    page: Value,
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("QA_REPORT").map(PathBuf::from)
}

pub fn is_enabled() -> bool {
    folder().is_some()
}

fn test_name() -> Option<String> {
    let thread = thread::current();
    let path = thread.name().filter(|name| *name != "main")?;
    path.rsplit("::").next().map(str::to_owned)
}

/// Calls `work` with the log of the test on this thread, if reports are enabled.
fn with_log<T>(work: impl FnOnce(&str, &mut TestLog) -> T) -> Option<T> {
    folder()?;
    install_panic_hook();
    let name = test_name()?;
    let mut logs = LOGS.lock().ok()?;
    let log = logs.entry(name.clone()).or_insert_with(|| TestLog {
        began: Instant::now(),
        began_at: SystemTime::now(),
        steps: Vec::new(),
        failure: None,
        page: json!({}),
    });
    Some(work(&name, log))
}

fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            default_hook(panic);
            let message = panic.to_string();
            with_log(|_, log| _ = log.failure.get_or_insert(message));
        }));
    });
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Records a step that ends now.
pub fn step(what: &str, began: Instant) {
    with_log(|_, log| {
        let at = millis(began.saturating_duration_since(log.began));
        log.steps.push(json!({ "at": at, "took": millis(began.elapsed()), "what": what }));
    });
}

/// Takes screenshots of an X display. WebDriver's own wait for a frame of a compositor, which Xvfb lacks.
#[derive(Clone)]
pub struct ScreenCapture {
    pub display: String,
}

impl ScreenCapture {
    pub fn add_to_report(&self, label: &str) {
        let file = with_log(|name, log| {
            let file = format!("{name}-{}.png", log.steps.len());
            log.steps.push(json!({ "at": millis(log.began.elapsed()), "what": label, "screenshot": file }));
            file
        });
        let (Some(folder), Some(file)) = (folder(), file) else { return };
        fs::create_dir_all(&folder).ok();
        // The rest of the display is black.
        self.import(&["-trim"], &folder.join(file));
    }

    /// Saves the `width` × `height` pixels at the top left of the display.
    pub fn save(&self, (width, height): (u32, u32), file: &Path) {
        assert!(self.import(&["-crop", &format!("{width}x{height}+0+0")], file), "`import` failed");
    }

    fn import(&self, part: &[&str], file: &Path) -> bool {
        let mut import = Command::new("import");
        import.env("DISPLAY", &self.display).args(["-window", "root"]).args(part).arg("+repage").arg(file);
        import.stdin(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

/// If the test fails, records a screenshot, the page's text and its source when dropped.
pub struct FailureCapture {
    pub screen: ScreenCapture,
    /// The WebDriver session's address.
    pub session_url: String,
}

impl Drop for FailureCapture {
    fn drop(&mut self) {
        if !thread::panicking() || !is_enabled() {
            return;
        }
        self.screen.add_to_report("failure");
        let session_url = self.session_url.clone();
        // The test's own runtime is shutting down.
        let page = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), snapshot(&session_url)).await.ok() })
        });
        let page = page.join().ok().flatten().unwrap_or_else(|| json!({ "text": "no response from the WebDriver" }));
        with_log(|_, log| log.page = page);
    }
}

async fn snapshot(session_url: &str) -> Value {
    let http = reqwest::Client::new();
    let value = async |request: reqwest::RequestBuilder| -> Option<Value> {
        Some(request.send().await.ok()?.json::<Value>().await.ok()?["value"].take())
    };
    let script = json!({ "script": "return document.body.innerText", "args": [] });
    json!({
        "text": value(http.post(format!("{session_url}/execute/sync")).json(&script)).await,
        "source": value(http.get(format!("{session_url}/source"))).await,
    })
}

/// Writes the test's log as JSON, at a failure with the output of its processes. Later calls overwrite the file.
pub fn write(process_output: &Path) {
    let failed = thread::panicking();
    let written = with_log(|name, log| {
        let began = log.began_at.duration_since(SystemTime::UNIX_EPOCH).map(millis).unwrap_or_default();
        if failed {
            log.page["output"] = fs::read_to_string(process_output).unwrap_or_default().into();
        }
        let failure = failed.then(|| log.failure.clone().unwrap_or_default());
        let text = json!({
            "name": name, "began": began, "took": millis(log.began.elapsed()),
            "failure": failure, "steps": log.steps, "page": log.page,
        });
        (format!("{name}.json"), text.to_string())
    });
    let (Some(folder), Some((file, text))) = (folder(), written) else { return };
    fs::create_dir_all(&folder).ok();
    fs::write(folder.join(file), text).ok();
}
