//! `cargo xtask check-targets`: the whole app type-checked for the systems that this machine is not.
//!
//! rustup's targets where they are installed, else a toolchain that `xtask/cross/toolchain.sh` prepares. No C compiler of
//! another system is needed: `xtask/cross/cc.sh` stands in, so what passes here is Rust that type-checks, and no more.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, bail};

use crate::{
    machine,
    steps::{Steps, says_yes, sh, sh_with, target_folder},
};

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

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MINGW: &str = "x86_64-w64-mingw32-gcc";

/// Builds the tests of the core and of the shell for Windows and runs them in Wine: Windows' own credential store, files
/// and sockets, as far as Wine is Windows. There is no WebView2 in it, so no window.
pub(crate) fn wine() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps
        .step("the machine has what it needs", || machine::debian(&["gcc-mingw-w64-x86-64-win32", "wine", "wine64"]))?;
    let toolchain = Toolchain::that_links()?;
    let root = env::current_dir()?.canonicalize()?;
    let own = root.join("target/cross/wine");
    fs::create_dir_all(&own)?;
    let shim = own.join("bcryptprimitives.dll").display().to_string();
    sh(MINGW, &["-shared", "-o", &shim, "xtask/cross/bcryptprimitives.c", "-ladvapi32"])?;
    let prefix = own.join("prefix").display().to_string();
    // Where Windows looks for libraries: the one above, and WebView2's loader, which a build leaves beside the programs.
    let built = root.join(target_folder()).join(WINDOWS).join("debug");
    let libraries =
        [own, built].map(|folder| format!("Z:{}", folder.display().to_string().replace('/', "\\"))).join(";");
    let mut variables = toolchain.variables()?;
    variables.extend(
        [
            ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", MINGW),
            ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", "wine"),
            // A Windows of its own, where nobody's credentials are.
            ("WINEPREFIX", &prefix),
            ("WINEPATH", &libraries),
            ("WINEDEBUG", "-all"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let cargo = toolchain.program("cargo");
    let test = |what: &[&str]| {
        let both =
            ["test", "--quiet", "--target", WINDOWS, "--package", "flex-connect", "--package", "flex-connect-core"];
        sh_with(&cargo, &[&both, what].concat(), &variables)
    };
    // With the one that writes into the system's credential store: here it is nobody's.
    steps.step("what the core and the shell test by themselves", || test(&["--lib", "--", "--include-ignored"]))?;
    steps.step("the core against the backend and a bad network", || {
        test(&["--test", "flow", "--test", "faults", "--", "--skip", "in_a_window"])
    })?;
    println!("\nGreen in Wine, in {} s.", steps.seconds());
    Ok(())
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
        if rustup_has(&TARGETS) {
            println!("rustup has the targets.");
            return Ok(Self::Rustups);
        }
        Self::prepared("check", &TARGETS)
    }

    /// One whose library for Windows can be linked, and not only read.
    fn that_links() -> anyhow::Result<Self> {
        if rustup_has(&[WINDOWS]) { Ok(Self::Rustups) } else { Self::prepared("build", &[WINDOWS]) }
    }

    fn prepared(mode: &str, targets: &[&str]) -> anyhow::Result<Self> {
        if !says_yes("apt-get", &["--version"]) {
            bail!("Install the targets: rustup target add {}", targets.join(" "));
        }
        let folder = folder(mode)?;
        println!("rustup lacks some targets: {} has or gets what stands for them.", folder.display());
        let folder_name = folder.to_str().context("the folder's name is not UTF-8")?;
        sh_with("bash", &[&["xtask/cross/toolchain.sh", folder_name][..], targets].concat(), &[("MODE", mode)])?;
        Ok(Self::Own(folder))
    }

    fn program(&self, name: &str) -> String {
        match self {
            Self::Rustups => name.to_owned(),
            Self::Own(folder) => folder.join("tc/bin").join(name).display().to_string(),
        }
    }

    /// What makes cargo take this toolchain and no other.
    fn variables(&self) -> anyhow::Result<Vec<(String, String)>> {
        let Self::Own(folder) = self else { return Ok(Vec::new()) };
        let toolchain = folder.join("tc");
        let bin = toolchain.join("bin");
        let path = env::join_paths([bin.clone()].into_iter().chain(env::split_paths(&env::var("PATH")?)))?;
        Ok(vec![
            ("PATH".into(), path.to_string_lossy().into_owned()),
            ("CARGO".into(), bin.join("cargo").display().to_string()),
            ("RUSTC".into(), bin.join("rustc").display().to_string()),
            // `cargo xtask` runs with the installed toolchain's libraries first, and they bring their own standard library.
            ("LD_LIBRARY_PATH".into(), toolchain.join("lib").display().to_string()),
            ("SYSROOT".into(), toolchain.display().to_string()),
        ])
    }

    fn check(&self, target: &str) -> anyhow::Result<()> {
        let root = env::current_dir()?.canonicalize()?;
        let name = target.replace('-', "_");
        let mut variables = self.variables()?;
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
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut arguments = vec!["clippy", "--quiet", "--package", "flex-connect", "--target", target];
        if target.contains("windows") {
            // Of the tests in a window these run there too.
            arguments.extend(["--lib", "--bins", "--test", "flow", "--test", "kills"]);
        }
        arguments.extend(["--", "-D", "warnings"]);
        // Asked for by its own name: `cargo clippy` would look for it in the user's folder first.
        match self {
            Self::Rustups => sh_with("cargo", &arguments, &variables),
            Self::Own(_) => sh_with(&self.program("cargo-clippy"), &arguments, &variables),
        }
    }
}

fn rustup_has(targets: &[&str]) -> bool {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed = installed.map(|list| String::from_utf8_lossy(&list.stdout).into_owned()).unwrap_or_default();
    targets.iter().all(|target| installed.lines().any(|line| line == *target))
}

/// `FLEX_CONNECT_CROSS`, else in the user's cache; one folder for each release of Rust, and for each use.
fn folder(mode: &str) -> anyhow::Result<PathBuf> {
    let rustc = Command::new("rustc").arg("-vV").output().context("rustc could not be started")?;
    let said = String::from_utf8_lossy(&rustc.stdout).into_owned();
    let release = said.lines().find_map(|line| line.strip_prefix("release: ")).context("rustc names no release")?;
    let base = match env::var_os("FLEX_CONNECT_CROSS") {
        Some(folder) => PathBuf::from(folder),
        None => env::home_dir().context("there is no home folder")?.join(".cache/flex-connect-cross"),
    };
    Ok(base.join(if mode == "check" { release.to_owned() } else { format!("{release}-{mode}") }))
}
