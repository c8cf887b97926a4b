//! Who helps a company's people.

use clap::Args;
use hrm_api::{Contact, ContactWay};

use super::error::{AdminError, user_error};
use crate::email::Address;
use crate::rules::{CONTACT_URL_CHARACTERS, NAME_CHARACTERS};
use crate::text;

/// Changes to a contact. Omitted options keep their value, empty ones clear it.
#[derive(Debug, Args)]
pub struct ContactOptions {
    /// Who helps the company's people, shown in the app: a person or a department; empty shows none
    #[arg(long, value_name = "NAME")]
    contact_name: Option<String>,
    /// Their phone number: digits, spaces, + - ( )
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    contact_phone: Option<String>,
    /// Their e-mail address
    #[arg(long, value_name = "ADDRESS")]
    contact_email: Option<String>,
    /// Their page: an https address
    #[arg(long, value_name = "URL")]
    contact_url: Option<String>,
}

impl ContactOptions {
    pub fn is_empty(&self) -> bool {
        [&self.contact_name, &self.contact_phone, &self.contact_email, &self.contact_url]
            .into_iter()
            .all(Option::is_none)
    }

    pub fn apply_to(&self, mut contact: Contact) -> Result<Contact, AdminError> {
        let name = |text: &str| text::fault(text, NAME_CHARACTERS);
        let phone = |text: &str| {
            let is_number = ContactWay::Phone.link(text).is_some();
            let fault = || "is not a phone number: 3 to 15 digits, with spaces, + - ( ) between them".to_owned();
            text::fault(text, NAME_CHARACTERS).or_else(|| (!is_number).then(fault))
        };
        let email = |text: &str| {
            let is_address = Address::parse(text).is_ok() && ContactWay::Email.link(text).is_some();
            (!is_address).then(|| "is not an e-mail address".to_owned())
        };
        let url = |text: &str| {
            let is_page = ContactWay::Url.link(text).is_some();
            let fault = || "is not an https address, as https://company.com/hr; the app opens no other".to_owned();
            text::fault(text, CONTACT_URL_CHARACTERS).or_else(|| (!is_page).then(fault))
        };
        set(&mut contact.name, self.contact_name.as_deref(), "name", name)?;
        set(&mut contact.phone, self.contact_phone.as_deref(), "phone number", phone)?;
        set(&mut contact.email, self.contact_email.as_deref(), "e-mail address", email)?;
        set(&mut contact.url, self.contact_url.as_deref(), "page", url)?;
        Ok(contact)
    }
}

/// `fault`: what is wrong with a text, as the end of a sentence.
fn set(
    value: &mut Option<String>,
    given: Option<&str>,
    what: &str,
    fault: impl Fn(&str) -> Option<String>,
) -> Result<(), AdminError> {
    let Some(given) = given else { return Ok(()) };
    let text = text::nfc(given.trim());
    if text.is_empty() {
        *value = None;
        return Ok(());
    }
    if let Some(fault) = fault(&text) {
        return Err(user_error(format!("The contact's {what} {} {fault}.", text::quoted(&text))));
    }
    *value = Some(text);
    Ok(())
}
