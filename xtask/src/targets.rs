//! `cargo xtask check-targets`: type-checks the whole app for other systems.
//!
//! Uses rustup's targets where they are installed, else a toolchain that `xtask/cross/toolchain.sh` prepares. The fake C
//! compiler `xtask/cross/cc.sh` makes empty objects, so this checks Rust's types and nothing that is linked.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use xshell::{Shell, cmd};

use crate::{
    prerequisites,
    process::{succeeds, target_folder},
    steps::Steps,
};

const TARGETS: [&str; 4] =
    ["aarch64-linux-android", "aarch64-apple-ios", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];

pub(crate) fn check() -> anyhow::Result<()> {
    ensure!(!cfg!(windows), "The fake C compiler is a shell script: run this on Linux or macOS.");
    let toolchain = Toolchain::find("check", &TARGETS)?;
    let mut steps = Steps::new();
    let mut failed = Vec::new();
    for target in TARGETS {
        // Check the other targets even when one fails.
        if let Err(error) = steps.step(target, || toolchain.check(target)) {
            println!("{error:#}");
            failed.push(target);
        }
    }
    ensure!(failed.is_empty(), "Type errors or warnings for {}", failed.join(", "));
    println!("\n{} targets type-check without warnings, in {} s.", TARGETS.len(), steps.seconds());
    Ok(())
}

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MINGW: &str = "x86_64-w64-mingw32-gcc";

/// Builds the tests of core and shell for Windows and runs them in Wine, with Wine's credential store, files and sockets. Wine
/// has no WebView2, so there is no window.
pub(crate) fn wine() -> anyhow::Result<()> {
    let shell = Shell::new()?;
    let mut steps = Steps::new();
    steps.step("prerequisites of the machine", || {
        prerequisites::debian_packages(&["gcc-mingw-w64-x86-64-win32", "wine", "wine64"])
    })?;
    // This one has to link.
    let toolchain = Toolchain::find("build", &[WINDOWS])?;
    let root = shell.current_dir();
    let folder = root.join("target/cross/wine");
    fs::create_dir_all(&folder)?;
    let shim = folder.join("bcryptprimitives.dll");
    cmd!(shell, "{MINGW} -shared -o {shim} xtask/cross/bcryptprimitives.c -ladvapi32").run()?;
    // Where Windows looks for DLLs: the one above, and WebView2's loader, which the build puts next to the programs.
    let built = root.join(target_folder()).join(WINDOWS).join("debug");
    let windows_path = |folder: &Path| format!("Z:{}", folder.display().to_string().replace('/', "\\"));
    let libraries = format!("{};{}", windows_path(&folder), windows_path(&built));
    let test = |arguments: &[&str]| -> anyhow::Result<()> {
        let cargo = toolchain.program("cargo");
        let packages = ["--package", "flex-connect", "--package", "flex-connect-core"];
        cmd!(shell, "{cargo} test --quiet --target {WINDOWS} {packages...} {arguments...}")
            .envs(toolchain.variables()?)
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", MINGW)
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", "wine")
            // A separate Wine prefix, without credentials.
            .env("WINEPREFIX", folder.join("prefix"))
            .env("WINEPATH", &libraries)
            .env("WINEDEBUG", "-all")
            .run()?;
        Ok(())
    };
    // Includes the test that writes to the system's credential store, which is ignored by default.
    steps.step("unit tests of core and shell", || test(&["--lib", "--", "--include-ignored"]))?;
    steps.step("core against the backend and network faults", || {
        test(&["--test", "core", "--", "flow::", "faults::"])
    })?;
    println!("\nPassed in Wine, in {} s.", steps.seconds());
    Ok(())
}

pub(crate) enum Toolchain {
    Rustup,
    /// The toolchain's folder.
    Prepared(PathBuf),
}

impl Toolchain {
    /// `mode`: `check` needs a standard library that can be read, `build` one that links.
    pub(crate) fn find(mode: &str, targets: &[&str]) -> anyhow::Result<Self> {
        let shell = Shell::new()?;
        let installed =
            cmd!(shell, "rustup target list --installed").quiet().ignore_stderr().read().unwrap_or_default();
        if targets.iter().all(|target| installed.lines().any(|line| line == *target)) {
            return Ok(Self::Rustup);
        }
        if !succeeds(cmd!(shell, "apt-get --version")) {
            bail!("Install the targets: rustup target add {}", targets.join(" "));
        }
        let folder = folder(mode)?;
        println!("rustup lacks some of the targets. Preparing a toolchain in {}", folder.display());
        cmd!(shell, "bash xtask/cross/toolchain.sh {folder} {targets...}").env("MODE", mode).run()?;
        Ok(Self::Prepared(folder))
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        match self {
            Self::Rustup => name.into(),
            Self::Prepared(folder) => folder.join("tc/bin").join(name),
        }
    }

    /// Environment variables that make cargo use this toolchain.
    pub(crate) fn variables(&self) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        let Self::Prepared(folder) = self else { return Ok(Vec::new()) };
        let toolchain = folder.join("tc");
        let bin = toolchain.join("bin");
        let path = env::join_paths([bin.clone()].into_iter().chain(env::split_paths(&env::var("PATH")?)))?;
        Ok(vec![
            ("PATH", path.into()),
            ("CARGO", bin.join("cargo")),
            ("RUSTC", bin.join("rustc")),
            // `cargo xtask` sets it to the installed toolchain's libraries, which include a standard library.
            ("LD_LIBRARY_PATH", toolchain.join("lib")),
            ("SYSROOT", toolchain),
        ])
    }

    fn check(&self, target: &str) -> anyhow::Result<()> {
        let shell = Shell::new()?;
        let root = shell.current_dir();
        // By its own name: `cargo clippy` looks in the user's folder first.
        let program = self.program(if matches!(self, Self::Rustup) { "cargo" } else { "cargo-clippy" });
        // Of the tests in a window, those that run on Windows too.
        let windows_tests = ["--lib", "--bins", "--test", "window"];
        let tests: &[_] = if target.contains("windows") { &windows_tests } else { &[] };
        let mut clippy =
            cmd!(shell, "{program} clippy --quiet --package flex-connect --target {target} {tests...} -- -D warnings")
                .envs(self.variables()?);
        if !(cfg!(target_os = "macos") && target.contains("apple")) {
            let name = target.replace('-', "_");
            for (tool, script) in [("CC", "cc.sh"), ("CXX", "cc.sh"), ("AR", "ar.sh")] {
                clippy = clippy.env(format!("{tool}_{name}"), root.join("xtask/cross").join(script));
            }
            if target.ends_with("-ios") {
                // Build scripts read the SDK folder's name. A check reads nothing in it.
                let sdk = root.join("target/cross/iPhoneOS.platform/Developer/SDKs/iPhoneOS.sdk");
                fs::create_dir_all(&sdk)?;
                clippy = clippy.env("SDKROOT", sdk);
            }
        }
        Ok(clippy.run()?)
    }
}

/// In `FLEX_CONNECT_CROSS` or the user's cache, one for each Rust release and mode.
fn folder(mode: &str) -> anyhow::Result<PathBuf> {
    let shell = Shell::new()?;
    let rustc = cmd!(shell, "rustc -vV").quiet().read()?;
    let release = rustc.lines().find_map(|line| line.strip_prefix("release: ")).context("rustc prints no release")?;
    Ok(cache()?.join(if mode == "check" { release.to_owned() } else { format!("{release}-{mode}") }))
}

/// For what is downloaded or built once for all checkouts.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    match env::var_os("FLEX_CONNECT_CROSS") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(env::home_dir().context("there is no home folder")?.join(".cache/flex-connect-cross")),
    }
}
