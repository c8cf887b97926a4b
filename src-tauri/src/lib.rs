//! The Tauri shell around the core: window, credential store, files, clipboard, system browser.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod browser;
mod clipboard;
mod commands;
mod email_app;
mod http;
mod launch;
mod log;
#[cfg(target_os = "linux")]
mod nvidia;
mod record_file;
#[cfg(target_os = "linux")]
mod scripts;
#[cfg(desktop)]
mod start_failure;
mod vault;
mod window;

use std::sync::Arc;

use flex_connect_core::{
    App,
    ports::{Platform, SystemClock},
};
use tauri::{Emitter as _, Manager as _, Runtime, async_runtime};

/// The event that carries a new [`View`](flex_connect_core::View) to the page.
pub const CHANGED: &str = "changed";

/// Runs the app until its window is closed.
#[cfg_attr(mobile, tauri::mobile_entry_point)]
pub fn run() {
    #[cfg(target_os = "linux")]
    {
        nvidia::disable_dmabuf_renderer();
        scripts::interpret();
    }
    #[cfg(desktop)]
    start_failure::show_panics_of_the_start();
    match builder(tauri::Builder::default()).build(context()) {
        Ok(app) => app.run(window::on_run_event),
        Err(error) => {
            tracing::error!(%error, "the app could not start");
            #[cfg(desktop)]
            start_failure::show_and_exit(&error.to_string());
            #[cfg(mobile)]
            std::process::exit(1);
        }
    }
}

/// The built-in configuration, page and permissions.
pub fn context<R: Runtime>() -> tauri::Context<R> {
    tauri::generate_context!()
}

/// Adds the commands, on any runtime. They need a managed [`App`].
pub fn with_commands<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    #[cfg(mobile)]
    let builder = builder.plugin(tauri_plugin_clipboard_manager::init());
    // The page has no links, so it needs no script that handles clicks on them.
    let opener = tauri_plugin_opener::Builder::new().open_js_links_on_click(false).build();
    builder.plugin(opener).invoke_handler(commands::handler())
}

fn builder<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    #[cfg(desktop)]
    let builder = builder
        // First, so that a second instance exits before it does anything else.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::bring_to_front(app)))
        .plugin(window::keep_on_screen())
        .plugin(window::remember_size());
    with_commands(builder).manage(window::PageLoaded::default()).on_page_load(window::on_page_load).setup(|app| {
        // Nothing here may fail: log and record are optional.
        app.handle().plugin(log::file_plugin()).ok();
        let folder = app.path().app_data_dir().ok();
        let platform = Platform {
            vault: Arc::new(vault::SystemVault::default()),
            record_store: Arc::new(record_file::RecordFile::in_folder(folder.as_deref())),
            clock: Arc::new(SystemClock),
            browser: Arc::new(browser::SystemBrowser(app.handle().clone())),
            clipboard: Arc::new(clipboard::system(app.handle().clone())),
            email_app: email_app::system(app.handle()),
        };
        http::install_crypto();
        let core = App::new(launch::options(), platform, http::client);
        app.manage(core.clone());
        emit_view_changes(app.handle().clone(), &core);
        #[cfg(desktop)]
        window::apply_system_theme(app.handle());
        let handle = app.handle().clone();
        async_runtime::spawn(async move {
            window::wait_for_page_load(&handle).await;
            #[cfg(desktop)]
            start_failure::the_start_is_over();
            core.follow().await;
        });
        Ok(())
    })
}

fn emit_view_changes<R: Runtime>(handle: tauri::AppHandle<R>, core: &App) {
    let mut views = core.views();
    async_runtime::spawn(async move {
        while views.changed().await.is_ok() {
            let view = views.borrow_and_update().clone();
            if let Err(error) = handle.emit(CHANGED, view) {
                tracing::warn!(%error, "could not emit the view");
            }
        }
    });
}
