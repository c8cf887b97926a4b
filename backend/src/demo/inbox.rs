//! The mails that the demo's mail server has accepted, as JSON and as a page.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hrm_fakes::json_file::JsonFile;
use hrm_fakes::mail_server::{MailHandler, ReceivedMail, Reply, Step};
use serde::{Deserialize, Serialize};

use super::faults::{Faults, MailFault};
use crate::clock::{Clock, date};
use crate::mail::escaped;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxMail {
    #[serde(flatten)]
    mail: ReceivedMail,
    received_at: DateTime<Utc>,
}

/// The oldest mail first.
pub type Inbox = JsonFile<Vec<InboxMail>>;

/// Stores the mails that the demo's mail server accepts.
pub struct InboxHandler {
    pub inbox: Arc<Inbox>,
    pub faults: Arc<Faults>,
    pub clock: Clock,
}

impl MailHandler for InboxHandler {
    /// A mail is written to its file before it is acknowledged, so that killing the demo loses none.
    async fn reply(&self, step: Step<'_>) -> Reply {
        match (step, self.faults.now().mail) {
            (Step::Recipient(_), MailFault::Refuse) => return Reply::Lines(b"550 5.1.1 no such mailbox"),
            (Step::Recipient(_), MailFault::Delay) => return Reply::Lines(b"451 4.3.0 try again later"),
            (Step::Message(mail), _) => {
                self.inbox.change(|mails| mails.push(InboxMail { mail, received_at: date(self.clock.now()) }));
            }
            _ => {}
        }
        Reply::Accept
    }
}

/// The newest mail first.
pub fn json(inbox: &Inbox) -> Vec<InboxMail> {
    inbox.read(|mails| mails.iter().rev().cloned().collect())
}

/// The code in the newest mail that has one.
pub fn newest_code(inbox: &Inbox) -> Option<String> {
    inbox.read(|mails| mails.iter().rev().find_map(|InboxMail { mail, .. }| mail.code().map(str::to_owned)))
}

/// The newest mail first.
pub fn page(inbox: &Inbox) -> String {
    let mails = json(inbox).iter().map(article).collect::<String>();
    let mails = if mails.is_empty() {
        "<p>No mail yet. Reload the page after a code was requested.</p>".to_owned()
    } else {
        mails
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Demo inbox</title><style>\
         :root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}}\
         article{{border:1px solid #8886;border-radius:12px;padding:1rem 1.25rem;margin:1rem 0}}h2{{font-size:1.1rem;margin:0}}\
         .about{{opacity:.75;margin:.25rem 0 1rem}}pre{{font:inherit;white-space:pre-wrap;margin:0}}</style></head>\
         <body><h1>Demo inbox</h1>{mails}</body></html>"
    )
}

fn article(InboxMail { mail, received_at }: &InboxMail) -> String {
    format!(
        "<article><h2>{}</h2><p class=\"about\">To {} · {}</p><pre>{}</pre></article>",
        escaped(&mail.subject),
        escaped(&mail.to),
        received_at.format("%Y-%m-%d %H:%M:%S UTC"),
        escaped(&mail.text),
    )
}
