//! What the machine needs. Installs what is missing, or says what to install.

use std::{env, fs, path::Path};

use anyhow::{Context as _, bail, ensure};
use xshell::{Shell, cmd};

use crate::process::{succeeds, without_clippy};

const BUILD: &[&str] = &["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "librsvg2-dev"];
/// For the app in a window on a virtual display, with a real credential store.
const WINDOW_TESTS: &[&str] = &[
    "webkit2gtk-driver",
    "xvfb",
    "dbus",
    "gnome-keyring",
    "libsecret-tools",
    "xdotool",
    "xclip",
    "imagemagick",
    "fonts-dejavu-core",
];
/// For the tests of the UI, unless `CHROMIUM` names another browser.
const BROWSER: &str = "chromium";
/// The reference screenshots are drawn in Noto Sans.
const FONTS: &[&str] = &["fonts-noto-core"];
/// For the second database, backups of SQLite, and Schemathesis.
const BACKEND_TESTS: &[&str] = &["postgresql", "sqlite3", "python3-venv"];
/// For the Kotlin compiler.
const JAVA: &[&str] = &["default-jre-headless"];

const TAURI_DRIVER: &str = "2.1.0";
const OLDEST_NODE: u32 = 20;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Running,
    WindowTests,
    Testing,
}

pub(crate) fn prepare(purpose: Purpose) -> anyhow::Result<()> {
    packages(purpose)?;
    node()?;
    if purpose >= Purpose::WindowTests {
        cargo_tool("tauri-driver", TAURI_DRIVER)?;
    }
    Ok(())
}

fn packages(purpose: Purpose) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        ensure!(purpose < Purpose::WindowTests, "The tests in a window run on Linux only: see tests/README.md.");
        return Ok(());
    }
    let mut packages = BUILD.to_vec();
    if purpose >= Purpose::WindowTests {
        packages.extend(WINDOW_TESTS);
    }
    if purpose >= Purpose::Testing {
        packages.extend([FONTS, BACKEND_TESTS, JAVA].concat());
        // Ubuntu's is a snap.
        if env::var_os("CHROMIUM").is_none() {
            packages.push(BROWSER);
        }
    }
    debian_packages(&packages)
}

/// Installs missing Debian packages, or on other systems says what to install.
pub(crate) fn debian_packages(packages: &[&str]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    if !succeeds(cmd!(shell, "dpkg --version")) {
        // Not Debian. If the main library is there, assume that the rest was installed too.
        ensure!(
            succeeds(cmd!(shell, "pkg-config --exists webkit2gtk-4.1")),
            "This system has no apt. Install the equivalents of these Debian packages, then run the command again: {}",
            packages.join(" ")
        );
        return Ok(());
    }
    const STATUS_FORMAT: &str = "-f=${db:Status-Status}";
    let is_installed = |package: &&str| {
        let status = cmd!(shell, "dpkg-query -W {STATUS_FORMAT} {package}").quiet().ignore_stderr().read();
        status.is_ok_and(|status| status == "installed")
    };
    let missing: Vec<_> = packages.iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        println!("Debian packages: all installed");
        return Ok(());
    }
    as_root(&["apt-get", "update", "-qq"])?;
    let install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    as_root(&[&install, missing.into_iter().copied().collect::<Vec<_>>().as_slice()].concat())
}

/// Runs a command with sudo, unless this is root already.
pub(crate) fn as_root(command: &[&str]) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    if cmd!(shell, "id -u").quiet().read()? == "0" {
        let (program, arguments) = (command[0], &command[1..]);
        return Ok(cmd!(shell, "{program} {arguments...}").run()?);
    }
    ensure!(succeeds(cmd!(shell, "sudo --version")), "There is no sudo. Run as root: {}", command.join(" "));
    Ok(cmd!(shell, "sudo {command...}").run()?)
}

fn node() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let version = cmd!(shell, "node --version").quiet().read();
    let version = version.context("Node.js is missing: install version 20 or newer")?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node.js is {version}; version {OLDEST_NODE} or newer is needed.");
    }
    println!("Node.js: {version}");
    Ok(())
}

/// Installs a program into `target/tools`, not into the user's own folder.
pub(crate) fn cargo_tool(name: &str, version: &str) -> anyhow::Result<()> {
    let crates = fs::read_to_string("target/tools/.crates.toml").unwrap_or_default();
    if Path::new("target/tools/bin").join(name).exists() && crates.contains(&format!("\"{name} {version} ")) {
        println!("{name}: {version}");
        return Ok(());
    }
    let shell = Shell::new()?;
    // They run for seconds, so a fast build matters more than a fast program.
    let install = cmd!(shell, "cargo install --quiet --locked --force --debug --root target/tools {name}@{version}");
    Ok(without_clippy(install).env("CARGO_PROFILE_DEV_DEBUG", "0").run()?)
}
