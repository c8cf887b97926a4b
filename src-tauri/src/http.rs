//! The platform's TLS for the core's HTTP client.

/// Sets the process's TLS implementation. Calling it twice is harmless.
pub(crate) fn install_crypto() {
    // The only error: one is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// Uses the system's trust store, so that a company's own certificate authority works.
#[cfg(not(target_os = "android"))]
pub(crate) fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
}

/// On Android reqwest's verifier panics without a JNI set-up that Tauri does not do (rustls-platform-verifier's README,
/// "Android"): uses Mozilla's roots instead.
#[cfg(target_os = "android")]
pub(crate) fn client() -> reqwest::ClientBuilder {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls)
}
