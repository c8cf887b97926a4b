//! The system's clipboard. The page itself may neither read nor write it: the web views of Linux and Android let none.

use flex_connect_core::{
    SecretString,
    ports::{Clipboard, NotCopied},
};

/// The plugin for desktops brings code for pictures, and connects to the display at every start: its own library, for
/// text alone, connects when somebody copies or pastes.
#[cfg(desktop)]
#[derive(Default)]
pub(crate) struct SystemClipboard(std::sync::Mutex<Option<arboard::Clipboard>>);

#[cfg(desktop)]
impl SystemClipboard {
    fn with<T>(&self, does: impl FnOnce(&mut arboard::Clipboard) -> Result<T, arboard::Error>) -> Option<T> {
        // Kept, for on Linux what was copied is there for as long as this lives.
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.is_none() {
            *kept = arboard::Clipboard::new().ok();
        }
        does(kept.as_mut()?).ok()
    }
}

#[cfg(desktop)]
impl Clipboard for SystemClipboard {
    fn copy(&self, text: &str) -> Result<(), NotCopied> {
        self.with(|clipboard| clipboard.set_text(text)).ok_or(NotCopied)
    }

    fn paste(&self) -> Option<SecretString> {
        self.with(arboard::Clipboard::get_text).map(SecretString::from)
    }
}

/// Copies and pastes through the clipboard plugin.
#[cfg(mobile)]
pub(crate) struct SystemClipboard<R: tauri::Runtime>(pub(crate) tauri::AppHandle<R>);

#[cfg(mobile)]
impl<R: tauri::Runtime> Clipboard for SystemClipboard<R> {
    fn copy(&self, text: &str) -> Result<(), NotCopied> {
        use tauri_plugin_clipboard_manager::ClipboardExt as _;
        self.0.clipboard().write_text(text).map_err(|_| NotCopied)
    }

    fn paste(&self) -> Option<SecretString> {
        use tauri_plugin_clipboard_manager::ClipboardExt as _;
        self.0.clipboard().read_text().ok().map(SecretString::from)
    }
}
