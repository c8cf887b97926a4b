//! The system browser, and the apps for `tel:` and `mailto:`, through the opener plugin. The page itself has no permission to open anything.

use flex_connect_core::ports::{Browser, NotOpened};
use tauri::{AppHandle, Runtime};
use tauri_plugin_opener::OpenerExt as _;

pub(crate) struct SystemBrowser<R: Runtime>(pub(crate) AppHandle<R>);

impl<R: Runtime> Browser for SystemBrowser<R> {
    fn open(&self, url: &str) -> Result<(), NotOpened> {
        self.0.opener().open_url(url, None::<&str>).map_err(|_| NotOpened)
    }
}
