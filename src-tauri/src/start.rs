//! What the app is started with: the platform's edition, what the company has set on the machine, and what is asked for on
//! the command line. The later wins.

#[cfg(desktop)]
use std::{fs, path::Path};

use flex_connect_core::{Edition, Start};

const OF_THE_PLATFORM: Edition = if cfg!(mobile) { Edition::Mobile } else { Edition::Desktop };
/// The server address as an environment variable.
#[cfg(not(target_os = "ios"))]
const SERVER: &str = "FLEX_CONNECT_SERVER";

/// What a company sets for all its employees, in a file that only administrators can write.
#[cfg(desktop)]
#[derive(Debug, Default, serde::Deserialize)]
struct Managed {
    /// The server address that the sign-in screen begins with.
    server: Option<String>,
}

#[cfg(desktop)]
impl Managed {
    /// The file of this system; a missing one is usual, a broken one is told in the log.
    fn of_this_machine() -> Self {
        #[cfg(target_os = "linux")]
        let file = Path::new("/etc/flex-connect/config.json").to_owned();
        #[cfg(target_os = "macos")]
        let file = Path::new("/Library/Application Support/Flex HRM Connect/config.json").to_owned();
        #[cfg(windows)]
        let file = Path::new(&std::env::var_os("ProgramData").unwrap_or_default()).join("Flex HRM Connect/config.json");
        Self::read(&file)
    }

    fn read(file: &Path) -> Self {
        let Ok(text) = fs::read_to_string(file) else { return Self::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(line = error.line(), "the managed configuration is not readable");
            Self::default()
        })
    }
}

fn started(server: Option<String>) -> Start {
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let web_view = tauri::webview_version().unwrap_or_else(|_| "unknown".into());
    Start { edition: OF_THE_PLATFORM, server, username: None, platform: format!("{system}, web view {web_view}") }
}

/// Phones have no command line, and their device management hands the company's settings to the app itself.
#[cfg(mobile)]
pub(crate) fn read() -> Result<Start, std::convert::Infallible> {
    Ok(started(set_by_device_management()))
}

/// `MainActivity.kt` puts the managed configuration there before this library is loaded.
#[cfg(target_os = "android")]
fn set_by_device_management() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// Where iOS keeps the managed app configuration.
#[cfg(target_os = "ios")]
fn set_by_device_management() -> Option<String> {
    use objc2_foundation::{NSString, NSUserDefaults, ns_string};

    let settings = NSUserDefaults::standardUserDefaults();
    let managed = settings.dictionaryForKey(ns_string!("com.apple.configuration.managed"))?;
    let server = managed.objectForKey(ns_string!("server"))?;
    Some(server.downcast_ref::<NSString>()?.to_string())
}

/// Reads `--edition mobile|desktop`, `--server ADDRESS` and `--username NAME`. Other arguments are left alone: systems add
/// their own.
#[cfg(desktop)]
pub(crate) fn read() -> Result<Start, lexopt::Error> {
    let set = std::env::var(SERVER).ok().or_else(|| Managed::of_this_machine().server);
    read_from(started(set), lexopt::Parser::from_env())
}

#[cfg(desktop)]
fn read_from(mut start: Start, mut arguments: lexopt::Parser) -> Result<Start, lexopt::Error> {
    use lexopt::{Arg::Long, ValueExt as _};

    while let Some(argument) = arguments.next()? {
        match argument {
            Long("edition") => {
                start.edition = arguments.value()?.parse_with(|edition| match edition {
                    "mobile" => Ok(Edition::Mobile),
                    "desktop" => Ok(Edition::Desktop),
                    _ => Err("mobile or desktop"),
                })?;
            }
            Long("server") => start.server = Some(arguments.value()?.string()?),
            Long("username") => start.username = Some(arguments.value()?.string()?),
            _ => {}
        }
    }
    Ok(start)
}

#[cfg(all(test, desktop))]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Start, lexopt::Error> {
        read_from(started(Some("https://set.by.the.company".into())), lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn qa_can_force_either_edition() {
        assert_eq!(read(&["--edition", "mobile"]).unwrap().edition, Edition::Mobile);
        assert_eq!(read(&["--edition=desktop"]).unwrap().edition, Edition::Desktop);
        assert!(read(&["--edition", "watch"]).is_err());
    }

    #[test]
    fn arguments_of_others_are_left_alone() {
        let start = read(&["--automation", "x", "--server", "http://127.0.0.1:1", "--username=anna"]).unwrap();
        assert_eq!(start.server.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(start.username.as_deref(), Some("anna"));
    }

    #[test]
    fn what_the_company_set_counts_until_the_command_line_says_otherwise() {
        assert_eq!(read(&[]).unwrap().server.as_deref(), Some("https://set.by.the.company"));
    }

    #[test]
    fn a_managed_file_sets_the_server_and_a_broken_or_missing_one_sets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        assert_eq!(Managed::read(&file).server, None);
        fs::write(&file, r#"{ "server": "https://hrm.company.com", "of a later version": 1 }"#).unwrap();
        assert_eq!(Managed::read(&file).server.as_deref(), Some("https://hrm.company.com"));
        fs::write(&file, "{ broken").unwrap();
        assert_eq!(Managed::read(&file).server, None);
    }
}
