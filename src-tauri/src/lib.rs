//! What Flex HRM Connect adds to its core on a device: a window, the credential store, a folder, the system browser.

// On iOS Tauri's entry point makes a public function without documentation.
#![cfg_attr(target_os = "ios", allow(missing_docs))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod browser;
mod clipboard;
mod commands;
mod folder;
mod http;
mod log;
#[cfg(target_os = "linux")]
mod nvidia;
mod start;
mod vault;
mod window;

use std::sync::Arc;

use flex_connect_core::{App, Device, ports::SystemClock};
use tauri::{Emitter as _, Manager as _, Runtime, async_runtime};

/// The event that carries a new [`View`](flex_connect_core::View) to the page.
pub const CHANGED: &str = "changed";

/// Runs the app until its window is closed.
#[cfg_attr(mobile, tauri::mobile_entry_point)]
pub fn run() {
    #[cfg(target_os = "linux")]
    nvidia::avoid_the_empty_window();
    match builder(tauri::Builder::default()).build(context()) {
        Ok(app) => app.run(window::on_run_event),
        Err(error) => {
            tracing::error!(%error, "the app could not start");
            std::process::exit(1);
        }
    }
}

/// The configuration, the page and the permissions, built in.
pub fn context<R: Runtime>() -> tauri::Context<R> {
    tauri::generate_context!()
}

/// What the page may call, on any runtime. Its commands need an [`App`] that is managed.
pub fn with_commands<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    #[cfg(mobile)]
    let builder = builder.plugin(tauri_plugin_clipboard_manager::init());
    // The page has no links, so it needs no script that looks for them.
    let opener = tauri_plugin_opener::Builder::new().open_js_links_on_click(false).build();
    builder.plugin(opener).invoke_handler(commands::handler())
}

fn builder<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    #[cfg(desktop)]
    let builder = builder
        // First, so that a second start ends before it does anything else.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::bring_to_front(app)))
        .plugin(window::remember_size());
    with_commands(builder)
        .plugin(log::in_a_file())
        .manage(window::PageStands::default())
        .on_page_load(window::on_page_load)
        .setup(|app| {
            let device = Device {
                vault: Arc::new(vault::SystemVault::default()),
                store: Arc::new(folder::RecordFile::in_folder(&app.path().app_data_dir()?)?),
                clock: Arc::new(SystemClock::default()),
                browser: Arc::new(browser::SystemBrowser(app.handle().clone())),
                clipboard: Arc::new(clipboard::of_the_system(app.handle().clone())),
            };
            http::install_crypto();
            let core = App::new(start::read()?, device, http::client);
            app.manage(core.clone());
            tell_the_page(app.handle().clone(), &core);
            #[cfg(desktop)]
            window::take_the_systems_theme(app.handle());
            let handle = app.handle().clone();
            async_runtime::spawn(async move {
                window::page_stands(&handle).await;
                core.follow().await;
            });
            Ok(())
        })
}

fn tell_the_page<R: Runtime>(handle: tauri::AppHandle<R>, core: &App) {
    let mut views = core.views();
    async_runtime::spawn(async move {
        while views.changed().await.is_ok() {
            let view = views.borrow_and_update().clone();
            if let Err(error) = handle.emit(CHANGED, view) {
                tracing::warn!(%error, "the page could not be told of a change");
            }
        }
    });
}
