//! The address of the HRM backend, as people type it.

use url::{Host, Url};

use crate::Problem;

/// A server address that may be called: `https`, or `http` on this machine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server(Url);

impl Server {
    /// Reads an address as it was typed: the scheme, a trailing slash and spaces around are optional.
    ///
    /// # Errors
    /// [`Problem::ServerAddressInvalid`] for everything that must not be called: another scheme, `http` to another
    /// machine, credentials in the address, a query or a fragment.
    pub fn parse(typed: &str) -> Result<Self, Problem> {
        let typed = typed.trim();
        let url = if typed.contains("://") { Url::parse(typed) } else { Url::parse(&format!("https://{typed}")) };
        let mut url = url.map_err(|_| Problem::ServerAddressInvalid)?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let named = url.host_str().is_some_and(|host| !host.is_empty());
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        let plain =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !(named && scheme && plain) {
            return Err(Problem::ServerAddressInvalid);
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address of one of the contract's paths.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// The name to look up, and the port.
    pub(crate) fn host(&self) -> (String, u16) {
        (self.0.host_str().unwrap_or_default().to_owned(), self.0.port_or_known_default().unwrap_or(443))
    }

    /// The address as it is shown and remembered.
    pub fn shown(&self) -> String {
        self.0.as_str().trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_means_https() {
        assert_eq!(Server::parse(" hrm.company.com ").unwrap().shown(), "https://hrm.company.com");
        assert_eq!(
            Server::parse("hrm.company.com/flex/").unwrap().at("/v1/session").as_str(),
            "https://hrm.company.com/flex/v1/session"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in ["http://127.0.0.1:8787", "http://localhost:1", "http://[::1]:9"] {
            assert_eq!(Server::parse(good).unwrap().shown(), good);
        }
        for bad in ["http://hrm.company.com", "http://localhost.company.com", "http://128.0.0.1"] {
            assert_eq!(Server::parse(bad), Err(Problem::ServerAddressInvalid), "{bad}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
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
            assert_eq!(Server::parse(bad), Err(Problem::ServerAddressInvalid), "{bad:?}");
        }
    }
}
