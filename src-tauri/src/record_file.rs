//! The record's file in the app's folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flex_connect_core::ports::RecordStore;

/// Holds no secret; still, only the user can read it.
pub(crate) struct RecordFile(PathBuf);

impl RecordFile {
    /// Creates `folder` if it does not exist.
    pub(crate) fn in_folder(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self(folder.join("record.json")))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let new = self.0.with_extension("json.new");
        write_private(&new, text)?;
        fs::rename(new, &self.0)
    }
}

impl RecordStore for RecordFile {
    fn load(&self) -> Option<String> {
        fs::read_to_string(&self.0).ok()
    }

    fn save(&self, text: &str) {
        if let Err(error) = self.replace(text) {
            tracing::warn!(kind = ?error.kind(), "the record could not be saved");
        }
    }
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    // On Windows other users cannot read an app's folder.
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_saved_text_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::in_folder(&folder.path().join("deep")).unwrap();
        assert_eq!(file.load(), None);
        file.save("one");
        file.save("two");
        assert_eq!(file.load().as_deref(), Some("two"));
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn no_other_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::in_folder(folder.path()).unwrap();
        file.save("{}");
        let mode = fs::metadata(folder.path().join("record.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
