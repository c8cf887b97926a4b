//! Who helps a company's people, and the only addresses that the app opens to reach them.

use serde::{Deserialize, Serialize};
use url::Host;

use crate::settings_page::https_page;

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
    // +46 (0)8 …: the zero is for callers in the country, and wrong after the country's number.
    let text = if text.trim_start().starts_with('+') { text.replacen("(0)", "", 1) } else { text.to_owned() };
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

fn web_link(text: &str) -> Option<String> {
    // A parser drops line breaks and tabs: what is shown would not be what opens.
    let shown = !text.contains(|char: char| char.is_whitespace() || char.is_control());
    https_page(text).filter(|_| shown).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_called_by_its_digits_alone() {
        for (text, link) in [
            ("08-555 010 00", "tel:0855501000"),
            ("+46 (0)8-555 010 00", "tel:+46855501000"),
            ("+47 22 86 44 00", "tel:+4722864400"),
            ("(09) 123 45-6", "tel:09123456"),
            ("112", "tel:112"),
        ] {
            assert_eq!(ContactWay::Phone.link(text).as_deref(), Some(link), "{text}");
        }
    }

    #[test]
    fn what_a_phone_takes_for_a_command_is_no_number() {
        for text in [
            "*#06#",
            "**21*0855501000#",
            "0855501000,,1",
            "0855501000;ext=1",
            "08 555p1",
            "tel:0855501000",
            "08+555",
            "++4685550100",
            "08\n555",
            "08\u{a0}555",
            "٠٨٥٥٥",
            "12",
            "1234567890123456",
            "+",
            "",
        ] {
            assert_eq!(ContactWay::Phone.link(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_mail_goes_to_the_address_and_has_nothing_else() {
        for (text, link) in [
            ("hr@company.com", "mailto:hr@company.com"),
            ("hr+link@Company.com", "mailto:hr%2Blink@company.com"),
            ("hr?bcc=eve%40evil.example@company.com", "mailto:hr%3Fbcc%3Deve%2540evil.example@company.com"),
            ("a&body=b@company.com", "mailto:a%26body%3Db@company.com"),
            ("häll@räksmörgås.example", "mailto:h%C3%A4ll@xn--rksmrgs-5wao1o.example"),
        ] {
            assert_eq!(ContactWay::Email.link(text).as_deref(), Some(link), "{text}");
        }
    }

    #[test]
    fn what_adds_a_recipient_or_a_header_is_no_address() {
        for text in [
            "hr@company.com?bcc=eve@evil.example",
            "hr@company.com?subject=x",
            "hr@company.com,eve@evil.example",
            "eve@evil.example,hr@company.com",
            "eve@evil.example;hr@company.com",
            "hr@company.com\r\nBcc: eve@evil.example",
            "hr\n@company.com",
            "Eve <hr@company.com>",
            "mailto:a b@company.com",
            "hr@company.com/",
            "hr@company.com#x",
            "hr@localhost",
            "hr@127.0.0.1",
            "hr@[::1]",
            "hr@",
            "@company.com",
            "hr",
            "",
        ] {
            assert_eq!(ContactWay::Email.link(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_pages_of_https_are_opened() {
        assert_eq!(
            ContactWay::Url.link("https://company.com/hr?a=b#c").as_deref(),
            Some("https://company.com/hr?a=b#c")
        );
        for text in [
            "http://company.com/",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "https://company.com@evil.example/",
            "https://:x@evil.example/",
            "https://company.com/\nx",
            " https://company.com/",
            "https://192.168.0.1/",
            "https://[::1]/",
            "file:///etc/passwd",
            "intent://scan/#Intent;end",
            "tel:112",
            "//company.com",
            "https:",
            "",
        ] {
            assert_eq!(ContactWay::Url.link(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_contact_has_only_the_ways_that_open() {
        let text = |text: &str| Some(text.to_owned());
        let contact = Contact {
            name: text("HR"),
            phone: text("*#06#"),
            email: text("hr@company.com"),
            url: text("javascript:x"),
        };
        assert_eq!(contact.text(ContactWay::Email), Some("hr@company.com"));
        assert_eq!(contact.link(ContactWay::Email).as_deref(), Some("mailto:hr@company.com"));
        for way in [ContactWay::Phone, ContactWay::Url] {
            assert_eq!((contact.text(way), contact.link(way)), (None, None));
        }
    }
}
