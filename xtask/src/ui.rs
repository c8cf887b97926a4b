//! The web page inside the app: its packages and its build.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::bail;

use crate::steps::sh;

/// Installs the packages that the lock file names, unless they are there.
pub(crate) fn packages() -> anyhow::Result<()> {
    packages_of("ui", "package-lock.json", "ci")
}

/// The same for any folder, by the file that names the versions.
pub(crate) fn packages_of(folder: &str, names: &str, install: &str) -> anyhow::Result<()> {
    // npm leaves a copy of the lock file when an installation has ended well; ours says of which one.
    let mark = format!("{folder}/node_modules/.of-lock-file");
    let wanted = fs::read_to_string(format!("{folder}/{names}"))?;
    if fs::read_to_string(&mark).is_ok_and(|of| of == wanted) {
        println!("npm packages: all there");
        return Ok(());
    }
    println!("npm packages: installing what {folder}/{names} names");
    npm_in(folder, &[install, "--no-fund", "--no-audit"])?;
    Ok(fs::write(mark, wanted)?)
}

pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

pub(crate) fn build() -> anyhow::Result<()> {
    npm(&["run", "--silent", "build"])
}

/// Builds the UI twice, and compares: what a release holds can be made again from its sources.
pub(crate) fn same_bytes_twice() -> anyhow::Result<()> {
    let [first, second] = ["target/ui-once", "target/ui-again"];
    for folder in [first, second] {
        let out = format!("../{folder}");
        npm(&["run", "--silent", "build", "--", "--logLevel", "error", "--emptyOutDir", "--outDir", &out])?;
    }
    let (once, again) = (bytes_below(Path::new(first))?, bytes_below(Path::new(second))?);
    if once.is_empty() || once != again {
        bail!("The UI built twice is not the same: compare {first} and {second}");
    }
    println!("{} files, the same bytes", once.len());
    Ok(())
}

fn bytes_below(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

pub(crate) fn npm(arguments: &[&str]) -> anyhow::Result<()> {
    npm_in("ui", arguments)
}

fn npm_in(folder: &str, arguments: &[&str]) -> anyhow::Result<()> {
    sh(NPM, &[&["--prefix", folder], arguments].concat())
}
