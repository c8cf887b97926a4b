//! The only kind of page that the app opens in the system browser.

use url::{Host, Url};

use crate::problem::Problem;

const ALLOWED_HOSTS: [&str; 2] = [".connect.visma.com", ".connect.identity.visma.com"];

/// Checks the account settings URL from the server: `https` to a host under Visma Connect, without user or port.
///
/// # Errors
/// [`Problem::LinkNotOpened`] for every other URL.
pub(crate) fn check(address: &str) -> Result<Url, Problem> {
    let url = Url::parse(address).map_err(|_| Problem::LinkNotOpened)?;
    let host = matches!(url.host(), Some(Host::Domain(name)) if ALLOWED_HOSTS.iter().any(|end| name.ends_with(end)));
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    if url.scheme() == "https" && host && plain { Ok(url) } else { Err(Problem::LinkNotOpened) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_settings_of_both_editions_open() {
        assert!(check("https://accountsettings.connect.visma.com/").is_ok());
        assert!(check("https://accountsettings.connect.identity.visma.com/").is_ok());
    }

    #[test]
    fn no_other_page_opens() {
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
