//! The one kind of page that the app opens in the system browser.

use url::{Host, Url};

use crate::Problem;

const HOSTS: [&str; 2] = [".connect.visma.com", ".connect.identity.visma.com"];

/// Checks an address of the account settings that the server gave: `https`, a host under Visma Connect, nothing else.
///
/// # Errors
/// [`Problem::LinkNotOpened`] for every other address.
pub(crate) fn check(address: &str) -> Result<Url, Problem> {
    let url = Url::parse(address).map_err(|_| Problem::LinkNotOpened)?;
    let host = matches!(url.host(), Some(Host::Domain(name)) if HOSTS.iter().any(|end| name.ends_with(end)));
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    if url.scheme() == "https" && host && plain { Ok(url) } else { Err(Problem::LinkNotOpened) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_of_the_document_open() {
        assert!(check("https://accountsettings.connect.visma.com/").is_ok());
        assert!(check("https://accountsettings.connect.identity.visma.com/").is_ok());
    }

    #[test]
    fn nothing_else_opens() {
        for bad in [
            "http://accountsettings.connect.visma.com/",
            "https://connect.visma.com.evil.example/",
            "https://evil.example/.connect.visma.com",
            "https://evilconnect.visma.com/",
            "https://u@a.connect.visma.com/",
            "https://a.connect.visma.com:8443/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(check(bad), Err(Problem::LinkNotOpened), "{bad}");
        }
    }
}
