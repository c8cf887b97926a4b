//! The one window: shown when there is something to see, in front when asked for.

use std::time::Duration;

use flex_connect_core::App;
use tauri::{
    AppHandle, Manager as _, RunEvent, Runtime, Webview, WindowEvent, async_runtime,
    webview::{PageLoadEvent, PageLoadPayload},
};

#[cfg(desktop)]
const MAIN: &str = "main";
/// A page that never finishes loading must not leave an app without a window.
const AT_LAST: Duration = Duration::from_secs(3);

/// Shows the window once its page stands, so that nobody sees it empty.
pub(crate) fn show<R: Runtime>(webview: &Webview<R>, payload: &PageLoadPayload<'_>) {
    if payload.event() == PageLoadEvent::Finished {
        reveal(webview.app_handle());
    }
}

/// Shows the window after a while whatever the page does.
pub(crate) fn show_at_last<R: Runtime>(app: &AppHandle<R>) {
    let app = app.clone();
    async_runtime::spawn(async move {
        tokio::time::sleep(AT_LAST).await;
        reveal(&app);
    });
}

#[cfg(desktop)]
fn reveal<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && !window.is_visible().unwrap_or(true)
        && let Err(error) = window.show()
    {
        tracing::warn!(%error, "the window could not be shown");
    }
}

#[cfg(mobile)]
fn reveal<R: Runtime>(_: &AppHandle<R>) {}

/// A second start shows the first.
#[cfg(desktop)]
pub(crate) fn bring_to_front<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus())
    {
        tracing::warn!(%error, "the window could not be brought to the front");
    }
}

/// Size and place of the window, remembered between runs; not whether it is visible, which is [`show`]'s matter.
#[cfg(desktop)]
pub(crate) fn remember_size<R: Runtime>() -> tauri::plugin::TauriPlugin<R> {
    use tauri_plugin_window_state::StateFlags;
    let flags = StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED;
    tauri_plugin_window_state::Builder::new().with_state_flags(flags).build()
}

/// Tells the core whether the app is in front: on a phone by the system's word, on a desktop unless it is minimised.
pub(crate) fn on_run_event<R: Runtime>(app: &AppHandle<R>, event: RunEvent) {
    let RunEvent::WindowEvent { event, .. } = event else { return };
    let front = match event {
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
        core.set_front(front);
    }
}
