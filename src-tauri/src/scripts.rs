//! The page's scripts are interpreted. Compiling them costs 9 MB and memory that is both writable and executable; interpreting them
//! costs 30 ms at the start and 1 ms at a press (`bench/`, "start" and "page").

/// What JavaScriptCore documents as `JSC_OPTIONS_USE_JIT`. Its own function would change this process only.
const VARIABLE: &str = "JSC_useJIT";

/// Before there is another thread, and for the web process too. A user's own setting stays.
pub(crate) fn interpret() {
    if let Err(error) = gtk::glib::setenv(VARIABLE, "0", false) {
        tracing::warn!(%error, "could not turn the compiler of scripts off");
    }
}
