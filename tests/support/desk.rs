//! A desk: the machine around the app, made anew for each test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use fantoccini::{Client, ClientBuilder};
use serde_json::json;
use tempfile::TempDir;

use super::{eventually, page::Page};

/// A display, a message bus, a credential store and a home folder, all of its own.
pub struct Desk {
    home: TempDir,
    display: String,
    bus: String,
    dark: bool,
    servants: Vec<Servant>,
}

/// A program that ends with whoever holds this.
pub struct Servant(Child);

impl Drop for Servant {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The app under test with the WebDriver that holds it.
pub struct Running {
    pub page: Page,
    client: Client,
    driver: Servant,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(false, None)
    }

    pub fn dark() -> Self {
        Self::with(true, None)
    }

    /// A desk whose windows are on this display, if one is given, for a person to see.
    pub fn shown_on(display: Option<String>) -> Self {
        Self::with(false, display)
    }

    fn with(dark: bool, display: Option<String>) -> Self {
        let home = tempfile::Builder::new().prefix("flex-connect-desk-").tempdir().unwrap();
        for folder in ["run", "config", "data", "cache", "state"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        let shown = display.is_some();
        let display = display.unwrap_or_default();
        let mut desk = Self { home, display, bus: String::new(), dark, servants: Vec::new() };

        if !shown {
            let mut screen = desk.command("Xvfb");
            screen.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]);
            desk.display = format!(":{}", desk.serve(screen));
        }

        let mut bus = desk.command("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address"]);
        desk.bus = desk.serve(bus);

        let mut keyring = desk.command("gnome-keyring-daemon");
        keyring.args(["--unlock", "--components=secrets", "--foreground"]);
        let mut keyring =
            keyring.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("gnome-keyring-daemon starts");
        keyring.stdin.take().unwrap().write_all(b"a test's own password\n").unwrap();
        desk.servants.push(Servant(keyring));
        desk
    }

    /// A folder of the desk, for a backend's data for example.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A command that lives on this desk and sees nothing of the user's own folders.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let home = self.home.path();
        command
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("GDK_BACKEND", "x11")
            .env("GTK_THEME", if self.dark { "Adwaita:dark" } else { "Adwaita" })
            .env("LANG", "C.UTF-8")
            .env("LANGUAGE", "en")
            .env("NO_AT_BRIDGE", "1")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .stdin(Stdio::null())
            .stderr(fs::OpenOptions::new().create(true).append(true).open(home.join("stderr.log")).unwrap());
        command
    }

    /// Starts a program and reads the one line that it says when it is ready.
    fn serve(&mut self, mut command: Command) -> String {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.servants.push(Servant(child));
        line.trim().to_owned()
    }

    /// Starts tauri-driver on this port, and says where it listens.
    pub fn driver(&self, port: u16) -> (Servant, String) {
        let mut driver = self.command(tool("tauri-driver"));
        driver.args(["--port", &port.to_string(), "--native-port", &free_port().to_string()]).stdout(Stdio::null());
        let driver = Servant(driver.spawn().expect("tauri-driver starts: cargo xtask test installs it"));
        (driver, format!("http://127.0.0.1:{port}"))
    }

    /// Starts the app through tauri-driver, as QA does.
    pub async fn start(&self, arguments: &[&str]) -> Running {
        let (driver, url) = self.driver(free_port());
        let capabilities = capabilities(arguments);
        let client = eventually("a WebDriver session", || async {
            let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
            builder.capabilities(capabilities.as_object().unwrap().clone());
            builder.connect(&url).await.ok()
        })
        .await;
        Running { page: Page::new(client.clone(), url).await, client, driver }
    }

    /// Puts text on the clipboard as another program does, a mail program for example.
    pub fn copy(&mut self, text: &str) {
        let mut clip = self.command("xclip");
        clip.args(["-selection", "clipboard", "-quiet"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut clip = clip.spawn().expect("xclip starts");
        clip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        // It owns the clipboard for as long as it lives.
        self.servants.push(Servant(clip));
    }

    /// Presses keys on the desk's keyboard. WebDriver's own key presses reach no editing shortcut of WebKitGTK.
    pub fn press(&self, keys: &str) {
        self.hand(&["windowfocus", "--sync", "key", keys]);
    }

    /// Types on the desk's keyboard, wherever the focus is.
    pub fn write(&self, text: &str) {
        self.hand(&["windowfocus", "--sync", "type", "--delay", "20", text]);
    }

    /// Presses Tab until this has the focus.
    pub async fn tab_to(&self, page: &Page, role: &str, name: &str) {
        let mut passed = Vec::new();
        for _ in 0..25 {
            let before = page.focused().await;
            self.press("Tab");
            let focused = eventually("the focus to move on", || async {
                let focused = page.focused().await;
                (focused != before).then_some(focused)
            })
            .await;
            if focused.as_ref().is_some_and(|(r, n)| r == role && n == name) {
                return;
            }
            passed.push(focused);
        }
        panic!("Tab does not come to {role} {name:?}, but to {passed:?}");
    }

    /// Gives the window a size, and the keyboard: the pointer decides who has it where there is no window manager.
    /// WebDriver's own way would wait for one.
    pub async fn resize(&self, page: &Page, (width, height): (u32, u32)) {
        self.hand(&["windowsize", &width.to_string(), &height.to_string(), "windowfocus", "--sync"]);
        page.is_wide(width).await;
    }

    /// Takes a picture of the display, `size` from its corner. WebDriver's own way waits for a compositor's frame that
    /// never comes on a display without one.
    pub fn shoot(&self, (width, height): (u32, u32), file: &Path) {
        let mut camera = self.command("import");
        camera.args(["-window", "root", "-crop", &format!("{width}x{height}+0+0"), "+repage"]).arg(file);
        assert!(camera.status().expect("import starts").success(), "no picture could be taken");
    }

    fn hand(&self, does: &[&str]) {
        let mut hand = self.command("xdotool");
        hand.args(["search", "--onlyvisible", "--name", "^Flex HRM Connect$"]).args(does);
        assert!(hand.stdout(Stdio::null()).status().expect("xdotool starts").success(), "xdotool could not {does:?}");
    }

    /// Process ids of the app on this desk.
    pub fn app_processes(&self) -> Vec<u32> {
        let mut processes = self.processes();
        processes.retain(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == app()));
        processes
    }

    /// Process ids of everything that runs on this desk, the app's web processes included.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("XDG_DATA_HOME={}", self.home.path().join("data").display());
        let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environ = fs::read(entry.path().join("environ")).ok()?;
            environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()).then_some(pid)
        });
        processes.collect()
    }

    /// What the credential store holds for the app, read with a tool that is not ours.
    pub fn token_in_keyring(&self) -> Option<String> {
        let mut tool = self.command("secret-tool");
        let found = tool.args(["lookup", "service", "Flex HRM Connect", "username", "session"]).output().unwrap();
        let token = String::from_utf8(found.stdout).unwrap();
        (!token.is_empty()).then_some(token)
    }

    /// Every file below the desk's folders.
    pub fn files(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => below(&entry.path(), found),
                    Ok(kind) if kind.is_file() => found.push(entry.path()),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        below(self.home.path(), &mut found);
        found
    }
}

impl Running {
    /// Ends the app as a system that needs the memory does: without a word.
    pub async fn kill(self, desk: &Desk) {
        for pid in desk.app_processes() {
            Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        }
        eventually("the app to be gone", || async { desk.app_processes().is_empty().then_some(()) }).await;
        drop(self.driver);
        drop(self.client);
    }

    /// Closes the app.
    pub async fn close(self, desk: &Desk) {
        self.client.close().await.ok();
        eventually("the app to be gone", || async { desk.app_processes().is_empty().then_some(()) }).await;
    }
}

impl Drop for Desk {
    /// Nothing is left behind: a WebDriver that is killed leaves its own driver and the app.
    fn drop(&mut self) {
        for pid in self.processes() {
            Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status().ok();
        }
    }
}

/// What a WebDriver client sends to have the app.
pub fn capabilities(arguments: &[&str]) -> serde_json::Value {
    json!({ "tauri:options": { "application": app(), "args": arguments } })
}

/// The program under test: `FLEX_CONNECT_APP`, or the one that cargo built beside the tests.
pub fn app() -> PathBuf {
    match std::env::var_os("FLEX_CONNECT_APP") {
        Some(app) => PathBuf::from(app),
        None => built().join("flex-connect"),
    }
}

fn built() -> PathBuf {
    // target/debug/deps/e2e-… or target/debug/examples/tour
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// A tool that `cargo xtask` keeps in `target/tools`, else the one on the path.
fn tool(name: &str) -> PathBuf {
    let kept = built().parent().unwrap().join("tools/bin").join(name);
    if kept.exists() { kept } else { name.into() }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
