//! `cargo xtask breakages`: small ways to break the product, one by one in a copy; a test must notice each.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::{
    machine::{self, For},
    steps::{Steps, sh_with},
    ui::{self, NPM},
};

const CARGO_MUTANTS: &str = "27.1.0";
const LIST: &str = "tests/breakages.toml";
/// What is built of the copy stays beside it, so that this tree's own programs are never broken ones.
const FOLDER: &str = "target/breakages";

#[derive(Deserialize)]
struct List {
    breakage: Vec<Breakage>,
}

#[derive(Deserialize)]
struct Breakage {
    what: String,
    file: String,
    from: String,
    to: String,
    #[serde(rename = "in")]
    program: String,
    #[serde(default)]
    test: String,
}

fn list() -> anyhow::Result<Vec<Breakage>> {
    let list: List = toml::from_str(&fs::read_to_string(LIST)?).context(LIST)?;
    Ok(list.breakage)
}

pub(crate) fn breakages(only: Option<&str>) -> anyhow::Result<()> {
    let mut list = list()?;
    list.retain(|one| only.is_none_or(|only| one.what.contains(only)));
    ensure!(!list.is_empty(), "No breakage has that in its words: see {LIST}");
    let mut steps = Steps::new();
    steps.step("the machine has what it needs", || machine::prepare(For::Testing))?;
    steps.step("packages of the UI", ui::packages)?;
    let mut copy = None;
    steps.step("a copy of the project", || {
        copy = Some(Copy::new()?);
        Ok(())
    })?;
    let copy = copy.context("there is no copy")?;
    steps.step("every one of these tests is green before", || {
        let mut programs: Vec<_> = list.iter().map(|one| one.program.as_str()).collect();
        programs.sort_unstable();
        programs.dedup();
        for program in programs {
            let tests: Vec<_> = list.iter().filter(|one| one.program == program).map(|one| one.test.as_str()).collect();
            let said = copy.run(program, &tests)?;
            ensure!(said.is_green, "{program} is red before anything was broken:\n{}", said.text);
        }
        Ok(())
    })?;
    let mut unnoticed = Vec::new();
    for one in &list {
        steps.step(&one.what, || {
            let noticed = copy.broken(one)?;
            println!("{}", if noticed { "noticed" } else { "NOT NOTICED" });
            if !noticed {
                unnoticed.push(one.what.as_str());
            }
            Ok(())
        })?;
    }
    if unnoticed.is_empty() {
        println!("\nNoticed, each of them: {}, in {} s.", list.len(), steps.seconds());
        return Ok(());
    }
    bail!("No test noticed: {}", unnoticed.join(" · "))
}

/// Breaks the pure rules in every small way that cargo-mutants knows; the tests beside them must notice. Which rules, and
/// what does not matter and why: `.cargo/mutants.toml`.
pub(crate) fn mutants() -> anyhow::Result<()> {
    machine::tool("cargo-mutants", CARGO_MUTANTS)?;
    // It works in copies of its own; what they are built of is the same as for the list's copy.
    let target = env::current_dir()?.canonicalize()?.join(FOLDER).join("target").display().to_string();
    let options = ["mutants", "--workspace", "--output", "target", "--no-shuffle", "--colors", "never"];
    sh_with("target/tools/bin/cargo-mutants", &options, &[("CARGO_TARGET_DIR", &target)])
}

/// The project as it stands here, uncommitted changes included.
struct Copy {
    folder: PathBuf,
    target: PathBuf,
    path: std::ffi::OsString,
}

struct Said {
    is_green: bool,
    text: String,
}

impl Copy {
    fn new() -> anyhow::Result<Self> {
        let here = env::current_dir()?.canonicalize()?;
        let folder = here.join(FOLDER).join("copy");
        let listed =
            Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).output();
        let listed = String::from_utf8(listed.context("git could not be started")?.stdout)?;
        // What was there in an earlier copy and is no more.
        let list = here.join(FOLDER).join("files");
        for name in fs::read_to_string(&list).unwrap_or_default().split('\0') {
            if !name.is_empty() && !listed.split('\0').any(|one| one == name) {
                fs::remove_file(folder.join(name)).ok();
            }
        }
        for name in listed.split('\0').filter(|name| !name.is_empty()) {
            let (from, to) = (here.join(name), folder.join(name));
            // Unchanged files keep their time, so that nothing is built twice.
            let (Ok(new), old) = (fs::read(&from), fs::read(&to)) else { continue };
            if old.is_ok_and(|old| old == new) {
                continue;
            }
            fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
            fs::copy(&from, &to)?;
        }
        fs::write(list, &listed)?;
        let packages = folder.join("ui/node_modules");
        if !packages.exists() {
            link(&here.join("ui/node_modules"), &packages)?;
        }
        let tools = here.join("target/tools/bin");
        let path =
            env::join_paths([tools].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())))?;
        let copy = Self { folder, target: here.join(FOLDER).join("target"), path };
        copy.must(NPM, &["--prefix", "ui", "run", "--silent", "build"])?;
        Ok(copy)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Said> {
        let done = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("PATH", &self.path)
            .env("RUST_TEST_THREADS", "2")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{program} could not be started"))?;
        let text = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        Ok(Said { is_green: done.status.success(), text })
    }

    fn must(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let said = self.command(program, arguments)?;
        ensure!(said.is_green, "{program} {}:\n{}", arguments.join(" "), said.text);
        Ok(())
    }

    /// Runs some tests of a program. What does not compile is no test that noticed.
    fn run(&self, program: &str, tests: &[&str]) -> anyhow::Result<Said> {
        match program {
            "ui check" => self.command(NPM, &["--prefix", "ui", "run", "--silent", "check"]),
            "ui" => {
                // A pattern for vitest; only these signs of ours mean something in one.
                let names: Vec<_> = tests.iter().map(|name| name.replace('.', "\\.")).collect();
                let names = format!("({})$", names.join("|"));
                self.command(NPM, &["--prefix", "ui", "run", "--silent", "test", "--", "-t", &names])
            }
            cargo => {
                let mut arguments = vec!["test", "--quiet", "--package"];
                arguments.extend(cargo.split(' '));
                self.must("cargo", &[&arguments, &["--no-run"][..]].concat())?;
                arguments.push("--");
                arguments.extend(tests);
                self.command("cargo", &arguments)
            }
        }
    }

    /// Breaks, looks whether the test notices, and mends again.
    fn broken(&self, one: &Breakage) -> anyhow::Result<bool> {
        let file = self.folder.join(&one.file);
        let whole = fs::read_to_string(&file).with_context(|| one.file.clone())?;
        fs::write(&file, whole.replacen(&one.from, &one.to, 1))?;
        let seen = self.seen(one);
        fs::write(&file, whole)?;
        seen
    }

    fn seen(&self, one: &Breakage) -> anyhow::Result<bool> {
        let reaches_the_window = one.file.starts_with("ui/") && !one.program.starts_with("ui");
        if reaches_the_window {
            self.must(NPM, &["--prefix", "ui", "run", "--silent", "build"])?;
        }
        let said = self.run(&one.program, &[&one.test])?;
        if !said.is_green && !said.text.contains(&one.test) {
            bail!("It failed for another reason:\n{}", said.text);
        }
        Ok(!said.is_green)
    }
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(windows)]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_dir(from, to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    #[test]
    fn each_breakage_breaks_one_place_that_is_there() {
        std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
        let list = super::list().unwrap();
        assert!(list.len() >= 25, "{}", list.len());
        for one in list {
            let text = fs::read_to_string(&one.file).unwrap();
            assert_eq!(text.matches(&one.from).count(), 1, "{}: {:?} in {}", one.what, one.from, one.file);
            assert_ne!(one.from, one.to, "{}", one.what);
        }
    }
}
