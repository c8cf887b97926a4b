//! The record's file in the app's folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use flex_connect_core::ports::{NotSaved, RecordStore};

/// Holds no secret; still, only the user can read it.
pub(crate) struct RecordFile(Option<PathBuf>);

impl RecordFile {
    /// The folder is created with the first record. Without one nothing is saved.
    pub(crate) fn in_folder(folder: Option<&Path>) -> Self {
        Self(folder.map(|folder| folder.join("record.json")))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let file = self.0.as_deref().ok_or(io::ErrorKind::NotFound)?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = file.with_extension("json.new");
        write_private(&new, text)?;
        fs::rename(new, file)
    }
}

impl RecordStore for RecordFile {
    fn load(&self) -> Option<String> {
        fs::read_to_string(self.0.as_deref()?).ok()
    }

    fn save(&self, text: &str) -> Result<(), NotSaved> {
        self.replace(text).map_err(|error| {
            tracing::warn!(kind = ?error.kind(), "the record could not be saved");
            NotSaved
        })
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
        let file = RecordFile::in_folder(Some(&folder.path().join("deep")));
        assert_eq!(file.load(), None);
        file.save("one").unwrap();
        file.save("two").unwrap();
        assert_eq!(file.load().as_deref(), Some("two"));
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error_and_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("a file");
        fs::write(&occupied, "").unwrap();
        for file in [RecordFile::in_folder(Some(&occupied)), RecordFile::in_folder(None)] {
            assert_eq!(file.save("{}"), Err(NotSaved));
            assert_eq!(file.load(), None);
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_other_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = RecordFile::in_folder(Some(folder.path()));
        file.save("{}").unwrap();
        let mode = fs::metadata(folder.path().join("record.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
