//! The core's commands as Tauri handlers.

use flex_connect_core::{App, ContactWay, Language, Problem, Screen, SecretString, View, commands};
use tauri::{Runtime, State, ipc::Invoke};

macro_rules! handlers {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*);)*) => {
        $(
            $(#[$doc])*
            #[tauri::command]
            async fn $name(app: State<'_, App> $(, $arg: $ty)*) -> Result<View, Problem> {
                app.log_problem(app.$name($($arg),*).await)
            }
        )*

        pub(crate) fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($name),*]
        }
    };
}

commands!(handlers);
