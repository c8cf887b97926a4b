//! `cargo xtask bundle`: what people install.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    machine::{self, For},
    steps::{Steps, sh, sh_with, target_folder},
    supply, tools, ui,
};

const PACKAGE: &str = "flex-hrm-connect";
const PROGRAM: &str = "/usr/bin/flex-connect";

/// Builds the packages of this system.
pub(crate) fn bundle() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.step("the machine has what it needs", || machine::prepare(For::Running))?;
    steps.step("packages of the UI", ui::packages)?;
    steps.step("the Tauri CLI", tools::install)?;
    let kinds = if cfg!(target_os = "linux") {
        "deb,rpm"
    } else if cfg!(target_os = "macos") {
        "app,dmg"
    } else {
        "nsis"
    };
    steps.step(kinds, || {
        let mut arguments = vec!["build", "--ci", "--bundles", kinds];
        // macOS: Tauri itself reads APPLE_SIGNING_IDENTITY and its like.
        let thumbprint = env::var("WINDOWS_CERTIFICATE_THUMBPRINT").ok();
        let signing = thumbprint
            .map(|thumbprint| format!(r#"{{"bundle":{{"windows":{{"certificateThumbprint":"{thumbprint}"}}}}}}"#));
        if let Some(signing) = &signing {
            arguments.extend(["--config", signing]);
        }
        tools::tauri(&arguments)
    })?;
    if cfg!(target_os = "linux") {
        // It wants linuxdeploy from GitHub, which not every machine can reach; the packages above stand without it.
        if steps.step("AppImage", || tools::tauri(&["bundle", "--ci", "--bundles", "appimage"])).is_err() {
            println!("No AppImage: the bundler downloads its tools from GitHub, and that did not work here.");
        }
    }
    steps.step("the list of what is in it", supply::bill_of_materials)?;
    for file in made()? {
        println!("{:>6.1} MB  {}", fs::metadata(&file)?.len() as f64 / 1e6, file.display());
    }
    Ok(())
}

/// Installs the newest .deb, runs the main flow against the installed program, and removes it.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    let deb = made()?.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "deb"));
    let deb = deb.max_by_key(|file| fs::metadata(file).and_then(|data| data.modified()).ok());
    let deb = deb.context("there is no .deb yet: cargo xtask bundle")?.display().to_string();
    steps.step("the machine has what it needs", || {
        machine::prepare(For::Driving)?;
        machine::debian(&["appstream", "desktop-file-utils"])
    })?;
    if says("dpkg-query", &["-W", PACKAGE]).is_ok() {
        bail!("{PACKAGE} is installed on this machine already: remove it, so that nobody's own program is touched.");
    }
    steps.step("install", || root("apt-get", &["install", "-y", "-qq", "--no-install-recommends", &deb]))?;
    let files = says("dpkg", &["-L", PACKAGE])?;
    let described = steps.step("what the system's menus and shops read", || {
        let of =
            |kind: &str| files.lines().find(|file| file.ends_with(kind)).with_context(|| format!("no {kind} file"));
        sh("desktop-file-validate", &[of(".desktop")?])?;
        sh("appstreamcli", &["validate", "--no-net", of(".metainfo.xml")?])
    });
    let flow = steps.step("the main flow in the installed program", || {
        let tests = ["test", "--workspace", "--quiet", "--test", "flow", "--", "in_a_window", "linked"];
        sh_with("cargo", &tests, &[("FLEX_CONNECT_APP", PROGRAM), ("RUST_TEST_THREADS", "2")])
    });
    // Removed whatever the steps above said.
    steps.step("remove without leftovers", || {
        root("dpkg", &["-P", PACKAGE])?;
        let ours = |file: &&str| file.contains("flex") || file.contains("Flex");
        let left: Vec<_> = files.lines().filter(ours).filter(|file| Path::new(file).exists()).collect();
        if !left.is_empty() {
            bail!("Left behind: {}", left.join(" "));
        }
        Ok(())
    })?;
    described.and(flow)
}

fn made() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for kind in fs::read_dir(target_folder().join("release/bundle")).into_iter().flatten() {
        for file in fs::read_dir(kind?.path())? {
            let file = file?.path();
            if file
                .extension()
                .is_some_and(|kind| ["deb", "rpm", "AppImage", "dmg", "exe"].iter().any(|one| kind == *one))
            {
                found.push(file.canonicalize()?);
            }
        }
    }
    Ok(found)
}

fn root(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    if says("id", &["-u"])?.trim() == "0" {
        sh(program, arguments)
    } else {
        sh("sudo", &[&[program], arguments].concat())
    }
}

fn says(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("{program} is missing"))?;
    if !output.status.success() {
        bail!("{program} said no");
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
