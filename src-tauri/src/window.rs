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

/// A saved window that is larger than the screen, or off it, is brought back before the window is made: what is asked of a
/// hidden window later is not known yet. Has to be registered before [`remember_size`].
#[cfg(desktop)]
pub(crate) fn keep_on_screen<R: Runtime>() -> tauri::plugin::TauriPlugin<R> {
    let plugin = tauri::plugin::Builder::new("keep-on-screen").setup(|app, _| {
        let monitors = app.available_monitors().unwrap_or_default();
        let areas: Vec<_> = monitors.iter().map(|monitor| Area::of(monitor.work_area())).collect();
        if let Ok(folder) = app.path().app_config_dir() {
            mend_saved(&folder.join(tauri_plugin_window_state::DEFAULT_FILENAME), &areas);
        }
        Ok(())
    });
    plugin.build()
}

/// Physical pixels.
#[cfg(desktop)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Area {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
}

#[cfg(desktop)]
impl Area {
    fn of(area: &tauri::PhysicalRect<i32, u32>) -> Self {
        let (at, size) = (area.position, area.size);
        Self { x: at.x.into(), y: at.y.into(), width: size.width.into(), height: size.height.into() }
    }

    fn overlap(&self, other: &Self) -> (i64, i64) {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        (width.max(0), height.max(0))
    }

    /// Where the window is usable: unchanged, or else smaller and completely on the screen that has most of it.
    fn on_screen(self, screens: &[Self]) -> Self {
        let seen = |screen: &&Self| {
            let (width, height) = self.overlap(screen);
            width * height
        };
        // The first screen, if none has any of it.
        let Some(screen) = screens.iter().rev().max_by_key(seen) else { return self };
        let width = self.width.min(screen.width);
        let height = self.height.min(screen.height - TITLE_BAR);
        let seen = self.overlap(screen);
        let is_usable = seen.0 >= USABLE.min(width) && seen.1 >= USABLE.min(height) && self.y >= screen.y;
        if is_usable && (width, height) == (self.width, self.height) {
            return self;
        }
        let x = self.x.clamp(screen.x, screen.x + screen.width - width);
        let y = self.y.clamp(screen.y, screen.y + screen.height - TITLE_BAR - height);
        Self { x, y, width, height }
    }
}

/// Room for it above the window's content.
#[cfg(desktop)]
const TITLE_BAR: i64 = 48;
/// A window with less than this on the screen, either way, is brought back.
#[cfg(desktop)]
const USABLE: i64 = 240;

/// Mends the plugin's file. What is not understood is left to the plugin.
#[cfg(desktop)]
fn mend_saved(file: &std::path::Path, screens: &[Area]) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Ok(mut saved) = serde_json::from_str::<serde_json::Value>(&text) else { return };
    let Some(window) = saved.get_mut(MAIN).and_then(serde_json::Value::as_object_mut) else { return };
    let number = |window: &serde_json::Map<_, serde_json::Value>, name: &str| window.get(name)?.as_i64();
    let [Some(width), Some(height)] = ["width", "height"].map(|name| number(window, name)) else { return };
    let mut changed = false;
    // Before a window was maximised it was at `prev_x` and `prev_y`.
    for (x_name, y_name) in [("prev_x", "prev_y"), ("x", "y")] {
        let [Some(x), Some(y)] = [x_name, y_name].map(|name| number(window, name)) else { continue };
        let was = Area { x, y, width, height };
        let mended = was.on_screen(screens);
        changed |= mended != was;
        let values = [(x_name, mended.x), (y_name, mended.y), ("width", mended.width), ("height", mended.height)];
        window.extend(values.map(|(name, value)| (name.to_owned(), value.into())));
    }
    if changed && let Err(error) = std::fs::write(file, saved.to_string()) {
        tracing::warn!(kind = ?error.kind(), "the saved window could not be brought back");
    }
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

    const SCREENS: [Area; 2] =
        [Area { x: 0, y: 30, width: 1400, height: 870 }, Area { x: 1400, y: 0, width: 1000, height: 1000 }];

    fn brought_back(x: i64, y: i64, width: i64, height: i64) -> (i64, i64, i64, i64) {
        let Area { x, y, width, height } = Area { x, y, width, height }.on_screen(&SCREENS);
        (x, y, width, height)
    }

    #[test]
    fn a_window_on_a_screen_stays_as_it_is() {
        for at in [(100, 100, 800, 600), (1500, 10, 800, 600), (1200, 100, 800, 600), (-400, 500, 800, 600)] {
            assert_eq!(brought_back(at.0, at.1, at.2, at.3), at);
        }
    }

    #[test]
    fn a_window_larger_than_the_screen_is_made_to_fit() {
        assert_eq!(brought_back(0, 30, 6000, 4000), (0, 30, 1400, 822));
        assert_eq!(brought_back(1500, 100, 900, 4000), (1500, 0, 900, 952));
    }

    #[test]
    fn a_window_that_is_hardly_or_not_on_a_screen_is_brought_back() {
        assert_eq!(brought_back(-799, 100, 800, 600), (0, 100, 800, 600));
        assert_eq!(brought_back(100, 899, 800, 600), (100, 252, 800, 600));
        assert_eq!(brought_back(9000, 9000, 800, 600), (600, 252, 800, 600));
        assert_eq!(brought_back(100, -500, 800, 600), (100, 30, 800, 600), "its title bar cannot be reached");
    }

    #[test]
    fn a_file_without_a_window_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        mend_saved(&file, &SCREENS);
        assert!(!file.exists());
        for text in ["", "[]", "{}", r#"{"main":{"width":"x"}}"#, r#"{"main":{"width":800,"height":600,"x":1,"y":99}}"#]
        {
            std::fs::write(&file, text).unwrap();
            mend_saved(&file, &SCREENS);
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }

    #[test]
    fn window_and_page_have_the_same_background_in_both_themes() {
        let tokens = include_str!("../../ui/src/style/tokens.css");
        let backgrounds: Vec<_> = tokens.lines().filter_map(|line| line.trim().strip_prefix("--bg: ")).collect();
        let Color(red, green, blue, _) = DARK_BACKGROUND;
        assert_eq!(backgrounds, ["#f7f9f9;", &format!("#{red:02x}{green:02x}{blue:02x};")]);
        assert!(include_str!("../../tauri.conf.json").contains(r##""backgroundColor": "#f7f9f9""##));
    }
}
