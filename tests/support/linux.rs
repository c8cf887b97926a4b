//! Linux around the app: an Xvfb, a message bus, a real credential store and folders, all of the desk's own.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    desk::{Servant, app},
    page::Page,
    report::Camera,
};

pub struct System {
    home: PathBuf,
    display: String,
    bus: String,
    dark: bool,
    servants: Vec<Servant>,
}

impl System {
    pub fn start(home: &Path, dark: bool, display: Option<String>) -> Self {
        for folder in ["run", "config", "data", "cache", "state"] {
            fs::create_dir(home.join(folder)).unwrap();
        }
        let shown = display.is_some();
        let display = display.unwrap_or_default();
        let mut system = Self { home: home.to_owned(), display, bus: String::new(), dark, servants: Vec::new() };

        if !shown {
            let mut screen = system.command("Xvfb");
            screen.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]);
            system.display = format!(":{}", system.serve(screen));
        }

        let mut bus = system.command("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address"]);
        system.bus = system.serve(bus);

        let mut keyring = system.command("gnome-keyring-daemon");
        keyring.args(["--unlock", "--components=secrets", "--foreground"]);
        let mut keyring =
            keyring.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("gnome-keyring-daemon starts");
        keyring.stdin.take().unwrap().write_all(b"a test's own password\n").unwrap();
        system.servants.push(Servant(keyring));
        system
    }

    /// A command that sees nothing of the user's own folders.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let home = &self.home;
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

    /// The folder where the app keeps its record.
    pub fn app_folder(&self) -> PathBuf {
        self.home.join("data/app.flexconnect.employee")
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

    /// Gives the window a size, and the keyboard: the pointer decides who has it where there is no window manager.
    /// WebDriver's own way would wait for one.
    pub async fn resize(&self, page: &Page, (width, height): (u32, u32)) {
        self.hand(&["windowsize", &width.to_string(), &height.to_string(), "windowfocus", "--sync"]);
        page.is_wide(width).await;
    }

    fn hand(&self, does: &[&str]) {
        let mut hand = self.command("xdotool");
        hand.args(["search", "--onlyvisible", "--name", "^Flex HRM Connect$"]).args(does);
        assert!(hand.stdout(Stdio::null()).status().expect("xdotool starts").success(), "xdotool could not {does:?}");
    }

    pub fn camera(&self) -> Camera {
        Camera(self.display.clone())
    }

    /// Process ids of the app on this desk.
    pub fn app_processes(&self) -> Vec<u32> {
        let mut processes = self.processes();
        processes.retain(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == app()));
        processes
    }

    /// Process ids of everything that runs on this desk, the app's web processes included.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("XDG_DATA_HOME={}", self.home.join("data").display());
        let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environ = fs::read(entry.path().join("environ")).ok()?;
            environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()).then_some(pid)
        });
        processes.collect()
    }

    pub fn kill(pid: u32) {
        Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status().ok();
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
        below(&self.home, &mut found);
        found
    }
}

impl Drop for System {
    /// Nothing is left behind: a WebDriver that is killed leaves its own driver and the app.
    fn drop(&mut self) {
        self.processes().into_iter().for_each(Self::kill);
    }
}
