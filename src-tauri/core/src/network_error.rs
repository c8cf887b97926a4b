//! What a request that got no response means.

use std::{error::Error, io};

use crate::{problem::Problem, resolver::UnknownHost};

/// hyper-util does not export its type, and these are its only texts for a proxy that answered no.
const TUNNEL_REFUSED: [&str; 2] = ["tunnel error: proxy authorization required", "tunnel error: unsuccessful"];

pub(crate) fn problem_of(error: &reqwest::Error) -> Problem {
    let causes = causes(error);
    match causes.iter().find_map(|cause| cause.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => return Problem::CertificateNotTrusted,
        // The peer does not speak TLS: plain HTTP on an https address.
        Some(rustls::Error::InvalidMessage(_)) => return Problem::NotHrmServer,
        _ => {}
    }
    if causes.iter().any(|cause| TUNNEL_REFUSED.contains(&cause.to_string().as_str())) {
        return Problem::ProxyRefused;
    }
    if let Some(UnknownHost(name)) = causes.iter().find_map(|cause| cause.downcast_ref()) {
        // Behind a proxy only the proxy's own name is looked up.
        let is_server = error.url().and_then(|url| url.host_str()) == Some(name);
        return if is_server { Problem::NoSuchHost } else { Problem::Offline };
    }
    if error.is_timeout() && !error.is_connect() {
        Problem::TimedOut
    } else if error.is_builder() {
        Problem::Unexpected
    } else {
        Problem::Offline
    }
}

/// The error and everything behind it. An `io::Error` hides the one that it wraps from the source chain.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let hidden = hidden.into_iter().flat_map(|hidden| causes(hidden));
    let behind = error.source().into_iter().flat_map(causes);
    std::iter::once(error).chain(hidden).chain(behind).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dns_lookup::LookupError;

    use super::*;
    use crate::resolver::Resolver;

    /// What `getaddrinfo` returns on this system.
    #[cfg(unix)]
    const NO_NAME: i32 = if cfg!(target_os = "linux") { -2 } else { 8 };
    #[cfg(unix)]
    const AGAIN: i32 = if cfg!(target_os = "linux") { -3 } else { 2 };
    #[cfg(windows)]
    const NO_NAME: i32 = 11001;
    #[cfg(windows)]
    const AGAIN: i32 = 11002;

    async fn problem_with(resolver: Resolver, url: &str, proxy: Option<&str>) -> Problem {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(resolver));
        let client = match proxy {
            Some(proxy) => client.proxy(reqwest::Proxy::all(proxy).unwrap()),
            None => client,
        };
        problem_of(&client.build().unwrap().get(url).send().await.unwrap_err())
    }

    fn unknown() -> Resolver {
        Resolver { lookup: |_| Err(LookupError::new(NO_NAME)), has_network: || true }
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_an_unknown_host() {
        assert_eq!(problem_with(unknown(), "https://hrm.company.com", None).await, Problem::NoSuchHost);
    }

    #[tokio::test]
    async fn a_lookup_without_an_answer_is_no_network() {
        let unanswered = Resolver { lookup: |_| Err(LookupError::new(AGAIN)), has_network: || true };
        assert_eq!(problem_with(unanswered, "https://hrm.company.com", None).await, Problem::Offline);
    }

    #[tokio::test]
    async fn without_a_route_every_name_is_unknown_and_means_offline() {
        let unplugged = Resolver { lookup: |_| Err(LookupError::new(NO_NAME)), has_network: || false };
        assert_eq!(problem_with(unplugged, "https://hrm.company.com", None).await, Problem::Offline);
    }

    #[tokio::test]
    async fn an_unknown_proxy_does_not_make_the_server_unknown() {
        let proxy = Some("http://proxy.company.com:3128");
        assert_eq!(problem_with(unknown(), "https://hrm.company.com", proxy).await, Problem::Offline);
        assert_eq!(problem_with(unknown(), "http://localhost:1", proxy).await, Problem::Offline);
    }

    #[tokio::test]
    async fn an_address_in_digits_is_not_looked_up() {
        for literal in ["http://[::1]:0", "http://127.0.0.1:0"] {
            assert_eq!(problem_with(unknown(), literal, None).await, Problem::Offline, "{literal}");
        }
    }
}
