//! The system's clipboard. The page itself may neither read nor write it.

use flex_connect_core::{
    SecretString,
    ports::{Clipboard, NotCopied},
};
use tauri::{AppHandle, Runtime};
use tauri_plugin_clipboard_manager::ClipboardExt as _;

/// Copies and pastes through the clipboard plugin: the web views of Linux and Android let no page read.
pub(crate) struct SystemClipboard<R: Runtime>(pub(crate) AppHandle<R>);

impl<R: Runtime> Clipboard for SystemClipboard<R> {
    fn copy(&self, text: &str) -> Result<(), NotCopied> {
        self.0.clipboard().write_text(text).map_err(|_| NotCopied)
    }

    fn paste(&self) -> Option<SecretString> {
        self.0.clipboard().read_text().ok().map(SecretString::from)
    }
}
