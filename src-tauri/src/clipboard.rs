//! The system's clipboard, to write to. The page itself may neither read nor write it through Rust.

use flex_connect_core::ports::{Clipboard, NotCopied};
use tauri::{AppHandle, Runtime};
use tauri_plugin_clipboard_manager::ClipboardExt as _;

/// Writes through the clipboard plugin.
pub(crate) struct SystemClipboard<R: Runtime>(pub(crate) AppHandle<R>);

impl<R: Runtime> Clipboard for SystemClipboard<R> {
    fn copy(&self, text: &str) -> Result<(), NotCopied> {
        self.0.clipboard().write_text(text).map_err(|_| NotCopied)
    }
}
