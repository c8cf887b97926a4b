//! The temporary folder of a demo.

use std::ops::Deref;
use std::time::{Duration, Instant};
use std::{fs, thread};

use tempfile::TempDir;

/// A task of the demo may still write to it when the test ends. A new file between the deletion of the files and of the folder
/// would keep it, so it is removed until it is gone.
pub struct DemoFolder(TempDir);

impl DemoFolder {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Deref for DemoFolder {
    type Target = TempDir;

    fn deref(&self) -> &TempDir {
        &self.0
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        let began = Instant::now();
        while self.path().exists()
            && fs::remove_dir_all(self.path()).is_err()
            && began.elapsed() < Duration::from_secs(5)
        {
            thread::sleep(Duration::from_millis(10));
        }
    }
}
