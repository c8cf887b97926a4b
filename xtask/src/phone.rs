//! The phone edition by touch, in the engines of Android's web view (`ui/phone`).

use xshell::{Shell, cmd};

use crate::{
    prerequisites, report,
    ui::{self, NPM},
};

/// The oldest engine that is promised.
const OLDEST: &str = "chromium-88";
const ALL: &str = "chromium-88,chromium-92,chromium-103,chromium,wpe-webkit";
/// WebKit as in Safari 16.0.
const WPE_WEBKIT: &[&str] = &["wpewebkit-driver", "libwpewebkit-1.1-0"];

/// The engines: npm packages of about 50 MB each.
pub(crate) fn engines() -> anyhow::Result<()> {
    ui::packages_of("tests/phone", "package-lock.json", "ci")
}

pub(crate) fn oldest() -> anyhow::Result<()> {
    by_touch(OLDEST)
}

pub(crate) fn all() -> anyhow::Result<()> {
    prerequisites::debian_packages(WPE_WEBKIT)?;
    by_touch(ALL)
}

fn by_touch(engines: &str) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    // The whole workspace: a subset would select other features of the dependencies and rebuild them.
    cmd!(shell, "cargo build --workspace --quiet --example phone").run()?;
    report::make_folder()?;
    let test = cmd!(shell, "{NPM} --prefix ui run --silent phone").env("ENGINES", engines).run();
    // Write the report even when tests fail.
    report::write()?;
    Ok(test?)
}
