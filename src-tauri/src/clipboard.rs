//! The system clipboard. Not through the page: the web views of Linux and Android do not allow it.

#[cfg(any(target_os = "windows", target_os = "macos"))]
pub(crate) use arboard_impl::system;
#[cfg(target_os = "linux")]
pub(crate) use gtk_impl::system;
#[cfg(mobile)]
pub(crate) use plugin_impl::system;

/// GTK is linked anyway and supports X11 and every Wayland compositor.
#[cfg(target_os = "linux")]
mod gtk_impl {
    use std::{sync::mpsc, time::Duration};

    use flex_connect_core::{
        SecretString,
        ports::{Clipboard, NotCopied},
    };
    use gtk::gdk::SELECTION_CLIPBOARD;
    use tauri::{AppHandle, Runtime};

    /// The program that owns the clipboard may hang.
    const TIMEOUT: Duration = Duration::from_secs(3);

    struct GtkClipboard<R: Runtime>(AppHandle<R>);

    pub(crate) fn system<R: Runtime>(app: AppHandle<R>) -> impl Clipboard {
        GtkClipboard(app)
    }

    impl<R: Runtime> GtkClipboard<R> {
        /// Runs `work` on the main thread, which GTK requires, and waits for what it sends.
        fn with<T: Send + 'static>(
            &self,
            work: impl FnOnce(gtk::Clipboard, mpsc::Sender<T>) + Send + 'static,
        ) -> Option<T> {
            let (done, outcome) = mpsc::channel();
            self.0.run_on_main_thread(move || work(gtk::Clipboard::get(&SELECTION_CLIPBOARD), done)).ok()?;
            outcome.recv_timeout(TIMEOUT).ok()
        }
    }

    impl<R: Runtime> Clipboard for GtkClipboard<R> {
        fn copy(&self, text: &str) -> Result<(), NotCopied> {
            let text = text.to_owned();
            let copied = self.with(move |clipboard, done| {
                clipboard.set_text(&text);
                done.send(()).ok();
            });
            copied.ok_or(NotCopied)
        }

        fn paste(&self) -> Result<SecretString, NotCopied> {
            let pasted = self.with(|clipboard, done| {
                clipboard.request_text(move |_, text| {
                    done.send(SecretString::from(text.unwrap_or_default())).ok();
                });
            });
            pasted.ok_or(NotCopied)
        }
    }
}

/// The plugin brings code for images and connects at every start. Its library without images connects on use.
#[cfg(any(target_os = "windows", target_os = "macos"))]
mod arboard_impl {
    use flex_connect_core::{
        SecretString,
        ports::{Clipboard, NotCopied},
    };
    use tauri::{AppHandle, Runtime};

    struct ArboardClipboard;

    pub(crate) fn system<R: Runtime>(_: AppHandle<R>) -> impl Clipboard {
        ArboardClipboard
    }

    impl Clipboard for ArboardClipboard {
        fn copy(&self, text: &str) -> Result<(), NotCopied> {
            arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set_text(text)).map_err(|_| NotCopied)
        }

        fn paste(&self) -> Result<SecretString, NotCopied> {
            match arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get_text()) {
                Ok(text) => Ok(text.into()),
                Err(arboard::Error::ContentNotAvailable | arboard::Error::ConversionFailure) => {
                    Ok(String::new().into())
                }
                Err(_) => Err(NotCopied),
            }
        }
    }
}

#[cfg(mobile)]
mod plugin_impl {
    use flex_connect_core::{
        SecretString,
        ports::{Clipboard, NotCopied},
    };
    use tauri::{AppHandle, Runtime};
    use tauri_plugin_clipboard_manager::ClipboardExt as _;

    struct PluginClipboard<R: Runtime>(AppHandle<R>);

    pub(crate) fn system<R: Runtime>(app: AppHandle<R>) -> impl Clipboard {
        #[cfg(target_os = "android")]
        super::android_paste::register(&app);
        PluginClipboard(app)
    }

    impl<R: Runtime> Clipboard for PluginClipboard<R> {
        fn copy(&self, text: &str) -> Result<(), NotCopied> {
            self.0.clipboard().write_text(text).map_err(|_| NotCopied)
        }

        #[cfg(target_os = "android")]
        fn paste(&self) -> Result<SecretString, NotCopied> {
            super::android_paste::paste(&self.0).ok_or(NotCopied)
        }

        /// iOS tells "Don't Allow Paste" and a clipboard without text alike.
        #[cfg(target_os = "ios")]
        fn paste(&self) -> Result<SecretString, NotCopied> {
            self.0.clipboard().read_text().map(SecretString::from).map_err(|_| NotCopied)
        }
    }
}

/// `PastePlugin.kt`, because Tauri's plugin reads `text/plain` only, and web views copy `text/html`.
#[cfg(target_os = "android")]
mod android_paste {
    use flex_connect_core::SecretString;
    use serde::Deserialize;
    use tauri::{
        AppHandle, Manager as _, Runtime,
        plugin::{Builder, PluginHandle},
    };

    struct Paste<R: Runtime>(PluginHandle<R>);

    #[derive(Deserialize)]
    struct Pasted {
        text: SecretString,
    }

    pub(super) fn register<R: Runtime>(app: &AppHandle<R>) {
        let plugin = Builder::<R, ()>::new("paste").setup(|app, api| {
            app.manage(Paste(api.register_android_plugin("app.flexconnect.employee", "PastePlugin")?));
            Ok(())
        });
        if let Err(error) = app.plugin(plugin.build()) {
            tracing::error!("Paste code will not work: {error}");
        }
    }

    pub(super) fn paste<R: Runtime>(app: &AppHandle<R>) -> Option<SecretString> {
        let plugin = app.try_state::<Paste<R>>()?;
        plugin.0.run_mobile_plugin("paste", ()).ok().map(|Pasted { text }| text)
    }
}
