//! Launch options: platform defaults, managed app configuration, environment, command line. Later ones override earlier
//! ones.

#[cfg(desktop)]
use std::{fs, path::Path};

use flex_connect_core::{Edition, LaunchOptions};

const DEFAULT_EDITION: Edition = if cfg!(mobile) { Edition::Mobile } else { Edition::Desktop };
#[cfg(not(target_os = "ios"))]
const SERVER: &str = "FLEX_CONNECT_SERVER";

/// What a company configures for all employees, in a file that only administrators can write.
#[cfg(desktop)]
#[derive(Debug, Default, serde::Deserialize)]
struct ManagedConfig {
    /// Prefills the sign-in screen.
    server: Option<String>,
}

#[cfg(desktop)]
impl ManagedConfig {
    /// A missing file is normal, a broken one is logged.
    fn load() -> Self {
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
            tracing::warn!(line = error.line(), "the managed configuration is invalid");
            Self::default()
        })
    }
}

fn defaults(server: Option<String>) -> LaunchOptions {
    let os = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let web_view = tauri::webview_version().unwrap_or_else(|_| "unknown".into());
    LaunchOptions { edition: DEFAULT_EDITION, server, username: None, system: format!("{os}, web view {web_view}") }
}

/// Phones have no command line.
#[cfg(mobile)]
pub(crate) fn options() -> LaunchOptions {
    defaults(managed_server())
}

/// `MainActivity.kt` sets the variable from the managed configuration before this library is loaded.
#[cfg(target_os = "android")]
fn managed_server() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// iOS stores the managed app configuration in the user defaults.
#[cfg(target_os = "ios")]
fn managed_server() -> Option<String> {
    use objc2_foundation::{NSString, NSUserDefaults, ns_string};

    let settings = NSUserDefaults::standardUserDefaults();
    let managed = settings.dictionaryForKey(ns_string!("com.apple.configuration.managed"))?;
    let server = managed.objectForKey(ns_string!("server"))?;
    Some(server.downcast_ref::<NSString>()?.to_string())
}

/// Reads `--edition mobile|desktop`, `--server ADDRESS` and `--username NAME`. Nothing on a command line keeps the app from
/// starting: systems add arguments of their own, such as GTK's `--class=x` and macOS's `-psn_0_1`.
#[cfg(desktop)]
pub(crate) fn options() -> LaunchOptions {
    let server = std::env::var(SERVER).ok().or_else(|| ManagedConfig::load().server);
    parse(defaults(server), lexopt::Parser::from_env())
}

#[cfg(desktop)]
fn parse(mut options: LaunchOptions, mut arguments: lexopt::Parser) -> LaunchOptions {
    use lexopt::Arg::Long;

    let text = |arguments: &mut lexopt::Parser| arguments.value().ok()?.into_string().ok();
    // An error is a value that no option wanted; the next argument follows it.
    while let Some(argument) = arguments.next().transpose() {
        match argument {
            Ok(Long("edition")) => match text(&mut arguments).as_deref() {
                Some("mobile") => options.edition = Edition::Mobile,
                Some("desktop") => options.edition = Edition::Desktop,
                _ => tracing::warn!("--edition is mobile or desktop"),
            },
            Ok(Long("server")) => options.server = text(&mut arguments).or(options.server),
            Ok(Long("username")) => options.username = text(&mut arguments).or(options.username),
            _ => {}
        }
    }
    options
}

#[cfg(all(test, desktop))]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> LaunchOptions {
        parse(defaults(Some("https://managed.company.com".into())), lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn qa_can_force_either_edition() {
        assert_eq!(options(&["--edition", "mobile"]).edition, Edition::Mobile);
        assert_eq!(options(&["--edition=desktop"]).edition, Edition::Desktop);
        assert_eq!(options(&["--edition", "watch"]).edition, DEFAULT_EDITION);
    }

    #[test]
    fn unknown_arguments_are_ignored() {
        for unknown in [&["--automation", "x"][..], &["--class=x"], &["-psn_0_1"], &["-x=y"], &["-"], &["x"], &[]] {
            let options = options(&[unknown, &["--server", "http://127.0.0.1:1", "--username=anna"]].concat());
            assert_eq!(options.server.as_deref(), Some("http://127.0.0.1:1"), "{unknown:?}");
            assert_eq!(options.username.as_deref(), Some("anna"), "{unknown:?}");
        }
    }

    #[test]
    fn an_option_without_its_value_is_ignored() {
        assert_eq!(options(&["--server"]).server.as_deref(), Some("https://managed.company.com"));
        assert_eq!(options(&["--edition"]).edition, DEFAULT_EDITION);
    }

    #[test]
    fn the_managed_server_is_used_without_arguments() {
        assert_eq!(options(&[]).server.as_deref(), Some("https://managed.company.com"));
    }

    #[test]
    fn only_a_valid_managed_file_sets_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        assert_eq!(ManagedConfig::read(&file).server, None);
        fs::write(&file, r#"{ "server": "https://hrm.company.com", "of a later version": 1 }"#).unwrap();
        assert_eq!(ManagedConfig::read(&file).server.as_deref(), Some("https://hrm.company.com"));
        fs::write(&file, "{ broken").unwrap();
        assert_eq!(ManagedConfig::read(&file).server, None);
    }
}
