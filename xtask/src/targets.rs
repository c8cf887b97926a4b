//! `cargo xtask check-targets`: the whole app type-checked for the systems that this machine is not.
//!
//! rustup's targets where they are installed, else a toolchain that `xtask/cross/toolchain.sh` prepares. No C compiler of
//! another system is needed: `xtask/cross/cc.sh` stands in, so what passes here is Rust that type-checks, and no more.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, bail};

use crate::steps::{Steps, says_yes, sh, sh_with};

const TARGETS: [&str; 4] =
    ["aarch64-linux-android", "aarch64-apple-ios", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];

pub(crate) fn check() -> anyhow::Result<()> {
    if cfg!(windows) {
        bail!("The stand-in for a C compiler is a shell script: run this on Linux or macOS.");
    }
    let toolchain = Toolchain::ready()?;
    let mut steps = Steps::new();
    let mut red = Vec::new();
    for target in TARGETS {
        // Every system is heard, also when the one before is red.
        if let Err(error) = steps.step(target, || toolchain.check(target)) {
            println!("{error:#}");
            red.push(target);
        }
    }
    if red.is_empty() {
        println!("\n{} systems type-check without a warning, in {} s.", TARGETS.len(), steps.seconds());
        return Ok(());
    }
    bail!("Does not type-check for {}", red.join(", "))
}

/// What checks for other systems.
enum Toolchain {
    /// The installed one.
    Rustups,
    /// The prepared one, and where it is.
    Own(PathBuf),
}

impl Toolchain {
    fn ready() -> anyhow::Result<Self> {
        let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
        let installed = installed.map(|list| String::from_utf8_lossy(&list.stdout).into_owned()).unwrap_or_default();
        if TARGETS.iter().all(|target| installed.lines().any(|line| line == *target)) {
            println!("rustup has the targets.");
            return Ok(Self::Rustups);
        }
        if !says_yes("apt-get", &["--version"]) {
            bail!("Install the targets: rustup target add {}", TARGETS.join(" "));
        }
        let folder = folder()?;
        println!("rustup lacks some targets: {} has or gets what stands for them.", folder.display());
        let folder_name = folder.to_str().context("the folder's name is not UTF-8")?;
        sh("bash", &[&["xtask/cross/toolchain.sh", folder_name][..], &TARGETS].concat())?;
        Ok(Self::Own(folder))
    }

    fn check(&self, target: &str) -> anyhow::Result<()> {
        let root = env::current_dir()?.canonicalize()?;
        let name = target.replace('-', "_");
        let mut variables = Vec::new();
        let on_a_mac_for_one = cfg!(target_os = "macos") && target.contains("apple");
        if !on_a_mac_for_one {
            let stand_in = |script: &str| root.join("xtask/cross").join(script).display().to_string();
            variables.push((format!("CC_{name}"), stand_in("cc.sh")));
            variables.push((format!("CXX_{name}"), stand_in("cc.sh")));
            variables.push((format!("AR_{name}"), stand_in("ar.sh")));
            if target.ends_with("-ios") {
                // Build scripts read the name of an SDK's folder; what is in it nobody reads in a check.
                let sdk = root.join("target/cross/iPhoneOS.platform/Developer/SDKs/iPhoneOS.sdk");
                fs::create_dir_all(&sdk)?;
                variables.push(("SDKROOT".into(), sdk.display().to_string()));
            }
        }
        let mut cargo = "cargo".to_owned();
        if let Self::Own(folder) = self {
            let toolchain = folder.join("tc");
            let bin = toolchain.join("bin");
            let path = env::join_paths([bin.clone()].into_iter().chain(env::split_paths(&env::var("PATH")?)))?;
            cargo = bin.join("cargo-clippy").display().to_string();
            variables.push(("PATH".into(), path.to_string_lossy().into_owned()));
            variables.push(("CARGO".into(), bin.join("cargo").display().to_string()));
            variables.push(("RUSTC".into(), bin.join("rustc").display().to_string()));
            // `cargo xtask` runs with the installed toolchain's libraries first, and they bring their own standard library.
            variables.push(("LD_LIBRARY_PATH".into(), toolchain.join("lib").display().to_string()));
            variables.push(("SYSROOT".into(), toolchain.display().to_string()));
        }
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let arguments = ["clippy", "--quiet", "--package", "flex-connect", "--target", target, "--", "-D", "warnings"];
        sh_with(&cargo, &arguments, &variables)
    }
}

/// `FLEX_CONNECT_CROSS`, else in the user's cache; one folder for each release of Rust.
fn folder() -> anyhow::Result<PathBuf> {
    let rustc = Command::new("rustc").arg("-vV").output().context("rustc could not be started")?;
    let said = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let release = said.lines().find_map(|line| line.strip_prefix("release: ")).context("rustc names no release")?;
    let base = match env::var_os("FLEX_CONNECT_CROSS") {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir().context("there is no home folder")?.join(".cache/flex-connect-cross"),
    };
    Ok(base.join(release))
}
