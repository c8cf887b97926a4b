//! The window: when it is shown, its size, and whether the app is in the foreground.

use std::time::Duration;

use flex_connect_core::App;
use tauri::{
    AppHandle, Manager as _, RunEvent, Runtime, Webview, WindowEvent,
    webview::{PageLoadEvent, PageLoadPayload},
};
#[cfg(desktop)]
use tauri::{Theme, window::Color};
use tokio::sync::Notify;

#[cfg(desktop)]
const MAIN: &str = "main";
/// After this the window is shown even if the page has not loaded.
const SHOW_TIMEOUT: Duration = Duration::from_secs(3);
/// `--bg` of the dark theme in `tokens.css`; `tauri.conf.json` has the light one.
#[cfg(desktop)]
const DARK_BACKGROUND: Color = Color(0x0f, 0x15, 0x16, 0xff);

/// Notified when the page has loaded.
#[derive(Default)]
pub(crate) struct PageLoaded(Notify);

pub(crate) fn on_page_load<R: Runtime>(webview: &Webview<R>, payload: &PageLoadPayload<'_>) {
    // Not earlier: a window shown while its page loads makes WebKitGTK wait for the first paint on the thread that
    // serves the page's files, until its timeout of half a second.
    if payload.event() == PageLoadEvent::Finished {
        show(webview.app_handle());
        webview.state::<PageLoaded>().0.notify_one();
    }
}

/// Waits up to 3 s for the page to load, then shows the window.
pub(crate) async fn wait_for_page_load<R: Runtime>(app: &AppHandle<R>) {
    tokio::time::timeout(SHOW_TIMEOUT, app.state::<PageLoaded>().0.notified()).await.ok();
    show(app);
}

/// Sets the dark background if the system theme is dark.
#[cfg(desktop)]
pub(crate) fn apply_system_theme<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && window.theme().is_ok_and(|theme| theme == Theme::Dark)
        && let Err(error) = window.set_background_color(Some(DARK_BACKGROUND))
    {
        tracing::warn!(%error, "could not set the dark background");
    }
}

#[cfg(desktop)]
fn show<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && !window.is_visible().unwrap_or(true)
        && let Err(error) = window.show()
    {
        tracing::warn!(%error, "could not show the window");
    }
}

#[cfg(mobile)]
fn show<R: Runtime>(_: &AppHandle<R>) {}

#[cfg(desktop)]
pub(crate) fn bring_to_front<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus())
    {
        tracing::warn!(%error, "could not bring the window to the front");
    }
}

/// Restores size and position between runs; not visibility, which [`on_page_load`] controls.
#[cfg(desktop)]
pub(crate) fn remember_size<R: Runtime>() -> tauri::plugin::TauriPlugin<R> {
    use tauri_plugin_window_state::StateFlags;
    let flags = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    tauri_plugin_window_state::Builder::new().with_state_flags(flags).build()
}

/// Tells the core whether the app is in the foreground: on a desktop, unless it is minimised.
pub(crate) fn on_run_event<R: Runtime>(app: &AppHandle<R>, event: RunEvent) {
    let RunEvent::WindowEvent { event, .. } = event else { return };
    let foreground = match event {
        WindowEvent::Focused(true) => true,
        #[cfg(desktop)]
        WindowEvent::Focused(false) => {
            app.get_webview_window(MAIN).is_none_or(|window| !window.is_minimized().unwrap_or(false))
        }
        #[cfg(mobile)]
        WindowEvent::Suspended => false,
        #[cfg(mobile)]
        WindowEvent::Resumed => true,
        _ => return,
    };
    if let Some(core) = app.try_state::<App>() {
        core.set_foreground(foreground);
    }
}

#[cfg(all(test, desktop))]
mod tests {
    use super::*;

    #[test]
    fn window_and_page_have_the_same_background_in_both_themes() {
        let tokens = include_str!("../../ui/src/style/tokens.css");
        let backgrounds: Vec<_> = tokens.lines().filter_map(|line| line.trim().strip_prefix("--bg: ")).collect();
        let Color(red, green, blue, _) = DARK_BACKGROUND;
        assert_eq!(backgrounds, ["#f7f9f9;", &format!("#{red:02x}{green:02x}{blue:02x};")]);
        assert!(include_str!("../../tauri.conf.json").contains(r##""backgroundColor": "#f7f9f9""##));
    }
}
