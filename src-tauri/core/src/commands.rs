//! The commands that the UI may call, declared once.
//!
//! [`commands!`](crate::commands) hands the list to whatever macro is named in it. The shell makes the Tauri handlers from
//! it, the tests make the TypeScript functions and check the permissions. Every command is a method of
//! [`App`](crate::App) with the same name and answers with the [`View`](crate::View) that it led to.

/// Hands the list of commands to the macro named `$to`.
///
/// A command stands as `name(argument: Type, …)`; its documentation goes into the TypeScript as it is.
#[macro_export]
macro_rules! commands {
    ($to:ident) => {
        $to! {
            /// The view as it is now, without asking the server.
            view();
            /// Asks the server where things stand: after coming to the front, and as Retry.
            refresh();
            /// Signs in. The password is not kept.
            sign_in(server: String, username: String, password: SecretString);
            /// Signs out and wipes everything of the employee's from this device.
            sign_out();
            /// Goes to a screen.
            go(place: Place);
            /// Keeps the half-typed address. An empty one is kept too.
            draft(email: String);
            /// Sends a code to the address, or links at once where no code is needed.
            send_code(email: String);
            /// Verifies the code as it was typed or pasted.
            verify_code(code: SecretString);
            /// Verifies the code that stands on the clipboard. The page does not see what else stands there.
            paste_code();
            /// Ends the challenge: another address, or a fresh start.
            start_over();
            /// Hides the banner for 24 hours.
            snooze();
            /// Opens the Visma Connect account settings in the system browser.
            open_account_settings();
            /// Puts versions, the platform and the codes of the last problems on the clipboard, for support.
            copy_diagnostics();
            /// Chooses the language of the interface; none is the device's.
            set_language(language: Option<Language>);
        }
    };
}
