//! The sandbox on Windows. The app's folder and credential are the user's own there and cannot be redirected, so they are
//! deleted, one sandbox runs at a time, and only on a machine that is marked as disposable.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::report::ScreenCapture;

static USER_DATA: Mutex<()> = Mutex::new(());
const IDENTIFIER: &str = "app.flexconnect.employee";

pub struct System {
    home: PathBuf,
    _user_data: MutexGuard<'static, ()>,
}

impl System {
    pub fn start(home: &Path, _dark: bool, _display: Option<String>) -> Self {
        assert!(
            env::var("FLEX_CONNECT_THIS_MACHINE_IS_DISPOSABLE").is_ok_and(|yes| yes == "1"),
            "these tests delete what the app keeps for the user of this machine: see tests/README.md"
        );
        let user_data = USER_DATA.lock().unwrap_or_else(PoisonError::into_inner);
        let system = Self { home: home.to_owned(), _user_data: user_data };
        system.delete_app_data();
        system
    }

    fn delete_app_data(&self) {
        self.app_processes().into_iter().for_each(Self::kill);
        for base in ["APPDATA", "LOCALAPPDATA"] {
            fs::remove_dir_all(PathBuf::from(env::var_os(base).unwrap()).join(IDENTIFIER)).ok();
        }
        // The store names a credential `<user>.<service>`.
        let mut cmdkey = Command::new("cmdkey");
        cmdkey.arg("/delete:session.Flex HRM Connect").stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }

    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let stderr = fs::OpenOptions::new().create(true).append(true).open(self.home.join("stderr.log")).unwrap();
        command.stdin(Stdio::null()).stderr(stderr);
        command
    }

    pub fn app_folder(&self) -> PathBuf {
        PathBuf::from(env::var_os("APPDATA").unwrap()).join(IDENTIFIER)
    }

    fn powershell(script: &str) {
        let done = Command::new("powershell").args(["-NoProfile", "-Command", script]).status();
        assert!(done.expect("powershell starts").success(), "powershell failed: {script}");
    }

    pub fn children_of(&self, parent: u32) -> Vec<u32> {
        let script = format!("(Get-CimInstance Win32_Process -Filter 'ParentProcessId={parent}').ProcessId");
        let output = Command::new("powershell").args(["-NoProfile", "-Command", &script]).output();
        let output = String::from_utf8_lossy(&output.expect("powershell starts").stdout).into_owned();
        output.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    pub fn set_clipboard(&mut self, text: &str) {
        Self::powershell(&format!("Set-Clipboard -Value '{}'", text.replace('\'', "''")));
    }

    /// Keys are named as in xdotool.
    pub fn press_keys(&self, keys: &str) {
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

    /// Takes no screenshots: `import` works on X11 only.
    pub fn screen_capture(&self) -> ScreenCapture {
        ScreenCapture { display: String::new() }
    }

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
        self.delete_app_data();
    }
}
