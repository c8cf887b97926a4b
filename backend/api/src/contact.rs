//! Who helps a company's people, and the only addresses that the app opens to reach them.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Who helps a company's people. Every member is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// A person or a department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Digits with spaces, `+`, `-` and parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// An `https` page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A way to reach a [`Contact`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ContactWay {
    /// Calls the number.
    Phone,
    /// Starts a mail to the address.
    Email,
    /// Opens the page.
    Url,
}

impl Contact {
    /// What is written of this way. `None` if it cannot be opened.
    pub fn text(&self, way: ContactWay) -> Option<&str> {
        let text = match way {
            ContactWay::Phone => &self.phone,
            ContactWay::Email => &self.email,
            ContactWay::Url => &self.url,
        };
        text.as_deref().filter(|text| way.link(text).is_some())
    }

    /// See [`ContactWay::link`].
    pub fn link(&self, way: ContactWay) -> Option<String> {
        self.text(way).and_then(|text| way.link(text))
    }
}

impl ContactWay {
    /// What the system opens for `text`: `tel:`, `mailto:` or `https:`. `None`: it is no such thing, and nothing opens it.
    pub fn link(self, text: &str) -> Option<String> {
        match self {
            Self::Phone => phone_link(text),
            Self::Email => email_link(text),
            Self::Url => web_link(text),
        }
    }
}

/// `+` and digits only: `*` and `#` are commands to a phone.
fn phone_link(text: &str) -> Option<String> {
    let number: String = text.chars().filter(|char| !" -()".contains(*char)).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    // E.164 has at most 15; the shortest public numbers have 3.
    let well_formed = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| format!("tel:{number}"))
}

/// Percent-encoded, so that nothing in it adds a recipient, a header or a text (RFC 6068).
fn email_link(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let is_part =
        |part: &str| !part.is_empty() && !part.contains(|char: char| char.is_whitespace() || char.is_control());
    if text.len() > 320 || !is_part(local) || !is_part(domain) || local.contains(['@', ',', ';', '<', '>', '"']) {
        return None;
    }
    let host = match Host::parse(domain).ok()? {
        Host::Domain(name) if name.contains('.') => name,
        _ => return None,
    };
    let local: String = url::form_urlencoded::byte_serialize(local.as_bytes()).collect();
    Some(format!("mailto:{local}@{host}"))
}

/// `https`, without a user name that could pose as the host.
fn web_link(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    let is_domain = matches!(url.host(), Some(Host::Domain(_)));
    // A parser drops line breaks and tabs: what is shown would not be what opens.
    let shown = !text.contains(|char: char| char.is_whitespace() || char.is_control());
    (url.scheme() == "https" && plain && is_domain && shown).then(|| url.into())
}
