//! Tells Tauri where the permissions are, and lets `cargo test` run without Node.

use std::{env, fs, path::Path};

fn main() {
    // The page is embedded in the program.
    println!("cargo::rerun-if-changed=ui/dist");
    // A placeholder for `cargo clippy` and the Rust tests; `cargo xtask` builds the real UI.
    let page = Path::new("ui/dist/index.html");
    if !page.exists() {
        let created = fs::create_dir_all("ui/dist")
            .and_then(|()| fs::write(page, "<!doctype html><title>Run `cargo xtask run` to build the UI</title>"));
        if let Err(error) = created {
            println!("cargo::warning=could not create {}: {error}", page.display());
        }
    }
    // MinGW would export every symbol, and a DLL can export 65,535.
    let target = |part| env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "windows" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-cdylib=-Wl,--exclude-all-symbols");
    }
    // Relative relocations are packed (RELR), which saves 0.4 MB. Needs glibc 2.36.
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let manifest = tauri_build::AppManifest::new().permissions_path_pattern("src-tauri/permissions/*.toml");
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        println!("cargo::error={error:#}");
    }
}
