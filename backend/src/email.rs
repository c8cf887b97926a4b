//! E-mail addresses.

use std::fmt;

use crate::text::is_invisible;

/// An address that can receive mail.
///
/// The domain ignores case, and its punycode and Unicode spellings are equal. The local part keeps its case, since only
/// the receiving server knows whether case matters. `Debug` masks the address.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    typed: String,
    local: String,
    domain: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct NotAnAddress;

impl Address {
    /// Parses an address as a person types it.
    ///
    /// # Errors
    /// [`NotAnAddress`] if it breaks the syntax or lengths of RFC 5321 and 6531, would need quotes, or has
    /// characters that nobody can see.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let typed = text.trim();
        // IDNA drops invisible characters from a domain, so the address would be shown other than it is.
        if typed.chars().any(is_invisible) {
            return Err(NotAnAddress);
        }
        let (local, domain) = typed.rsplit_once('@').ok_or(NotAnAddress)?;
        let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
        if !atoms || local.len() > 64 {
            return Err(NotAnAddress);
        }
        let domain = domain_key(domain).ok_or(NotAnAddress)?;
        // RFC 5321 4.5.3.1.3: a path has at most 256 octets with its angle brackets.
        if local.len() + 1 + domain.len() > 254 {
            return Err(NotAnAddress);
        }
        Ok(Self { typed: typed.to_owned(), local: local.to_owned(), domain })
    }

    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The domain in lower case and punycode.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The normalised address, for mail servers, Visma Connect and the code's MAC.
    pub fn mailbox(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// Whether the mail server must support SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii()
    }

    /// Compares the local part with case, the domain without.
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        self.local == other.local && self.domain == other.domain
    }

    /// Ignores case, as addresses on the HRM record are compared.
    pub fn is_same_without_case(&self, other: &Self) -> bool {
        self.local.to_lowercase() == other.local.to_lowercase() && self.domain == other.domain
    }

    /// `a…@…`, for notices and logs.
    pub fn masked(&self) -> String {
        format!("{}…@…", self.local.chars().next().unwrap_or('…'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The normalised domain: lower case, punycode. `None` if it cannot receive mail.
pub fn domain_key(domain: &str) -> Option<String> {
    let key = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?.into_owned();
    let labels: Vec<_> = key.split('.').collect();
    let well_formed = labels.len() >= 2
        && key.len() <= 253
        && labels.iter().all(|l| (1..=63).contains(&l.len()) && !l.starts_with('-') && !l.ends_with('-'));
    let is_numeric = labels.last().is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()));
    (well_formed && !is_numeric).then_some(key)
}

/// RFC 5322 atext plus the letters and digits of RFC 6531, but no invisible characters.
fn is_atext(char: char) -> bool {
    char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn spaces_around_are_not_part_of_an_address() {
        assert_eq!(address("  anna@company.com \n").as_typed(), "anna@company.com");
    }

    #[test]
    fn a_domain_has_no_case_and_a_local_part_has() {
        assert!(address("anna@COMPANY.com").is_same_mailbox(&address("anna@company.com")));
        assert!(!address("Anna@company.com").is_same_mailbox(&address("anna@company.com")));
        assert!(address("Anna@company.com").is_same_without_case(&address("anna@Company.com")));
    }

    #[test]
    fn punycode_and_unicode_are_one_domain() {
        assert!(address("a@räksmörgås.example").is_same_mailbox(&address("a@XN--RKSMRGS-5WAO1O.example")));
        assert_eq!(address("a@räksmörgås.example").mailbox(), "a@xn--rksmrgs-5wao1o.example");
    }

    #[test]
    fn a_sub_address_is_kept() {
        assert_eq!(address("anna+hrm@company.com").mailbox(), "anna+hrm@company.com");
    }

    #[test]
    fn text_that_cannot_receive_mail_is_rejected() {
        let long_local = format!("{}@company.com", "a".repeat(65));
        let long_domain = format!("a@{}.com", vec!["b".repeat(60); 5].join("."));
        for text in [
            "",
            "anna",
            "@company.com",
            "anna@",
            "anna@company",
            "an na@company.com",
            ".a@company.com",
            "a.@company.com",
            "a..b@company.com",
            "a@-company.com",
            "a@company..com",
            "a@company.com.",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b@company.com",
            "\"a b\"@company.com",
            "an\u{200b}na@company.com",
            "anna\u{a0}s@company.com",
            "an\u{3164}na@company.com",
            "anna@comp\u{ad}any.com",
            "anna@comp\u{200b}any.com",
            "anna@company\u{2060}.com",
            "anna@company.com\u{feff}",
            "anna@comp\u{fe0f}any.com",
            "a@com_pany.com",
            "a@company.com\r\nBcc: b@c.de",
            &long_local,
            &long_domain,
        ] {
            assert_eq!(Address::parse(text), Err(NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn a_non_ascii_local_part_counts_octets_and_needs_smtputf8() {
        assert!(address("änna@company.com").needs_smtputf8());
        assert!(!address("anna@räksmörgås.example").needs_smtputf8(), "a domain has punycode");
        assert!(Address::parse(&format!("{}@company.com", "ä".repeat(32))).is_ok());
        assert!(Address::parse(&format!("{}@company.com", "ä".repeat(33))).is_err());
    }

    #[test]
    fn debug_masks_an_address() {
        assert_eq!(format!("{:?}", address("anna@company.com")), "a…@…");
    }

    proptest::proptest! {
        #[test]
        fn a_parsed_address_parses_again_as_the_same_mailbox(text in "\\PC{0,30}@\\PC{0,30}") {
            if let Ok(address) = Address::parse(&text) {
                assert!(Address::parse(&address.mailbox()).unwrap().is_same_mailbox(&address));
                assert!(!address.mailbox().contains(|c: char| c.is_control() || c.is_whitespace()));
            }
        }
    }
}
