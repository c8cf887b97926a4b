//! `cargo xtask bundle`: the packages that people install.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::{
    prerequisites::{self, Purpose, as_root},
    process::{succeeds, target_folder},
    steps::Steps,
    supply_chain, tools, ui,
};

const PACKAGE: &str = "flex-hrm-connect";
const PROGRAM: &str = "/usr/bin/flex-connect";
/// The packages and docs/install.md promise 2.36: Debian 12. A build on a newer system can need more.
const GLIBC: u32 = 36;

pub(crate) fn bundle() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.step("prerequisites of the machine", || prerequisites::prepare(Purpose::Running))?;
    steps.step("npm packages of the UI", ui::packages)?;
    steps.step("Tauri CLI", tools::install)?;
    let kinds = if cfg!(target_os = "linux") {
        "deb,rpm"
    } else if cfg!(target_os = "macos") {
        "app,dmg"
    } else {
        "nsis"
    };
    steps.step(kinds, || {
        let mut arguments = vec!["build", "--ci", "--bundles", kinds];
        // On macOS Tauri itself reads APPLE_SIGNING_IDENTITY and the like.
        let thumbprint = env::var("WINDOWS_CERTIFICATE_THUMBPRINT").ok().filter(|thumbprint| !thumbprint.is_empty());
        let signing = thumbprint
            .map(|thumbprint| format!(r#"{{"bundle":{{"windows":{{"certificateThumbprint":"{thumbprint}"}}}}}}"#));
        if let Some(signing) = &signing {
            arguments.extend(["--config", signing]);
        }
        tools::tauri(&arguments)
    })?;
    if cfg!(target_os = "linux") {
        steps.step("glibc", || {
            let newest = newest_glibc(&target_folder().join("release/flex-connect"))?;
            ensure!(newest <= GLIBC, "The program needs glibc 2.{newest}: build it on Debian 12.");
            Ok(())
        })?;
    }
    if cfg!(target_os = "linux") {
        // Needs linuxdeploy from GitHub, which not every machine can reach. The packages above are complete without it.
        if steps.step("AppImage", || tools::tauri(&["bundle", "--ci", "--bundles", "appimage"])).is_err() {
            println!("No AppImage: Tauri's bundler could not download its tools from GitHub.");
        }
    }
    steps.step("bill of materials", supply_chain::bill_of_materials)?;
    for file in packages()? {
        println!("{:>6.1} MB  {}", fs::metadata(&file)?.len() as f64 / 1e6, file.display());
    }
    Ok(())
}

/// Installs the newest .deb, runs the tests in a window against the installed program, and removes it.
pub(crate) fn check() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let mut steps = Steps::new();
    let debs = packages()?.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "deb"));
    let deb = debs.max_by_key(|file| fs::metadata(file).and_then(|data| data.modified()).ok());
    let deb = deb.context("there is no .deb yet: cargo xtask bundle")?.display().to_string();
    steps.step("prerequisites of the machine", || {
        prerequisites::prepare(Purpose::WindowTests)?;
        prerequisites::debian_packages(&["appstream", "desktop-file-utils"])
    })?;
    ensure!(
        !succeeds(cmd!(shell, "dpkg-query -W {PACKAGE}")),
        "{PACKAGE} is installed already. This command would remove it, so remove it yourself first."
    );
    steps.step("install", || as_root(&["apt-get", "install", "-y", "-qq", "--no-install-recommends", &deb]))?;
    let files = cmd!(shell, "dpkg -L {PACKAGE}").read()?;
    let metadata = steps.step("desktop entry and AppStream metadata", || {
        let file = |suffix: &str| files.lines().find(|file| file.ends_with(suffix)).context(suffix.to_owned());
        let (desktop, metainfo) = (file(".desktop")?, file(".metainfo.xml")?);
        cmd!(shell, "desktop-file-validate {desktop}").run()?;
        Ok(cmd!(shell, "appstreamcli validate --no-net {metainfo}").run()?)
    });
    let flow = steps.step("flow in the installed program", || {
        let test = cmd!(shell, "cargo test --workspace --quiet --test window -- e2e_flow::e2e::");
        Ok(test.env("FLEX_CONNECT_APP", PROGRAM).env("RUST_TEST_THREADS", "2").run()?)
    });
    // Also when a step above failed.
    steps.step("removal without leftovers", || {
        as_root(&["dpkg", "-P", PACKAGE])?;
        let ours = |file: &&str| file.contains("flex") || file.contains("Flex");
        let left: Vec<_> = files.lines().filter(ours).filter(|file| Path::new(file).exists()).collect();
        ensure!(left.is_empty(), "Left behind: {}", left.join(" "));
        Ok(())
    })?;
    metadata.and(flow)
}

/// The minor version of the newest glibc 2 whose symbols the program uses.
fn newest_glibc(program: &Path) -> anyhow::Result<u32> {
    let shell = Shell::new()?;
    let needs = cmd!(shell, "objdump -p {program}").quiet().read()?;
    let versions = needs.split_whitespace().filter_map(|word| word.strip_prefix("GLIBC_2."));
    let minors = versions.filter_map(|version| version.split('.').next()?.parse().ok());
    minors.max().context("objdump named no glibc")
}

fn packages() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for kind in fs::read_dir(target_folder().join("release/bundle")).into_iter().flatten() {
        for file in fs::read_dir(kind?.path())? {
            let file = file?.path();
            let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if ["deb", "rpm", "AppImage", "dmg", "exe"].contains(&extension) {
                found.push(file.canonicalize()?);
            }
        }
    }
    Ok(found)
}
