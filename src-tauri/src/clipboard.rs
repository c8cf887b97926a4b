//! The system's clipboard. The page itself may neither read nor write it: the web views of Linux and Android let none.

#[cfg(any(target_os = "windows", target_os = "macos"))]
pub(crate) use by_library::of_the_system;
#[cfg(mobile)]
pub(crate) use by_plugin::of_the_system;
#[cfg(target_os = "linux")]
pub(crate) use by_toolkit::of_the_system;

/// GTK's, which the window brings along: it speaks X11 and every Wayland.
#[cfg(target_os = "linux")]
mod by_toolkit {
    use std::{sync::mpsc, time::Duration};

    use flex_connect_core::{
        SecretString,
        ports::{Clipboard, NotCopied},
    };
    use gtk::{Clipboard as Toolkit, gdk::SELECTION_CLIPBOARD};
    use tauri::{AppHandle, Runtime};

    /// The program that has the text may hang.
    const PATIENCE: Duration = Duration::from_secs(3);

    struct ByToolkit<R: Runtime>(AppHandle<R>);

    pub(crate) fn of_the_system<R: Runtime>(app: AppHandle<R>) -> impl Clipboard {
        ByToolkit(app)
    }

    impl<R: Runtime> ByToolkit<R> {
        /// Does something on the main thread, where GTK lives, and waits for what it hands over.
        fn with<T: Send + 'static>(&self, does: impl FnOnce(Toolkit, mpsc::Sender<T>) + Send + 'static) -> Option<T> {
            let (done, outcome) = mpsc::channel();
            self.0.run_on_main_thread(move || does(Toolkit::get(&SELECTION_CLIPBOARD), done)).ok()?;
            outcome.recv_timeout(PATIENCE).ok()
        }
    }

    impl<R: Runtime> Clipboard for ByToolkit<R> {
        fn copy(&self, text: &str) -> Result<(), NotCopied> {
            let text = text.to_owned();
            let copied = self.with(move |clipboard, done| {
                clipboard.set_text(&text);
                done.send(()).ok();
            });
            copied.ok_or(NotCopied)
        }

        fn paste(&self) -> Option<SecretString> {
            let pasted = self.with(|clipboard, done| {
                clipboard.request_text(move |_, text| {
                    done.send(text.map(SecretString::from)).ok();
                });
            });
            pasted.flatten()
        }
    }
}

/// The plugin for desktops brings code for pictures, and connects at every start: its own library, for text alone,
/// connects when somebody copies or pastes.
#[cfg(any(target_os = "windows", target_os = "macos"))]
mod by_library {
    use flex_connect_core::{
        SecretString,
        ports::{Clipboard, NotCopied},
    };
    use tauri::{AppHandle, Runtime};

    struct ByLibrary;

    pub(crate) fn of_the_system<R: Runtime>(_: AppHandle<R>) -> impl Clipboard {
        ByLibrary
    }

    impl Clipboard for ByLibrary {
        fn copy(&self, text: &str) -> Result<(), NotCopied> {
            arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set_text(text)).map_err(|_| NotCopied)
        }

        fn paste(&self) -> Option<SecretString> {
            arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get_text()).ok().map(SecretString::from)
        }
    }
}

#[cfg(mobile)]
mod by_plugin {
    use flex_connect_core::{
        SecretString,
        ports::{Clipboard, NotCopied},
    };
    use tauri::{AppHandle, Runtime};
    use tauri_plugin_clipboard_manager::ClipboardExt as _;

    struct ByPlugin<R: Runtime>(AppHandle<R>);

    pub(crate) fn of_the_system<R: Runtime>(app: AppHandle<R>) -> impl Clipboard {
        ByPlugin(app)
    }

    impl<R: Runtime> Clipboard for ByPlugin<R> {
        fn copy(&self, text: &str) -> Result<(), NotCopied> {
            self.0.clipboard().write_text(text).map_err(|_| NotCopied)
        }

        fn paste(&self) -> Option<SecretString> {
            self.0.clipboard().read_text().ok().map(SecretString::from)
        }
    }
}
