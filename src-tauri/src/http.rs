//! The platform's TLS for the core's HTTP client.

/// Chooses the TLS implementation of the whole program. Calling it twice is harmless.
pub(crate) fn install_crypto() {
    // An error says that one is installed already, which is all that is wanted.
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// Trust as the operating system has it, so that a company's own certificate authority works.
#[cfg(not(target_os = "android"))]
pub(crate) fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
}

/// On Android reqwest's verifier wants a JNI set-up that Tauri does not do, and panics without it
/// (rustls-platform-verifier's README, "Android"): Mozilla's roots stand in.
#[cfg(target_os = "android")]
pub(crate) fn client() -> reqwest::ClientBuilder {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls)
}
