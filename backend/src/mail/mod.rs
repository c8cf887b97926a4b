//! Mails: rendering, and sending by SMTP.

pub mod smtp;
pub mod templates;

use hrm_api::Language;
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use self::smtp::{Failure, Prepared, Relay};
use crate::clock::{MINUTE, Millis};

/// What a mail says. It can hold a code, so the outbox stores it sealed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Message {
    Code {
        code: String,
    },
    /// The user was linked, to this masked address.
    Notice {
        address: String,
    },
}

#[derive(Debug, Clone)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

enum Block {
    Line(String),
    List(Vec<String>),
    Code(String),
}

pub fn render(message: &Message, first_name: &str, language: Language, code_life: Millis) -> Rendered {
    use Block::{Code, Line, List};
    let first_name = &one_line(first_name);
    let (subject, blocks) = match message {
        Message::Code { code } => {
            let template = templates::code(language);
            let blocks = vec![
                Line(template.greeting.replace("{name}", first_name)),
                Line(template.intro.to_owned()),
                Line(template.to_do.to_owned()),
                List(template.steps.map(str::to_owned).to_vec()),
                Line(template.code_label.to_owned()),
                Code(code.clone()),
                Line(template.valid.replace("{minutes}", &(code_life / MINUTE).to_string())),
                Line(template.ignore.to_owned()),
                List(vec![template.last_step.to_owned()]),
            ];
            (template.subject, blocks)
        }
        Message::Notice { address } => {
            let template = templates::notice(language);
            let blocks = vec![
                Line(template.greeting.replace("{name}", first_name)),
                Line(template.linked.replace("{address}", address)),
                Line(template.not_you.to_owned()),
            ];
            (template.subject, blocks)
        }
    };
    let text: Vec<String> = blocks.iter().map(text_of).collect();
    let body: String = blocks.iter().map(html_of).collect();
    // Without colours, so that it suits light and dark mail programs; `color-scheme` keeps them from recolouring it.
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"format-detection\" content=\"telephone=no\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>{subject}</title>\n</head>\n\
         <body style=\"margin:0;padding:24px 16px\">\n<div style=\"max-width:560px;margin:0 auto;\
         font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;font-size:16px;line-height:1.5\">\n\
         {body}</div>\n</body>\n</html>\n",
        language = <&str>::from(language),
    );
    Rendered { subject: subject.to_owned(), text: text.join("\n\n") + "\n", html }
}

fn text_of(block: &Block) -> String {
    match block {
        Block::Line(line) | Block::Code(line) => line.clone(),
        Block::List(items) => items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"),
    }
}

fn html_of(block: &Block) -> String {
    match block {
        Block::Line(line) => format!("<p style=\"margin:0 0 16px\">{}</p>\n", escaped(line)),
        Block::List(items) => {
            let items: String =
                items.iter().map(|item| format!("<li style=\"margin:0 0 8px\">{}</li>\n", escaped(item))).collect();
            format!("<ul style=\"margin:0 0 16px;padding-left:20px\">\n{items}</ul>\n")
        }
        Block::Code(code) => format!(
            "<p style=\"margin:0 0 16px;font-family:ui-monospace,Consolas,monospace;font-size:32px;line-height:1.2;\
             font-weight:700;letter-spacing:4px\">{}</p>\n",
            escaped(code)
        ),
    }
}

/// Stored text can hold line ends, which a header must not.
fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_control() || letter.is_whitespace());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Escapes HTML text. Quotes stay, since they have no meaning there.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `Auto-Submitted: auto-generated` (RFC 3834), against out-of-office replies.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SendOutcome {
    Accepted,
    /// The mail server asked to try later, or could not be reached.
    Deferred,
    /// The mail server refused this backend, not the mail. An operator has to look.
    RelayRefused,
    /// The answer to the end of the mail was lost, so it may have been accepted.
    Uncertain,
    /// The mail server rejected it for good, or the mail cannot be built.
    Bounced,
}

impl From<&Failure> for SendOutcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Uncertain(_) => Self::Uncertain,
            failure if failure.is_bounce() => Self::Bounced,
            failure if failure.is_relays() => Self::RelayRefused,
            _ => Self::Deferred,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Mailer {
    relay: Relay,
    from: Mailbox,
}

/// A mail whose recipient the mail server has accepted.
pub struct PreparedMail<'a> {
    id: &'a str,
    message: Vec<u8>,
    prepared: Prepared,
}

impl Mailer {
    /// See [`Relay::new`].
    pub fn new(url: &Url, login: Option<(String, SecretString)>, from: Mailbox) -> Result<Self, String> {
        Ok(Self { relay: Relay::new(url, login, None)?, from: sender(from)? })
    }

    /// `from`: as [`sender`] returns it.
    pub fn with_relay(relay: Relay, from: Mailbox) -> Self {
        Self { relay, from }
    }

    /// Everything before the mail itself. `id` becomes the Message-ID, so that it is the same at every attempt.
    ///
    /// # Errors
    /// The outcome; the mail server does not have the mail.
    pub async fn prepare<'a>(
        &self,
        id: &'a str,
        recipient: &str,
        first_name: &str,
        rendered: &Rendered,
    ) -> Result<PreparedMail<'a>, SendOutcome> {
        let (to, message) = match self.message(id, recipient, first_name, rendered) {
            Ok(built) => built,
            Err(error) => {
                tracing::warn!(mail = id, %error, "mail cannot be built");
                return Err(SendOutcome::Bounced);
            }
        };
        let prepared = self.relay.prepare(&self.from.email, &to).await.map_err(|failure| logged(id, &failure))?;
        Ok(PreparedMail { id, message: message.formatted(), prepared })
    }

    fn message(
        &self,
        id: &str,
        recipient: &str,
        first_name: &str,
        rendered: &Rendered,
    ) -> Result<(Address, lettre::Message), Box<dyn std::error::Error>> {
        let to: Address = recipient.parse()?;
        let name = Some(one_line(first_name)).filter(|name| !name.is_empty());
        let message = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, to.clone()))
            .subject(&rendered.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone()))?;
        Ok((to, message))
    }
}

impl PreparedMail<'_> {
    /// Sends the mail itself.
    pub async fn hand_over(self) -> SendOutcome {
        match self.prepared.hand_over(&self.message).await {
            Ok(()) => SendOutcome::Accepted,
            Err(failure) => logged(self.id, &failure),
        }
    }
}

/// A failure holds no text of the mail server, which can contain the address.
fn logged(id: &str, failure: &Failure) -> SendOutcome {
    let outcome = failure.into();
    match outcome {
        SendOutcome::RelayRefused => tracing::error!(mail = id, %failure, "the mail server refuses this backend"),
        SendOutcome::Uncertain => tracing::warn!(mail = id, %failure, "mail may have been accepted"),
        _ => tracing::info!(mail = id, %failure, "mail not accepted"),
    }
    outcome
}

/// The sender with the ASCII form of its domain, which every mail server takes.
///
/// # Errors
/// The address has no such form.
pub fn sender(from: Mailbox) -> Result<Mailbox, String> {
    let domain = idna::domain_to_ascii(from.email.domain()).map_err(|_| "has a domain that is not valid")?;
    if !from.email.user().is_ascii() {
        return Err("has letters before the @ that many mail servers refuse; use a to z".to_owned());
    }
    let email = Address::new(from.email.user(), domain).map_err(|error| error.to_string())?;
    Ok(Mailbox::new(from.name, email))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Language; 5] = [Language::En, Language::Sv, Language::Nb, Language::Da, Language::Fi];

    fn message() -> Message {
        Message::Code { code: "012345".into() }
    }

    #[test]
    fn the_code_stands_alone_on_its_line_in_every_language() {
        for language in ALL {
            let rendered = render(&message(), "Anna", language, 30 * MINUTE);
            assert_eq!(rendered.text.lines().filter(|line| *line == "012345").count(), 1, "{language:?}");
            assert!(rendered.html.contains(">012345</p>"), "{language:?}");
        }
    }

    #[test]
    fn no_mail_has_a_link_or_an_unfilled_placeholder() {
        let notice = Message::Notice { address: "a…@…".into() };
        for language in ALL {
            for message in [message(), notice.clone()] {
                let Rendered { subject, text, html } = render(&message, "Anna", language, 30 * MINUTE);
                for part in [subject, text, html] {
                    assert!(!part.contains("http") && !part.contains("href") && !part.contains("www."), "{part}");
                    assert!(!part.contains("{name}") && !part.contains("{minutes}") && !part.contains("{address}"));
                }
            }
        }
    }

    #[test]
    fn the_life_in_the_mail_is_the_life_of_the_code() {
        let rendered = render(&message(), "Anna", Language::En, 15 * MINUTE);
        assert!(rendered.text.contains("The code is valid for 15 minutes."));
    }

    #[test]
    fn a_name_is_escaped_in_html() {
        let rendered = render(&message(), "<b>Anna</b>", Language::En, 30 * MINUTE);
        assert!(rendered.html.contains("Hi &lt;b&gt;Anna&lt;/b&gt;"));
    }

    #[test]
    fn a_name_of_two_lines_is_one_line_in_the_mail() {
        let rendered = render(&message(), "An\r\nna\t", Language::En, 30 * MINUTE);
        assert!(rendered.text.starts_with("Hi An na\n"));
        let url = Url::parse("smtp://127.0.0.1:25").unwrap();
        let mailer = Mailer::new(&url, None, "no-reply@hrm.example".parse().unwrap()).unwrap();
        let (_, mail) = mailer.message("row-1", "anna@company.com", "An\r\nna\t", &rendered).unwrap();
        assert!(String::from_utf8(mail.formatted()).unwrap().contains("To: \"An na\" <anna@company.com>"));
    }

    #[test]
    fn a_phone_makes_no_link_of_the_code() {
        let rendered = render(&message(), "Anna", Language::En, 30 * MINUTE);
        assert!(rendered.html.contains("<meta name=\"format-detection\" content=\"telephone=no\">"));
    }

    #[test]
    fn the_senders_domain_is_punycode() {
        let from = sender("Flex HRM <no-reply@räksmörgås.example>".parse().unwrap()).unwrap();
        assert_eq!(from.to_string(), "Flex HRM <no-reply@xn--rksmrgs-5wao1o.example>");
        assert!(sender("änna@company.com".parse().unwrap()).is_err());
    }

    #[test]
    fn a_mail_is_marked_automatic_and_keeps_its_message_id() {
        let url = Url::parse("smtp://127.0.0.1:25").unwrap();
        let mailer = Mailer::new(&url, None, "Flex HRM <no-reply@hrm.example>".parse().unwrap()).unwrap();
        let rendered = render(&message(), "Anna", Language::En, 30 * MINUTE);
        let mail = mailer.message("row-1", "anna@company.com", "Anna", &rendered).unwrap().1.formatted();
        let mail = String::from_utf8(mail).unwrap();
        assert!(mail.contains("Auto-Submitted: auto-generated"));
        assert!(mail.contains("Message-ID: <row-1@hrm.example>"));
    }
}
