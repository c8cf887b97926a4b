//! Tells Tauri where the permissions are, and makes `cargo test` possible without Node.

use std::{env, fs, path::Path};

fn main() {
    // The page is built into the program: a new page is a new program.
    println!("cargo::rerun-if-changed=ui/dist");
    // `cargo clippy` and the Rust tests compile the app without the UI; only `cargo xtask` builds the real one.
    let page = Path::new("ui/dist/index.html");
    if !page.exists() {
        let made = fs::create_dir_all("ui/dist")
            .and_then(|()| fs::write(page, "<!doctype html><title>Run `cargo xtask run` to build the UI</title>"));
        if let Err(error) = made {
            println!("cargo::warning=could not make {}: {error}", page.display());
        }
    }
    // mingw would export every symbol of the library, and a DLL has room for 65,535.
    let target = |part| env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "windows" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-cdylib=-Wl,--exclude-all-symbols");
    }
    // The addresses that a program corrects when it starts, packed: 0.4 MB less. glibc knows them since 2.36.
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let manifest = tauri_build::AppManifest::new().permissions_path_pattern("src-tauri/permissions/*.toml");
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        println!("cargo::error={error:#}");
    }
}
