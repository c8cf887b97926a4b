//! Which sign-in pages of Visma Connect the app opens in the system browser.

use hrm_api::visma_page;
use url::Url;

use crate::server_url::{ServerUrl, is_loopback};

/// Checks an address to sign in at: a page of Visma Connect. A server on this machine, as in tests, may name another one here.
pub(crate) fn login_page(address: &str, server: &ServerUrl) -> Option<Url> {
    let of_a_test = |url: &Url| {
        let plain = url.username().is_empty() && url.password().is_none();
        plain && url.scheme() == "http" && is_loopback(url) && server.is_loopback()
    };
    visma_page(address).or_else(|| Url::parse(address).ok().filter(of_a_test))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(address: &str, server: &str) -> Option<String> {
        login_page(address, &ServerUrl::parse(server).unwrap()).map(String::from)
    }

    #[test]
    fn the_sign_in_pages_of_visma_connect_open() {
        for good in [
            "https://connect.visma.com/connect/authorize?client_id=x&state=a%2Fb",
            "https://connect.identity.visma.com/connect/authorize",
            "https://eu.connect.visma.com/",
            "https://a.b.connect.identity.visma.com/",
        ] {
            for server in ["https://hrm.company.com", "http://127.0.0.1:8787"] {
                assert_eq!(opens(good, server).as_deref(), Some(good), "{server}");
            }
        }
    }

    /// What is opened is how it was read, so that the browser cannot read it in another way.
    #[test]
    fn an_address_is_opened_as_it_was_checked() {
        for (typed, opened) in [
            ("HTTPS://CONNECT.VISMA.COM:443/a", "https://connect.visma.com/a"),
            ("https:\\\\connect.visma.com\\@evil.example", "https://connect.visma.com/@evil.example"),
            (" https://connect.vi\nsma.com/\t", "https://connect.visma.com/"),
            ("https://connect%2Evisma。com/", "https://connect.visma.com/"),
        ] {
            assert_eq!(opens(typed, "https://hrm.company.com").as_deref(), Some(opened), "{typed}");
        }
    }

    #[test]
    fn no_other_page_opens() {
        for bad in [
            "http://connect.visma.com/",
            "https://visma.com/",
            "https://connect.visma.com.evil.example/",
            "https://connect.visma.com%2Eevil.example/",
            "https://connect.visma.com./",
            "https://evilconnect.visma.com/",
            "https://evil-connect.identity.visma.com/",
            "https://evil.example/connect.visma.com",
            "https://evil.example\\.connect.visma.com/",
            "https://evil.example?.connect.visma.com",
            "https://evil.example#.connect.visma.com",
            "https://connect.visma.com@evil.example/",
            "https://anna@connect.visma.com/",
            "https://:secret@connect.visma.com/",
            "https://connect.visma.com:8443/",
            "https://connect.vismа.com/",
            "https://xn--connect-visma.com/",
            "https://127.0.0.1/",
            "file://connect.visma.com/etc/passwd",
            "javascript://connect.visma.com/%0aalert(1)",
            "//connect.visma.com/",
            "connect.visma.com",
            "",
        ] {
            for server in ["https://hrm.company.com", "https://127.0.0.1", "http://localhost:8787"] {
                assert_eq!(opens(bad, server), None, "{bad} from {server}");
            }
        }
    }

    #[test]
    fn this_machine_opens_only_for_a_server_on_this_machine() {
        for page in ["http://127.0.0.1:9000/authorize", "http://localhost:1/", "http://[::1]:9/"] {
            for local in ["http://127.0.0.1:8787", "http://localhost:8787", "https://[::1]"] {
                assert_eq!(opens(page, local).as_deref(), Some(page), "{local}");
            }
            assert_eq!(opens(page, "https://hrm.company.com"), None);
        }
        for bad in ["http://10.0.0.1/", "http://localhost.evil.example/", "http://a@127.0.0.1/", "ftp://127.0.0.1/"] {
            assert_eq!(opens(bad, "http://127.0.0.1:8787"), None, "{bad}");
        }
    }
}
