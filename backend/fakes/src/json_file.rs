//! A value that survives a restart.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value in a JSON file, or only in memory.
#[derive(Default)]
pub struct JsonFile<T> {
    path: Option<PathBuf>,
    value: Mutex<T>,
}

impl<T: Serialize + DeserializeOwned + Default> JsonFile<T> {
    /// Reads the file; the default value if there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let value = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => T::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { path: Some(path), value: Mutex::new(value) })
    }

    pub fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&lock(&self.value))
    }

    /// Changes the value and replaces the file. A write error is logged; the value in memory changes anyway.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut value = lock(&self.value);
        let result = change(&mut value);
        if let Some(path) = &self.path
            && let Err(error) = write(path, &*value)
        {
            tracing::error!(%error, path = %path.display(), "the file could not be written");
        }
        result
    }
}

/// A test that panicked leaves its value to the others.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Atomic: readers see the old file or the new one.
fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = fs::File::create(&next)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.sync_data()?;
    fs::rename(next, path)
}
