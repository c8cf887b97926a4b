//! Windows around the app. Its folder and its credential are the user's own there and cannot be moved, so a desk takes them
//! over, one at a time, and only on a machine that says of itself that nobody lives on it.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::report::Camera;

static THE_ONE_DESK: Mutex<()> = Mutex::new(());
const IDENTIFIER: &str = "app.flexconnect.employee";

pub struct System {
    home: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl System {
    pub fn start(home: &Path, _dark: bool, _display: Option<String>) -> Self {
        assert!(
            env::var("FLEX_CONNECT_THIS_MACHINE_IS_DISPOSABLE").is_ok_and(|yes| yes == "1"),
            "these tests delete what the app keeps for the user of this machine: see tests/README.md"
        );
        let turn = THE_ONE_DESK.lock().unwrap_or_else(PoisonError::into_inner);
        let system = Self { home: home.to_owned(), _turn: turn };
        system.forget();
        system
    }

    fn forget(&self) {
        self.app_processes().into_iter().for_each(Self::kill);
        for base in ["APPDATA", "LOCALAPPDATA"] {
            fs::remove_dir_all(PathBuf::from(env::var_os(base).unwrap()).join(IDENTIFIER)).ok();
        }
        // The name under which `keyring` keeps the user `session` of our service.
        let mut cmdkey = Command::new("cmdkey");
        cmdkey.arg("/delete:session.Flex HRM Connect").stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }

    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let said = fs::OpenOptions::new().create(true).append(true).open(self.home.join("stderr.log")).unwrap();
        command.stdin(Stdio::null()).stderr(said);
        command
    }

    /// The folder where the app keeps its record.
    pub fn app_folder(&self) -> PathBuf {
        PathBuf::from(env::var_os("APPDATA").unwrap()).join(IDENTIFIER)
    }

    fn powershell(script: &str) {
        let done = Command::new("powershell").args(["-NoProfile", "-Command", script]).status();
        assert!(done.expect("powershell starts").success(), "powershell could not: {script}");
    }

    /// Puts text on the clipboard as another program does.
    pub fn copy(&mut self, text: &str) {
        Self::powershell(&format!("Set-Clipboard -Value '{}'", text.replace('\'', "''")));
    }

    /// Presses keys on the keyboard, in xdotool's words.
    pub fn press(&self, keys: &str) {
        let keys = match keys {
            "ctrl+v" => "^v",
            "Tab" => "{TAB}",
            "Return" => "{ENTER}",
            _ => panic!("no such key: {keys}"),
        };
        Self::powershell(&format!(
            "Add-Type -AssemblyName System.Windows.Forms; [System.Windows.Forms.SendKeys]::SendWait('{keys}')"
        ));
    }

    /// Without pictures: `import` belongs to X.
    pub fn camera(&self) -> Camera {
        Camera(String::new())
    }

    /// Process ids of the app.
    pub fn app_processes(&self) -> Vec<u32> {
        let list = ["/FI", "IMAGENAME eq flex-connect.exe", "/FO", "CSV", "/NH"];
        let list = Command::new("tasklist").args(list).output().expect("tasklist starts");
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        list.lines().filter_map(|line| line.split('"').nth(3)?.parse().ok()).collect()
    }

    pub fn kill(pid: u32) {
        let pid = pid.to_string();
        Command::new("taskkill").args(["/F", "/T", "/PID", &pid]).stdout(Stdio::null()).status().ok();
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.forget();
    }
}
