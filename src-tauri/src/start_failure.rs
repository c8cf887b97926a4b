//! A start that fails says so in a window of its own: the app's may not exist, and a program that was clicked has no terminal.

use std::{
    panic,
    sync::atomic::{AtomicBool, Ordering},
};

static STARTED: AtomicBool = AtomicBool::new(false);

pub(crate) fn the_start_is_over() {
    STARTED.store(true, Ordering::Relaxed);
}

/// Tauri and its libraries panic where a window or a web view cannot be made.
pub(crate) fn show_panics_of_the_start() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        default(panic);
        let is_main = std::thread::current().name() == Some("main");
        if is_main && !STARTED.swap(true, Ordering::Relaxed) {
            let cause = panic.payload_as_str().unwrap_or_default();
            show_and_exit(cause.lines().next().unwrap_or_default());
        }
    }));
}

/// `cause` is in the words of the library, for support.
pub(crate) fn show_and_exit(cause: &str) -> ! {
    // A panic here must not come back.
    the_start_is_over();
    let language = sys_locale::get_locale().unwrap_or_default();
    show(&format!("{}\n\n{cause}", sentence(&language)));
    std::process::exit(1);
}

fn sentence(language: &str) -> &'static str {
    match language.get(..2).unwrap_or_default() {
        "sv" => {
            "Flex HRM Connect kunde inte starta. Starta om datorn och försök igen. Kontakta din administratör om det inte hjälper."
        }
        "nb" | "nn" | "no" => {
            "Flex HRM Connect kunne ikke starte. Start datamaskinen på nytt og prøv igjen. Kontakt administratoren din hvis det ikke hjelper."
        }
        "da" => {
            "Flex HRM Connect kunne ikke starte. Genstart computeren, og prøv igen. Kontakt din administrator, hvis det ikke hjælper."
        }
        "fi" => {
            "Flex HRM Connect ei käynnistynyt. Käynnistä tietokone uudelleen ja yritä uudestaan. Jos se ei auta, ota yhteyttä järjestelmänvalvojaasi."
        }
        _ => {
            "Flex HRM Connect couldn't start. Restart the computer and try again. If that doesn't help, tell your administrator."
        }
    }
}

#[cfg(target_os = "linux")]
fn show(text: &str) {
    use gtk::prelude::*;

    // Without a display there is only the terminal, where the panic or this line stands.
    eprintln!("{text}");
    if gtk::init().is_err() {
        return;
    }
    let dialog = gtk::MessageDialog::new(
        None::<&gtk::Window>,
        gtk::DialogFlags::MODAL,
        gtk::MessageType::Error,
        gtk::ButtonsType::Close,
        text,
    );
    dialog.set_title("Flex HRM Connect");
    dialog.run();
}

#[cfg(not(target_os = "linux"))]
fn show(text: &str) {
    let dialog = rfd::MessageDialog::new().set_level(rfd::MessageLevel::Error);
    dialog.set_title("Flex HRM Connect").set_description(text).show();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own_sentence() {
        let sentences: Vec<_> = ["en-GB", "sv-SE", "nb_NO", "da", "fi-FI"].into_iter().map(sentence).collect();
        for (at, one) in sentences.iter().enumerate() {
            assert!(!sentences[..at].contains(one), "{one}");
        }
        for other in ["", "x", "ä", "de-DE"] {
            assert_eq!(sentence(other), sentences[0]);
        }
        assert_eq!(sentence("nn-NO"), sentences[2]);
    }
}
