//! The only pages that the app opens in the system browser, beside a company's contact. A backend with another page of account
//! settings refuses to start.

use url::Url;

const HOSTS: [&str; 2] = ["connect.visma.com", "connect.identity.visma.com"];

/// What is wrong with an address that [`settings_page`] does not take.
pub const SETTINGS_PAGE: &str = "is not an https address whose host ends in .connect.visma.com or \
                                 .connect.identity.visma.com; the app opens no other";

/// Checks an account settings page: a [`visma_page`] whose host is below Visma Connect's own.
pub fn settings_page(address: &str) -> Option<Url> {
    visma_page(address).filter(|url| url.domain().is_some_and(|name| !HOSTS.contains(&name)))
}

/// Checks a page of Visma Connect: `https` to its hosts and those below, without user or port.
pub fn visma_page(address: &str) -> Option<Url> {
    let is_below = |name: &str, host| name.strip_suffix(host).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    let is_ours = |name: &str| HOSTS.iter().any(|host| is_below(name, *host));
    https_page(address).filter(|url| url.domain().is_some_and(is_ours) && url.port().is_none())
}

/// `https` to a named host, without a user name that could pose as the host.
pub(crate) fn https_page(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && url.domain().is_some() && plain).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_settings_of_both_editions_open() {
        assert!(settings_page("https://accountsettings.connect.visma.com/").is_some());
        assert!(settings_page("https://accountsettings.connect.identity.visma.com/").is_some());
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
            assert_eq!(settings_page(bad), None, "{bad}");
        }
    }
}
