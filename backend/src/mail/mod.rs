//! Mails: rendering, and sending by SMTP.

pub mod smtp;
pub mod templates;

use hrm_api::Language;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
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
    /// The link to this masked address was taken away.
    Unlinked {
        address: String,
    },
}

#[derive(Debug, Clone)]
pub struct Rendered {
    pub language: Language,
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
    let (subject, preview, blocks) = match message {
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
            // The code first, for a notification to show and a phone to fill in. Not in the subject: mail servers log that.
            let preview = format!("{PREVIEW}{}</div>\n", template.preview.replace("{code}", code));
            (template.subject, preview, blocks)
        }
        Message::Notice { address } | Message::Unlinked { address } => {
            let is_linked = matches!(message, Message::Notice { .. });
            let template = if is_linked { templates::notice(language) } else { templates::unlinked(language) };
            let blocks = vec![
                Line(template.greeting.replace("{name}", first_name)),
                Line(template.what.replace("{address}", address)),
                Line(template.not_you.to_owned()),
            ];
            (template.subject, String::new(), blocks)
        }
    };
    let text: Vec<String> = blocks.iter().map(text_of).collect();
    let body: String = blocks.iter().map(html_of).collect();
    // Without colours, so that it suits light and dark mail programs; `color-scheme` keeps them from recolouring it. Styles stand
    // in the elements: some programs drop a sheet. Outlook knows no `max-width`, so it gets a table (`mso`).
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"format-detection\" content=\"telephone=no\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>{subject}</title>\n</head>\n\
         <body style=\"margin:0;padding:24px 16px\">\n{preview}\
         <!--[if mso]><table role=\"presentation\" width=\"560\" align=\"center\"><tr><td><![endif]-->\n\
         <div lang=\"{language}\" style=\"max-width:560px;margin:0 auto;\
         font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;font-size:16px;line-height:1.5\">\n\
         {body}</div>\n<!--[if mso]></td></tr></table><![endif]-->\n</body>\n</html>\n",
        language = <&str>::from(language),
    );
    Rendered { language, subject: subject.to_owned(), text: text.join("\n\n") + "\n", html }
}

/// Only lists of mails and notifications show it.
const PREVIEW: &str = "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">";

fn text_of(block: &Block) -> String {
    match block {
        Block::Line(line) | Block::Code(line) => line.clone(),
        Block::List(items) => items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"),
    }
}

fn html_of(block: &Block) -> String {
    match block {
        Block::Line(line) => format!("<p style=\"margin:0 0 16px\">{}</p>\n", unbroken(line)),
        Block::List(items) => {
            let items: String =
                items.iter().map(|item| format!("<li style=\"margin:0 0 8px\">{}</li>\n", unbroken(item))).collect();
            format!("<ul style=\"margin:0 0 16px;padding-left:20px\">\n{items}</ul>\n")
        }
        Block::Code(code) => format!(
            "<p style=\"margin:0 0 16px;font-family:ui-monospace,Consolas,monospace;font-size:32px;line-height:1.2;\
             font-weight:700;letter-spacing:4px\">{}</p>\n",
            escaped(code)
        ),
    }
}

/// HTML text without a line end in "e-postadress" or after the hyphen of "Connect -tili". Longer words (addresses) may break.
fn unbroken(text: &str) -> String {
    let word = |word: &str| {
        let is_short = word.contains('-') && word.chars().count() <= 24;
        let word = escaped(word);
        if is_short { format!("<span style=\"white-space:nowrap\">{word}</span>") } else { word }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SendOutcome {
    Accepted,
    /// The mail server asked to try later, or could not be reached.
    #[default]
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

/// Why a mail was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotSent {
    pub outcome: SendOutcome,
    /// A word for the metrics.
    pub cause: &'static str,
    /// For the administrator. Without text of the mail server, which can contain the address.
    pub why: String,
    /// Other mails will not be accepted either.
    pub is_relays_trouble: bool,
}

impl From<&Failure> for NotSent {
    fn from(failure: &Failure) -> Self {
        let is_relays_trouble =
            failure.is_relays() || matches!(failure, Failure::Connection(_)) || failure.cause() == "login";
        Self { outcome: failure.into(), cause: failure.cause(), why: failure.to_string(), is_relays_trouble }
    }
}

#[derive(Debug, Clone)]
pub struct Mailer {
    relay: Relay,
    from: Mailbox,
    /// Where answers go, if not to the sender.
    reply_to: Option<Mailbox>,
    /// Where reports of mails that did not arrive go, if not to the sender.
    return_path: Option<Address>,
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
        Ok(Self { relay: Relay::new(url, login, None)?, from: sender(from)?, reply_to: None, return_path: None })
    }

    /// `from` and `reply_to`: as [`sender`] returns them.
    pub fn with_relay(relay: Relay, from: Mailbox, reply_to: Option<Mailbox>, return_path: Option<Address>) -> Self {
        Self { relay, from, reply_to, return_path }
    }

    /// Everything before the mail itself. `id` becomes the Message-ID, so that it is the same at every attempt.
    ///
    /// # Errors
    /// The mail server does not have the mail.
    pub async fn prepare<'a>(
        &self,
        id: &'a str,
        recipient: &str,
        first_name: &str,
        rendered: &Rendered,
    ) -> Result<PreparedMail<'a>, NotSent> {
        let (to, message) = match self.message(id, recipient, first_name, rendered) {
            Ok(built) => built,
            Err(error) => {
                tracing::warn!(mail = id, %error, "mail cannot be built");
                return Err(NotSent {
                    outcome: SendOutcome::Bounced,
                    cause: "message",
                    why: "it cannot be built".to_owned(),
                    is_relays_trouble: false,
                });
            }
        };
        let from = self.return_path.as_ref().unwrap_or(&self.from.email);
        let prepared = self.relay.prepare(id, from, &to).await.map_err(|failure| logged(id, &failure))?;
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
        let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
        let mut message = lettre::Message::builder();
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let message = message
            .from(self.from.clone())
            .to(Mailbox::new(name, to.clone()))
            .subject(&rendered.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            // RFC 3282, and RFC 3834 with Exchange's own header against out-of-office replies.
            .raw_header(header("Content-Language", rendered.language.into()))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"))
            .multipart(MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone()))?;
        Ok((to, message))
    }
}

impl PreparedMail<'_> {
    /// Sends the mail itself.
    ///
    /// # Errors
    /// The mail server has it only if the outcome is uncertain.
    pub async fn hand_over(self) -> Result<(), NotSent> {
        self.prepared.hand_over(&self.message).await.map_err(|failure| logged(self.id, &failure))
    }
}

fn logged(id: &str, failure: &Failure) -> NotSent {
    let not_sent = NotSent::from(failure);
    match not_sent.outcome {
        SendOutcome::RelayRefused => tracing::error!(mail = id, %failure, "the mail server refuses this backend"),
        SendOutcome::Uncertain => tracing::warn!(mail = id, %failure, "mail may have been accepted"),
        _ => tracing::info!(mail = id, %failure, "mail not accepted"),
    }
    not_sent
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
        let unlinked = Message::Unlinked { address: "a…@…".into() };
        for language in ALL {
            for message in [message(), notice.clone(), unlinked.clone()] {
                let Rendered { subject, text, html, .. } = render(&message, "Anna", language, 30 * MINUTE);
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

    fn mail(reply_to: Option<&str>, language: Language) -> String {
        let relay = Relay::new(&Url::parse("smtp://127.0.0.1:25").unwrap(), None, None).unwrap();
        let from = "Flex HRM <no-reply@hrm.example>".parse().unwrap();
        let mailer = Mailer::with_relay(relay, from, reply_to.map(|to| to.parse().unwrap()), None);
        let rendered = render(&message(), "Anna", language, 30 * MINUTE);
        let mail = mailer.message("row-1", "anna@company.com", "Anna", &rendered).unwrap().1.formatted();
        String::from_utf8(mail).unwrap()
    }

    #[test]
    fn a_mail_is_marked_automatic_and_keeps_its_message_id() {
        let mail = mail(None, Language::En);
        assert!(mail.contains("Auto-Submitted: auto-generated"));
        assert!(mail.contains("X-Auto-Response-Suppress: All"));
        assert!(mail.contains("Message-ID: <row-1@hrm.example>"));
        assert!(!mail.contains("List-"), "it is no newsletter");
    }

    #[test]
    fn a_mail_tells_its_language_and_who_gets_the_answers() {
        assert!(mail(None, Language::Nb).contains("Content-Language: nb"));
        assert!(!mail(None, Language::En).contains("Reply-To"));
        let mail = mail(Some("HR <hr@company.com>"), Language::Fi);
        assert!(mail.contains("Content-Language: fi"));
        assert!(mail.contains("Reply-To: HR <hr@company.com>"), "{mail}");
    }

    #[test]
    fn the_code_comes_first_in_the_preview_not_in_the_subject() {
        for language in ALL {
            let Rendered { subject, html, .. } = render(&message(), "Anna", language, 30 * MINUTE);
            assert!(!subject.contains("012345"), "mail servers log subjects");
            let body = html.split_once("<body").unwrap().1;
            assert!(body.contains(&format!("{PREVIEW}012345 ")), "{language:?}");
            assert!(body.find(PREVIEW) < body.find("<p"), "{language:?}");
        }
    }

    #[test]
    fn a_mail_has_both_parts_in_short_lines_of_ascii() {
        for language in ALL {
            let mail = mail(None, language);
            let plain = mail.find("Content-Type: text/plain; charset=utf-8").unwrap();
            let html = mail.find("Content-Type: text/html; charset=utf-8").unwrap();
            assert!(
                mail.contains("Content-Type: multipart/alternative;") && plain < html,
                "the last part is preferred"
            );
            assert!(
                mail.contains("\r\nDate: ") && mail.contains("From: \"Flex HRM\" <no-reply@hrm.example>"),
                "{mail}"
            );
            for line in mail.split("\r\n") {
                assert!(line.len() <= 78 && line.is_ascii() && !line.contains('\n'), "{language:?}: {line}");
            }
        }
    }

    #[test]
    fn a_mail_needs_no_sheet_no_image_and_nothing_from_elsewhere() {
        for language in ALL {
            let Rendered { html, .. } = render(&message(), "Anna", language, 30 * MINUTE);
            for part in ["<style", "<link", "<img", "<script", "url(", "class="] {
                assert!(!html.contains(part), "{language:?}: {part}");
            }
            for tag in ["<p>", "<ul>", "<li>", "<div>"] {
                assert!(!html.contains(tag), "{language:?}: {tag} has no style of its own");
            }
        }
    }

    #[test]
    fn a_short_word_with_a_hyphen_is_not_broken() {
        let html = render(&message(), "Anna", Language::Fi, 30 * MINUTE).html;
        assert!(html.contains("Connect <span style=\"white-space:nowrap\">-tili,</span>"), "{html}");
        let long = "a…@a-company-with-a-long-name.com";
        let notice = Message::Notice { address: long.into() };
        assert!(render(&notice, "Anna", Language::Sv, 30 * MINUTE).html.contains(&format!(" {long}.</p>")));
    }
}
