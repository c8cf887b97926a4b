//! The phone's e-mail app, to read the code in. On desktops the mail is a window beside this one, and nothing opens it.

use std::sync::Arc;

use flex_connect_core::ports::EmailApp;
use tauri::{AppHandle, Runtime};

#[cfg(desktop)]
pub(crate) fn system<R: Runtime>(_: &AppHandle<R>) -> Option<Arc<dyn EmailApp>> {
    None
}

#[cfg(target_os = "android")]
pub(crate) use android_impl::system;

#[cfg(target_os = "ios")]
pub(crate) use ios_impl::system;

/// `EmailAppPlugin.kt`.
#[cfg(target_os = "android")]
mod android_impl {
    use flex_connect_core::ports::NotOpened;
    use tauri::{
        Manager as _,
        plugin::{Builder, PluginHandle},
    };

    use super::*;

    struct Plugin<R: Runtime>(PluginHandle<R>);

    struct AndroidEmailApp<R: Runtime>(AppHandle<R>);

    /// None if the plugin is not there: no button is better than one that does nothing.
    pub(crate) fn system<R: Runtime>(app: &AppHandle<R>) -> Option<Arc<dyn EmailApp>> {
        let plugin = Builder::<R, ()>::new("email-app").setup(|app, api| {
            app.manage(Plugin(api.register_android_plugin("app.flexconnect.employee", "EmailAppPlugin")?));
            Ok(())
        });
        if let Err(error) = app.plugin(plugin.build()) {
            tracing::error!("the e-mail app cannot be opened: {error}");
            return None;
        }
        Some(Arc::new(AndroidEmailApp(app.clone())))
    }

    impl<R: Runtime> EmailApp for AndroidEmailApp<R> {
        fn open(&self) -> Result<(), NotOpened> {
            let plugin = self.0.try_state::<Plugin<R>>().ok_or(NotOpened)?;
            plugin.0.run_mobile_plugin("open", ()).map_err(|_| NotOpened)
        }
    }
}

#[cfg(target_os = "ios")]
mod ios_impl {
    use flex_connect_core::ports::NotOpened;
    use tauri_plugin_opener::OpenerExt as _;

    use super::*;

    struct Mail<R: Runtime>(AppHandle<R>);

    pub(crate) fn system<R: Runtime>(app: &AppHandle<R>) -> Option<Arc<dyn EmailApp>> {
        Some(Arc::new(Mail(app.clone())))
    }

    impl<R: Runtime> EmailApp for Mail<R> {
        /// Mail's own address. Where Mail was deleted, iOS itself says so and offers to restore it.
        fn open(&self) -> Result<(), NotOpened> {
            self.0.opener().open_url("message://", None::<&str>).map_err(|_| NotOpened)
        }
    }
}
