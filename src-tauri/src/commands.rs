//! The commands as Tauri handlers: each is one line over the core. The list is the core's.

use flex_connect_core::{App, Language, Place, Problem, SecretString, View, commands};
use tauri::{Runtime, State, ipc::Invoke};

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => {
        $(
            $(#[$doc])*
            #[tauri::command]
            async fn $name(app: State<'_, App> $(, $arg: $ty)*) -> Result<View, Problem> {
                app.noted(app.$name($($arg),*).await)
            }
        )*

        /// Answers the page's calls.
        pub(crate) fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($name),*]
        }
    };
}

commands!(handlers);
