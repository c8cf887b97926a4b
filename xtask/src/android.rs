//! `cargo xtask check-targets --link-android`: links the app's library for phones and reads what came out.
//!
//! Without an NDK: Debian's clang and lld link it against stubs of the system's libraries, made from
//! `xtask/android-symbols.txt`. A function that is not in that list does not link until its level is looked up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};
use xshell::{Shell, cmd};

use crate::{prerequisites, process::target_folder, steps::Steps, targets::Toolchain, ui};

const TARGET: &str = "aarch64-linux-android";
const SYMBOLS: &str = "xtask/android-symbols.txt";
/// Of the stripped library, in bytes.
const MAX_SIZE: usize = 6_500_000;
/// Google Play requires it: newer devices have memory pages of 16 KB.
const PAGE: u64 = 16 * 1024;
/// For apps without Tauri. Here tao makes what it would make, and no Kotlin calls it.
const NOT_CALLED: &str = "Java_io_crates_keyring_Keyring_00024Companion_initializeNdkContext";

pub(crate) fn link() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps
        .step("prerequisites of the machine", || prerequisites::debian_packages(&["clang-19", "lld-19", "llvm-19"]))?;
    steps.step("npm packages of the UI", ui::packages)?;
    steps.step("build of the UI", ui::build)?;
    let list = fs::read_to_string(SYMBOLS)?;
    let symbols = symbols(&list)?;
    let min_sdk = min_sdk()?;
    let clang_target = format!("{TARGET}{min_sdk}");
    let stubs = target_folder().join("cross/android-stubs");
    steps.step("stubs of Android's libraries", || make_stubs(&symbols, &clang_target, &stubs))?;
    steps.step("release build and link", || {
        let toolchain = Toolchain::find("build", &[TARGET])?;
        let cargo = toolchain.program("cargo");
        let shell = Shell::new()?;
        let library = ["--package", "flex-connect", "--lib", "--crate-type", "cdylib"];
        let build = cmd!(shell, "{cargo} rustc --quiet --locked --release --target {TARGET} {library...}")
            .envs(toolchain.variables()?)
            .env("CARGO_TARGET_AARCH64_LINUX_ANDROID_LINKER", shell.current_dir().join("xtask/cross/android-linker.sh"))
            .env("ANDROID_CLANG_TARGET", &clang_target)
            .env("ANDROID_STUBS", stubs.canonicalize()?)
            .env("CC_aarch64_linux_android", "clang-19")
            .env("AR_aarch64_linux_android", "llvm-ar-19")
            // ring has the only C, which needs no headers of the system.
            .env(
                "CFLAGS_aarch64_linux_android",
                format!("--target={clang_target} -nostdlibinc -DRING_CORE_NOSTDLIBINC=1"),
            );
        Ok(build.run()?)
    })?;
    let file = target_folder().join(TARGET).join("release/libflex_connect_lib.so");
    steps.step("what the linker made", || report(&file, Some((&symbols, min_sdk))))?;
    println!("\nLinked for {TARGET}, API {min_sdk}, in {} s.", steps.seconds());
    Ok(())
}

/// Checks a library that the NDK linked. The NDK has only the functions of the oldest Android, so they are not checked again.
pub(crate) fn check_library(file: &Path) -> anyhow::Result<()> {
    report(file, None)
}

fn report(file: &Path, levels: Option<(&[Symbol<'_>], u32)>) -> anyhow::Result<()> {
    let library = Library::read(&fs::read(file)?)?;
    let kotlin = native_functions_of_the_packages()?;
    let mut problems = problems(&library, &kotlin);
    if let Some((symbols, min_sdk)) = levels {
        problems.extend(too_new(&library.imports, symbols, min_sdk));
    }
    let Library { size, imports, needed, .. } = &library;
    println!("{size} bytes, {} imports from {}, {} native functions", imports.len(), needed.join(", "), kotlin.len());
    ensure!(problems.is_empty(), "{}:\n{}", file.display(), problems.join("\n"));
    Ok(())
}

/// A line of the list: the library, the function, and since which API level Android has it.
#[derive(Debug, PartialEq)]
struct Symbol<'a> {
    library: &'a str,
    name: &'a str,
    /// None for a library that the NDK links into the app.
    level: Option<u32>,
}

fn symbols(list: &str) -> anyhow::Result<Vec<Symbol<'_>>> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(symbol).collect()
}

fn symbol(line: &str) -> anyhow::Result<Symbol<'_>> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        [library, name, "static"] => Ok(Symbol { library, name, level: None }),
        [library, name, level] => Ok(Symbol { library, name, level: Some(level.parse()?) }),
        _ => bail!("{SYMBOLS}: {line}"),
    }
}

fn min_sdk() -> anyhow::Result<u32> {
    let config: serde_json::Value = serde_json::from_str(&fs::read_to_string("tauri.conf.json")?)?;
    let min_sdk =
        config["bundle"]["android"]["minSdkVersion"].as_u64().context("tauri.conf.json has no minSdkVersion")?;
    Ok(min_sdk.try_into()?)
}

fn make_stubs(symbols: &[Symbol<'_>], clang_target: &str, folder: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.remove_path(folder)?;
    shell.create_dir(folder)?;
    let mut libraries = BTreeMap::<_, Vec<_>>::new();
    for symbol in symbols {
        libraries.entry((symbol.library, symbol.level.is_none())).or_default().push(symbol.name);
    }
    for ((library, is_static), names) in libraries {
        let file = |extension: &str| folder.join(format!("lib{library}.{extension}"));
        let (source, object, archive, shared) = (file("s"), file("o"), file("a"), file("so"));
        let functions = names.iter().map(|name| format!(".globl {name}\n.type {name},%function\n{name}: ret\n"));
        fs::write(&source, functions.collect::<String>())?;
        if is_static {
            cmd!(shell, "clang-19 --target={clang_target} -c {source} -o {object}").quiet().run()?;
            cmd!(shell, "llvm-ar-19 rcs {archive} {object}").quiet().run()?;
        } else {
            let soname = format!("-Wl,-soname,lib{library}.so");
            cmd!(
                shell,
                "clang-19 --target={clang_target} -fuse-ld=lld -nostdlib -shared {soname} {source} -o {shared}"
            )
            .quiet()
            .run()?;
        }
        println!("lib{library}: {} functions", names.len());
    }
    Ok(())
}

/// What is read of a shared library.
#[derive(Debug, Default)]
struct Library {
    size: usize,
    imports: Vec<Import>,
    exports: BTreeSet<String>,
    needed: Vec<String>,
    load_alignments: Vec<u64>,
}

#[derive(Debug)]
struct Import {
    name: String,
    /// The library starts without it.
    is_weak: bool,
}

impl Library {
    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let file = object::File::parse(bytes)?;
        let mut library = Self { size: bytes.len(), ..Self::default() };
        for symbol in file.dynamic_symbols() {
            let name = symbol.name()?.to_owned();
            if symbol.is_undefined() {
                library.imports.push(Import { name, is_weak: symbol.is_weak() });
            } else if symbol.is_global() {
                library.exports.insert(name);
            }
        }
        for needed in file.import_libraries()? {
            library.needed.push(String::from_utf8(needed?.name().to_owned())?);
        }
        library.needed.sort();
        library.load_alignments = file.segments().map(|segment| segment.align()).collect();
        Ok(library)
    }
}

/// The libraries of Android that the app uses, and no other.
const NEEDED: [&str; 5] = ["libandroid.so", "libc.so", "libdl.so", "liblog.so", "libm.so"];

/// What Google Play or the app's Kotlin would refuse, or what nobody expects.
fn problems(library: &Library, native_functions: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    if library.size > MAX_SIZE {
        problems.push(format!("{} bytes, of at most {MAX_SIZE}", library.size));
    }
    if library.needed != NEEDED {
        problems.push(format!("needs {:?} instead of {NEEDED:?}", library.needed));
    }
    if library.load_alignments.is_empty() || library.load_alignments.iter().any(|align| align % PAGE != 0) {
        problems.push(format!("segments are aligned to {:?} bytes instead of {PAGE}", library.load_alignments));
    }
    let exported: BTreeSet<_> = library.exports.iter().filter(|name| name.starts_with("Java_")).cloned().collect();
    for name in native_functions.difference(&exported) {
        problems.push(format!("Kotlin calls {name}, which is not exported"));
    }
    for name in exported.difference(native_functions).filter(|name| *name != NOT_CALLED) {
        problems.push(format!("{name} is exported, and no Kotlin calls it"));
    }
    problems
}

/// With one of these the library does not start on the oldest Android.
fn too_new(imports: &[Import], symbols: &[Symbol<'_>], min_sdk: u32) -> Vec<String> {
    let level = |name: &str| symbols.iter().find(|symbol| symbol.name == name).and_then(|symbol| symbol.level);
    let problem = |Import { name, is_weak }: &Import| match level(name) {
        None => Some(format!("{name}: look up its level, and add it to {SYMBOLS}")),
        Some(level) if level > min_sdk && !is_weak => {
            Some(format!("{name} is in Android since API {level}, and the app promises {min_sdk}"))
        }
        Some(_) => None,
    };
    imports.iter().filter_map(problem).collect()
}

/// The names that JNI gives to every `external fun` of the Kotlin that Tauri, wry and the plugins bring.
fn native_functions_of_the_packages() -> anyhow::Result<BTreeSet<String>> {
    let config: serde_json::Value = serde_json::from_str(&fs::read_to_string("tauri.conf.json")?)?;
    let package = config["identifier"].as_str().context("tauri.conf.json has no identifier")?;
    let mut functions = BTreeSet::new();
    for (_, crate_folder) in crates()? {
        for folder in ["src/android/kotlin", "mobile/android/src/main", "mobile/android-codegen", "android/src/main"] {
            for file in kotlin_files(&crate_folder.join(folder)) {
                // wry's are templates.
                let source = fs::read_to_string(&file)?.replace("{{package}}", package);
                let class = file.file_stem().and_then(|stem| stem.to_str()).context("a file without a name")?;
                functions.extend(native_functions(class, &source));
            }
        }
    }
    ensure!(!functions.is_empty(), "No Kotlin of Tauri was found.");
    Ok(functions)
}

/// The crates of the app on Android, with the folders of their sources.
pub(crate) fn crates() -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let shell = Shell::new()?;
    let metadata =
        cmd!(shell, "cargo metadata --format-version 1 --locked --filter-platform {TARGET}").quiet().read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let folder = |package: &serde_json::Value| -> Option<(String, PathBuf)> {
        let manifest = Path::new(package["manifest_path"].as_str()?);
        Some((package["name"].as_str()?.to_owned(), manifest.parent()?.to_owned()))
    };
    packages.iter().map(|package| folder(package).context("a package without a name or a manifest")).collect()
}

fn kotlin_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = paths.flat_map(|path| if path.is_dir() { kotlin_files(&path) } else { vec![path] });
    files.filter(|file| file.extension().is_some_and(|extension| extension == "kt")).collect()
}

fn native_functions(class: &str, kotlin: &str) -> Vec<String> {
    let package = kotlin.lines().find_map(|line| line.strip_prefix("package ")).unwrap_or_default().trim();
    let names = kotlin.split("external fun ").skip(1).filter_map(|rest| rest.split('(').next());
    names.map(|name| format!("Java_{}_{}", jni(&format!("{package}.{class}")), jni(name))).collect()
}

fn jni(name: &str) -> String {
    name.replace('_', "_1").replace('.', "_")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CREATE: &str = "Java_app_flexconnect_employee_Rust_onCreate";

    fn good() -> (Library, BTreeSet<String>) {
        let library = Library {
            size: MAX_SIZE,
            imports: Vec::new(),
            exports: [CREATE, NOT_CALLED, "ffi_of_rust"].map(str::to_owned).into(),
            needed: NEEDED.map(str::to_owned).into(),
            load_alignments: vec![PAGE, 4 * PAGE],
        };
        (library, [CREATE.to_owned()].into())
    }

    /// What is said about the good library after one change.
    fn said(change: impl FnOnce(&mut Library)) -> String {
        let (mut library, kotlin) = good();
        change(&mut library);
        problems(&library, &kotlin).join("\n")
    }

    fn said_of(name: &str, is_weak: bool) -> String {
        let list =
            symbols("# comment\nc read 21\n\nc nl_langinfo 26\nc memfd_create 30\nunwind _Unwind_Resume static\n");
        too_new(&[Import { name: name.into(), is_weak }], &list.unwrap(), 26).join("\n")
    }

    #[test]
    fn a_library_as_expected_has_no_problem() {
        assert_eq!(said(|_| ()), "");
    }

    #[test]
    fn a_segment_for_pages_of_4_kb_is_refused() {
        assert!(said(|library| library.load_alignments.push(4096)).contains("aligned to [16384, 65536, 4096]"));
        assert!(said(|library| library.load_alignments.clear()).contains("aligned to []"));
    }

    #[test]
    fn a_missing_native_function_is_refused() {
        let missing = said(|library| _ = library.exports.remove(CREATE));
        assert_eq!(missing, format!("Kotlin calls {CREATE}, which is not exported"));
    }

    #[test]
    fn a_native_function_that_nothing_calls_is_refused() {
        let said = said(|library| _ = library.exports.insert("Java_app_Old_gone".into()));
        assert_eq!(said, "Java_app_Old_gone is exported, and no Kotlin calls it");
    }

    #[test]
    fn another_library_and_a_larger_size_are_refused() {
        assert!(said(|library| library.needed.push("libunwind.so".into())).contains("\"libunwind.so\"] instead of"));
        assert!(said(|library| library.size += 1).contains("6500001 bytes"));
    }

    #[test]
    fn a_function_newer_than_the_oldest_android_is_refused() {
        assert_eq!(said_of("memfd_create", false), "memfd_create is in Android since API 30, and the app promises 26");
        for (name, is_weak) in [("memfd_create", true), ("nl_langinfo", false), ("read", false)] {
            assert_eq!(said_of(name, is_weak), "", "{name}");
        }
    }

    #[test]
    fn a_function_of_unknown_level_is_refused() {
        for is_weak in [false, true] {
            assert!(said_of("statx", is_weak).contains("statx: look up its level"));
        }
        assert!(said_of("_Unwind_Resume", false).contains("look up"), "the NDK links it into the app");
        assert!(symbols("c read").is_err() && symbols("c read new").is_err());
    }

    #[test]
    fn native_functions_have_the_names_that_jni_looks_for() {
        let kotlin = "package app.flex_connect\n\nobject Rust {\n  @JvmStatic external fun onCreate(a: A)\n  \
                      private external fun on_eval(id: Int): String?\n  fun ours() {}\n}\n";
        let wanted = ["Java_app_flex_1connect_Rust_onCreate", "Java_app_flex_1connect_Rust_on_1eval"];
        assert_eq!(native_functions("Rust", kotlin), wanted);
    }

    /// This test's own program has pages of 4 KB and needs the C library.
    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn a_linked_program_is_read() {
        let library = Library::read(&fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert!(library.needed.contains(&"libc.so.6".to_owned()), "{:?}", library.needed);
        assert!(library.load_alignments.contains(&4096), "{:?}", library.load_alignments);
        let import = |name: &str| library.imports.iter().find(|import| import.name == name);
        assert!(!import("write").unwrap().is_weak && import("__cxa_finalize").unwrap().is_weak);
    }
}
