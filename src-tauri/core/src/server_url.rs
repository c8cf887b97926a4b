//! The address of the HRM backend.

use std::fmt;

use url::{Host, Url};

use crate::problem::Problem;

/// `https`, or `http` to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

impl ServerUrl {
    /// Parses an address as people type it: the scheme, a trailing slash and surrounding spaces are optional.
    ///
    /// # Errors
    /// [`Problem::ServerAddressInvalid`] for another scheme, `http` to another machine, credentials, a query or a
    /// fragment.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let typed = typed.trim();
        let url = if typed.contains("://") { Url::parse(typed) } else { Url::parse(&format!("https://{typed}")) };
        let mut url = url.map_err(|_| Problem::ServerAddressInvalid)?;
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        let plain =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !(has_host && scheme && plain) {
            return Err(Problem::ServerAddressInvalid);
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL of one of the contract's paths.
    pub(crate) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

/// Whether it leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_means_https() {
        assert_eq!(ServerUrl::parse(" hrm.company.com ").unwrap().to_string(), "https://hrm.company.com");
        assert_eq!(
            ServerUrl::parse("hrm.company.com/flex/").unwrap().endpoint("/v1/session").as_str(),
            "https://hrm.company.com/flex/v1/session"
        );
    }

    #[test]
    fn plain_http_is_only_for_this_machine() {
        for good in ["http://127.0.0.1:8787", "http://localhost:1", "http://[::1]:9"] {
            assert_eq!(ServerUrl::parse(good).unwrap().to_string(), good);
        }
        for bad in ["http://hrm.company.com", "http://localhost.company.com", "http://128.0.0.1"] {
            assert_eq!(ServerUrl::parse(bad), Err(Problem::ServerAddressInvalid), "{bad}");
        }
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        for bad in [
            "",
            " ",
            "ftp://a.b",
            "https://",
            "https://u:p@a.b",
            "https://a.b/?x",
            "https://a.b/#x",
            "file:///etc",
            "a b",
        ] {
            assert_eq!(ServerUrl::parse(bad), Err(Problem::ServerAddressInvalid), "{bad:?}");
        }
    }
}
