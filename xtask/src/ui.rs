//! The web page inside the app: its packages and its build.

use std::fs;

use crate::steps::sh;

/// Installs the packages that the lock file names, unless they are there.
pub(crate) fn packages() -> anyhow::Result<()> {
    // npm leaves this copy of the lock file when an installation has ended well; ours says of which lock file.
    let mark = "ui/node_modules/.of-lock-file";
    let lock = fs::read_to_string("ui/package-lock.json")?;
    if fs::read_to_string(mark).is_ok_and(|of| of == lock) {
        println!("npm packages: all there");
        return Ok(());
    }
    println!("npm packages: installing what ui/package-lock.json names");
    npm(&["ci", "--no-fund", "--no-audit"])?;
    Ok(fs::write(mark, lock)?)
}

pub(crate) fn build() -> anyhow::Result<()> {
    npm(&["run", "--silent", "build"])
}

pub(crate) fn npm(arguments: &[&str]) -> anyhow::Result<()> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    sh(program, &[&["--prefix", "ui"], arguments].concat())
}
