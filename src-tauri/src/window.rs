//! The one window: shown when there is something to see, in front when asked for.

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
/// A page that never finishes loading must not leave an app without a window.
const AT_LAST: Duration = Duration::from_secs(3);
/// `--ground` of the dark theme in `tokens.css`; the light one is the window's in `tauri.conf.json`.
#[cfg(desktop)]
const DARK_GROUND: Color = Color(0x0f, 0x15, 0x16, 0xff);

/// Becomes true when the page is loaded.
#[derive(Default)]
pub(crate) struct PageStands(Notify);

pub(crate) fn on_page_load<R: Runtime>(webview: &Webview<R>, payload: &PageLoadPayload<'_>) {
    // Not before: a window that is shown while its page loads makes WebKitGTK wait for a drawing of the page, on the thread
    // that the page's files come from, and that wait ends only with its time limit of half a second.
    if payload.event() == PageLoadEvent::Finished {
        reveal(webview.app_handle());
        webview.state::<PageStands>().0.notify_one();
    }
}

/// Waits until the page stands; nothing that it does not need may be in its way. A page that never loads holds nobody up,
/// and leaves no app without a window.
pub(crate) async fn page_stands<R: Runtime>(app: &AppHandle<R>) {
    tokio::time::timeout(AT_LAST, app.state::<PageStands>().0.notified()).await.ok();
    reveal(app);
}

/// Gives the window the ground colour of the dark page, where the system is dark.
#[cfg(desktop)]
pub(crate) fn take_the_systems_theme<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && window.theme().is_ok_and(|theme| theme == Theme::Dark)
        && let Err(error) = window.set_background_color(Some(DARK_GROUND))
    {
        tracing::warn!(%error, "the window could not take the dark ground colour");
    }
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

/// Size and place of the window, remembered between runs; not whether it is visible, which is [`on_page_load`]'s matter.
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

#[cfg(all(test, desktop))]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_the_ground_colour_of_the_page_in_both_themes() {
        let tokens = include_str!("../../ui/src/style/tokens.css");
        let grounds: Vec<_> = tokens.lines().filter_map(|line| line.trim().strip_prefix("--ground: ")).collect();
        let Color(red, green, blue, _) = DARK_GROUND;
        assert_eq!(grounds, ["#f7f9f9;", &format!("#{red:02x}{green:02x}{blue:02x};")]);
        assert!(include_str!("../../tauri.conf.json").contains(r##""backgroundColor": "#f7f9f9""##));
    }
}
