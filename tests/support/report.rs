//! What a run leaves for a person to read: the steps of each test with their times, pictures, and at a failure the page as it
//! stood. Nothing unless `QA_REPORT` names a folder; `cargo xtask test` makes one page of it.

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

/// A test runs on a thread that has its name, so what happens on a thread is its test's story.
static STORIES: LazyLock<Mutex<BTreeMap<String, Story>>> = LazyLock::new(Mutex::default);

struct Story {
    began: Instant,
    at: SystemTime,
    steps: Vec<Value>,
    failure: Option<String>,
    page: Value,
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("QA_REPORT").map(PathBuf::from)
}

/// Whether somebody will read it.
pub fn is_wanted() -> bool {
    folder().is_some()
}

fn test_name() -> Option<String> {
    thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}

/// Works on the story of the test that runs on this thread, if a report is wanted.
fn with<T>(work: impl FnOnce(&str, &mut Story) -> T) -> Option<T> {
    folder()?;
    hear_of_failures();
    let name = test_name()?;
    let mut stories = STORIES.lock().ok()?;
    let story = stories.entry(name.clone()).or_insert_with(|| Story {
        began: Instant::now(),
        at: SystemTime::now(),
        steps: Vec::new(),
        failure: None,
        page: json!({}),
    });
    Some(work(&name, story))
}

fn hear_of_failures() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            usual(panic);
            let said = panic.to_string();
            with(|_, story| _ = story.failure.get_or_insert(said));
        }));
    });
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A step that began then and is done now.
pub fn step(what: &str, began: Instant) {
    with(|_, story| {
        let at = millis(began.saturating_duration_since(story.began));
        story.steps.push(json!({ "at": at, "took": millis(began.elapsed()), "what": what }));
    });
}

/// Takes pictures of a display. WebDriver's own way waits for a compositor's frame that never comes on a display without one.
#[derive(Clone)]
pub struct Camera(pub String);

impl Camera {
    /// Adds a picture of what is on the display to the story.
    pub fn take(&self, of: &str) {
        let file = with(|name, story| {
            let file = format!("{name}-{}.png", story.steps.len());
            story.steps.push(json!({ "at": millis(story.began.elapsed()), "what": of, "picture": file }));
            file
        });
        let (Some(folder), Some(file)) = (folder(), file) else { return };
        fs::create_dir_all(&folder).ok();
        // The rest of the display is black.
        self.import(&["-trim"], &folder.join(file));
    }

    /// Takes a picture, `size` from the display's corner.
    pub fn shoot(&self, (width, height): (u32, u32), file: &Path) {
        assert!(self.import(&["-crop", &format!("{width}x{height}+0+0")], file), "no picture could be taken");
    }

    fn import(&self, part: &[&str], file: &Path) -> bool {
        let mut camera = Command::new("import");
        camera.env("DISPLAY", &self.0).args(["-window", "root"]).args(part).arg("+repage").arg(file);
        camera.stdin(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

/// Sees to it that a failure leaves the page as it stood: its picture, its text, its source.
pub struct Witness {
    pub camera: Camera,
    /// The WebDriver's address of the session.
    pub session: String,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !thread::panicking() || folder().is_none() {
            return;
        }
        self.camera.take("the moment of the failure");
        let session = self.session.clone();
        // The test's own runtime is on its way down.
        let page = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), told(&session)).await.ok() })
        });
        let page = page.join().ok().flatten().unwrap_or_else(|| json!({ "text": "the WebDriver did not say" }));
        with(|_, story| story.page = page);
    }
}

async fn told(session: &str) -> Value {
    let http = reqwest::Client::new();
    let answer = async |call: reqwest::RequestBuilder| -> Option<Value> {
        Some(call.send().await.ok()?.json::<Value>().await.ok()?["value"].take())
    };
    let script = json!({ "script": "return document.body.innerText", "args": [] });
    json!({
        "text": answer(http.post(format!("{session}/execute/sync")).json(&script)).await,
        "source": answer(http.get(format!("{session}/source"))).await,
    })
}

/// Writes the story of this test down, of a failure with what its programs said. More can follow: it is written anew then.
pub fn write(log: &Path) {
    let failed = thread::panicking();
    let story = with(|name, story| {
        let at = story.at.duration_since(SystemTime::UNIX_EPOCH).map(millis).unwrap_or_default();
        if failed {
            story.page["log"] = fs::read_to_string(log).unwrap_or_default().into();
        }
        let failure = failed.then(|| story.failure.clone().unwrap_or_default());
        let text = json!({
            "name": name, "began": at, "took": millis(story.began.elapsed()),
            "failure": failure, "steps": story.steps, "page": story.page,
        });
        (format!("{name}.json"), text.to_string())
    });
    let (Some(folder), Some((file, text))) = (folder(), story) else { return };
    fs::create_dir_all(&folder).ok();
    fs::write(folder.join(file), text).ok();
}
