//! The sandbox on Linux: Xvfb, a message bus, a real credential store and XDG folders.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hrm_fakes::program::first_line;

use super::{
    page::Page,
    programs::{ChildGuard, app},
    report::ScreenCapture,
};

pub struct System {
    home: PathBuf,
    display: String,
    bus: String,
    dark: bool,
    children: Vec<ChildGuard>,
}

impl System {
    pub fn start(home: &Path, dark: bool, display: Option<String>) -> Self {
        for folder in ["run", "config", "data", "cache", "state"] {
            fs::create_dir(home.join(folder)).unwrap();
        }
        // The system's browser: notes the address.
        fs::create_dir(home.join("bin")).unwrap();
        let browser = home.join("bin/xdg-open");
        fs::write(&browser, "#!/bin/sh\nprintf '%s\\n' \"$1\" >>\"$HOME/opened\"\n").unwrap();
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
        let mut system =
            Self { home: home.to_owned(), display: String::new(), bus: String::new(), dark, children: Vec::new() };

        system.display = display.unwrap_or_else(|| {
            let mut xvfb = system.command("Xvfb");
            xvfb.args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"]);
            format!(":{}", system.serve(xvfb))
        });

        let mut bus = system.command("dbus-daemon");
        // By default its socket is in /tmp, where it stays.
        let address = format!("--address=unix:path={}", home.join("run/bus").display());
        bus.args(["--session", "--nofork", "--print-address", &address]);
        system.bus = system.serve(bus);

        let mut keyring = system.command("gnome-keyring-daemon");
        keyring.args(["--unlock", "--components=secrets", "--foreground"]);
        let mut keyring =
            keyring.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("gnome-keyring-daemon starts");
        keyring.stdin.take().unwrap().write_all(b"password of this sandbox\n").unwrap();
        system.children.push(ChildGuard(keyring));
        system
    }

    /// With the sandbox's folders instead of the user's own.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let home = &self.home;
        command
            .env("HOME", home)
            .env("PATH", format!("{}:{}", home.join("bin").display(), std::env::var("PATH").unwrap_or_default()))
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

    /// Starts a program and returns the line that it prints when it is ready.
    fn serve(&mut self, mut command: Command) -> String {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = child.stdout.take().unwrap();
        self.children.push(ChildGuard(child));
        first_line(output).unwrap()
    }

    /// The addresses that the system's browser was given.
    pub fn opened(&self) -> Vec<String> {
        let opened = fs::read_to_string(self.home.join("opened")).unwrap_or_default();
        opened.lines().map(str::to_owned).collect()
    }

    pub fn app_folder(&self) -> PathBuf {
        self.home.join("data/app.flexconnect.employee")
    }

    pub fn set_clipboard(&mut self, text: &str) {
        let mut xclip = self.command("xclip");
        xclip.args(["-selection", "clipboard", "-quiet"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut xclip = xclip.spawn().expect("xclip starts");
        xclip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        // On X11 the clipboard's text is served by its owner, so xclip has to keep running.
        self.children.push(ChildGuard(xclip));
    }

    /// WebDriver's own key presses trigger no editing shortcut in WebKitGTK.
    pub fn press_keys(&self, keys: &str) {
        self.xdotool(&["windowfocus", "--sync", "key", keys]);
    }

    /// Types into whatever has the focus.
    pub fn type_text(&self, text: &str) {
        self.xdotool(&["windowfocus", "--sync", "type", "--delay", "20", text]);
    }

    /// Resizes the window and gives it the keyboard focus, which follows the pointer without a window manager. WebDriver's own
    /// resize waits for a window manager.
    pub async fn resize_window(&self, page: &Page, (width, height): (u32, u32)) {
        self.xdotool(&["windowsize", &width.to_string(), &height.to_string(), "windowfocus", "--sync"]);
        page.wait_width(width).await;
    }

    /// Left, top, width and height of the visible window, on the screen of 1400 × 900.
    pub fn window_geometry(&self) -> Option<[i64; 4]> {
        let mut xdotool = self.command("xdotool");
        xdotool.args(["search", "--onlyvisible", "--name", "^Flex HRM Connect$", "getwindowgeometry", "--shell"]);
        let output = String::from_utf8(xdotool.output().expect("xdotool starts").stdout).unwrap();
        let value =
            |name: &str| output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
        Some([value("X")?, value("Y")?, value("WIDTH")?, value("HEIGHT")?])
    }

    /// The next start finds no session bus, and so no credential store. Returns the bus for [`Self::set_bus`].
    pub fn lose_bus(&mut self) -> String {
        let nowhere = format!("unix:path={}", self.home.join("run/no-bus").display());
        std::mem::replace(&mut self.bus, nowhere)
    }

    pub fn set_bus(&mut self, bus: String) {
        self.bus = bus;
    }

    /// The address of the session bus.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    pub fn config_folder(&self) -> PathBuf {
        self.home.join("config/app.flexconnect.employee")
    }

    fn xdotool(&self, arguments: &[&str]) {
        let mut xdotool = self.command("xdotool");
        xdotool.args(["search", "--onlyvisible", "--name", "^Flex HRM Connect$"]).args(arguments);
        let status = xdotool.stdout(Stdio::null()).status().expect("xdotool starts");
        assert!(status.success(), "xdotool failed: {arguments:?}");
    }

    pub fn screen_capture(&self) -> ScreenCapture {
        ScreenCapture { display: self.display.clone() }
    }

    pub fn app_processes(&self) -> Vec<u32> {
        let mut processes = self.processes();
        processes.retain(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == app()));
        processes
    }

    /// Everything that runs in this sandbox, including the app's web processes.
    pub fn processes(&self) -> Vec<u32> {
        let marker = format!("XDG_DATA_HOME={}", self.home.join("data").display());
        let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environ = fs::read(entry.path().join("environ")).ok()?;
            environ.split(|byte| *byte == 0).any(|variable| variable == marker.as_bytes()).then_some(pid)
        });
        processes.collect()
    }

    pub fn kill(pid: u32) {
        Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status().ok();
    }

    pub fn children_of(&self, parent: u32) -> Vec<u32> {
        let is_child = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            field(&status, "PPid:").is_some_and(|id| id == parent.to_string())
        };
        self.processes().into_iter().filter(is_child).collect()
    }

    /// How often each of the process's threads was woken, by its name and id.
    pub fn wake_ups(&self, pid: u32) -> BTreeMap<String, u64> {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten().filter_map(|thread| {
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            let thread = format!("{} {}", field(&status, "Name:")?, field(&status, "Pid:")?);
            // A thread that is woken has gone to sleep before.
            Some((thread, field(&status, "voluntary_ctxt_switches:")?.parse().unwrap()))
        });
        threads.collect()
    }

    /// The paths of the sockets on which the sandbox's processes listen.
    pub fn socket_files(&self) -> Vec<PathBuf> {
        let mut inodes = Vec::new();
        for pid in self.processes() {
            for fd in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
                let target = fs::read_link(fd.path()).unwrap_or_default().display().to_string();
                inodes
                    .extend(target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).map(str::to_owned));
            }
        }
        let table = fs::read_to_string("/proc/net/unix").unwrap();
        // Num RefCount Protocol Flags Type St Inode Path
        let lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours =
            lines.filter(|line| line.len() == 8 && line[7].starts_with('/') && inodes.iter().any(|one| one == line[6]));
        ours.map(|line| PathBuf::from(line[7])).collect()
    }

    /// The token within the app's secret in the credential store, read with libsecret's own tool.
    pub fn token_in_keyring(&self) -> Option<String> {
        let mut tool = self.command("secret-tool");
        let found = tool.args(["lookup", "service", "Flex HRM Connect", "username", "session"]).output().unwrap();
        let secret: serde_json::Value = serde_json::from_slice(&found.stdout).ok()?;
        secret["token"].as_str().map(str::to_owned)
    }

    pub fn files(&self) -> Vec<PathBuf> {
        fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => collect(&entry.path(), found),
                    Ok(kind) if kind.is_file() => found.push(entry.path()),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        collect(&self.home, &mut found);
        found
    }
}

/// Of `/proc/PID/status`, see proc_pid_status(5).
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

impl Drop for System {
    /// A killed tauri-driver leaves its native driver and the app running. What is only killed leaves its sockets.
    fn drop(&mut self) {
        for pid in self.processes() {
            Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status().ok();
        }
        let began = Instant::now();
        while !self.processes().is_empty() && began.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.processes().into_iter().for_each(Self::kill);
    }
}
