//! What the machine must have. What is missing is named and, where it can be, installed.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, bail};

use crate::steps::{says_yes, sh};

/// To build the app and run it.
const TO_BUILD: &[&str] = &["build-essential", "pkg-config", "libwebkit2gtk-4.1-dev", "librsvg2-dev"];
/// To drive the app in a window that nobody sees, with a real credential store.
const TO_DRIVE: &[&str] = &[
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
/// To look at the screens in a browser.
const TO_LOOK: &[&str] = &["chromium"];
/// To run the backend's tests on its other database, and to call it by its own OpenAPI document.
const TO_ASK: &[&str] = &["postgresql", "python3-venv"];

/// To read the Kotlin of the Android project: its compiler runs on Java.
const TO_READ_KOTLIN: &[&str] = &["default-jre-headless"];

const TAURI_DRIVER: &str = "2.1.0";
const OLDEST_NODE: u32 = 20;

/// What the machine is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum For {
    Running,
    Driving,
    Testing,
}

/// Makes the machine ready, or says what a person has to do.
pub(crate) fn prepare(purpose: For) -> anyhow::Result<()> {
    packages(purpose)?;
    node()?;
    if purpose >= For::Driving {
        tool("tauri-driver", TAURI_DRIVER)?;
    }
    Ok(())
}

fn packages(purpose: For) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        if purpose >= For::Driving {
            bail!("The tests in a window run on Linux so far: tests/README.md says what there is for this system.");
        }
        return Ok(());
    }
    let mut wanted = TO_BUILD.to_vec();
    if purpose >= For::Driving {
        wanted.extend(TO_DRIVE);
    }
    if purpose >= For::Testing {
        wanted.extend(TO_LOOK);
        wanted.extend(TO_ASK);
        wanted.extend(TO_READ_KOTLIN);
    }
    debian(&wanted)
}

/// Installs what is missing of some Debian packages, or says what to install on another system.
pub(crate) fn debian(wanted: &[&str]) -> anyhow::Result<()> {
    if !says_yes("dpkg", &["--version"]) {
        // Not Debian: the library that everything here hangs on tells whether somebody has prepared the machine.
        if says_yes("pkg-config", &["--exists", "webkit2gtk-4.1"]) {
            return Ok(());
        }
        bail!(
            "This system has no apt. Install what stands for these Debian packages, then run the command again: {}",
            wanted.join(" ")
        );
    }
    let missing: Vec<_> = wanted.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        println!("Debian packages: all there");
        return Ok(());
    }
    println!("Debian packages to install: {}", missing.join(" "));
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
    let apt: &[&str] = if root { &["apt-get"] } else { &["sudo", "apt-get"] };
    if !says_yes(apt[0], &["--version"]) {
        bail!("They need root and there is no sudo. As root: apt-get install {}", missing.join(" "));
    }
    let run = |arguments: &[&str]| sh(apt[0], &[&apt[1..], arguments].concat());
    run(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(missing);
    run(&install)
}

fn installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]).output();
    query.is_ok_and(|query| query.stdout == b"installed")
}

fn node() -> anyhow::Result<()> {
    let version =
        Command::new("node").arg("--version").output().context("Node.js is missing: install version 20 or newer")?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major: u32 =
        version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < OLDEST_NODE {
        bail!("Node.js is {version}; this project needs version {OLDEST_NODE} or newer.");
    }
    println!("Node.js: {version}");
    Ok(())
}

/// A program that cargo builds, in `target/tools` so that the machine's own stay as they are.
pub(crate) fn tool(name: &str, version: &str) -> anyhow::Result<()> {
    if Path::new("target/tools/bin").join(name).exists() && kept_version(name).as_deref() == Some(version) {
        println!("{name}: {version}");
        return Ok(());
    }
    println!("{name}: installing {version} into target/tools");
    let wanted = format!("{name}@{version}");
    sh("cargo", &["install", "--quiet", "--locked", "--force", "--root", "target/tools", &wanted])
}

/// The version that cargo noted when it installed a tool.
fn kept_version(tool: &str) -> Option<String> {
    let noted = fs::read_to_string("target/tools/.crates.toml").ok()?;
    let line = noted.lines().find(|line| line.starts_with(&format!("\"{tool} ")))?;
    line.split(' ').nth(1).map(str::to_owned)
}
