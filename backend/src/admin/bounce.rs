//! Reports that a mail did not arrive (RFC 3464), which the relay sends hours after it took the mail.

use std::io::{self, Read};

use hrm_api::Delivery;
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::error::Output;
use crate::challenge::CodeStatus;
use crate::challenge_store;
use crate::clock::Clock;
use crate::database::Database;

/// Bytes of a report that are read. What decides stands before the returned mail.
const LONGEST_REPORT: u64 = 1 << 20;
/// A report is about one mail, and names it once or twice.
const MOST_IDS: usize = 10;

#[derive(Debug, PartialEq, Eq)]
struct Report {
    delivery: Delivery,
    /// What may be the id of the mail.
    ids: Vec<String>,
}

/// None: it reports no mail as failed or delayed.
fn parse(bytes: &[u8]) -> Option<Report> {
    let message = MessageParser::default().parse(bytes)?;
    let mut actions = Vec::new();
    let mut ids = Vec::new();
    for part in &message.parts {
        let kind = part.content_type();
        let kind = kind.map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
        match (kind.map(|kind| kind.to_lowercase()).as_deref(), &part.body) {
            (Some("message/delivery-status" | "message/global-delivery-status"), _) => {
                let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
                for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
                    let Some(fields) = MessageParser::default().parse(block.trim_start().as_bytes()) else { continue };
                    let field = |name: &'static str| Some(fields.header_raw(name)?.trim().to_lowercase());
                    actions.extend(field("Action"));
                    ids.extend(field("Original-Envelope-Id"));
                }
            }
            // The returned mail, or only its head.
            (_, PartType::Message(returned)) => ids.extend(id_of(returned)),
            (Some("text/rfc822-headers" | "message/global-headers"), _) => {
                ids.extend(MessageParser::default().parse(part.contents()).as_ref().and_then(id_of));
            }
            _ => {}
        }
    }
    let has = |word: &str| actions.iter().any(|action| action.split([' ', '(', ';']).next() == Some(word));
    let delivery = if has("failed") {
        Delivery::Bounced
    } else if has("delayed") {
        Delivery::Deferred
    } else {
        return None;
    };
    // What is no id of ours could be anything, even text that a database refuses.
    ids.retain(|id| uuid::Uuid::try_parse(id).is_ok());
    ids.dedup();
    ids.truncate(MOST_IDS);
    Some(Report { delivery, ids })
}

/// The id in the Message-ID that the mailer gives.
fn id_of(mail: &Message<'_>) -> Option<String> {
    Some(mail.message_id()?.split('@').next()?.to_owned())
}

/// Reads a report from standard input. What is no report about a code that still works changes nothing and is no error, so
/// that a mail system does not bounce it.
pub async fn read(database: &Database, input: impl Read) -> Output {
    let mut bytes = Vec::new();
    input.take(LONGEST_REPORT).read_to_end(&mut bytes).map_err(io::Error::other)?;
    let Some(report) = parse(&bytes) else {
        return Ok("This is no report that a mail failed. Nothing was changed.".to_owned());
    };
    for id in &report.ids {
        let employee: Option<String> =
            sqlx::query_scalar("SELECT employee_id FROM codes WHERE id = $1 AND status = $2 AND expires_at > $3")
                .bind(id)
                .bind(CodeStatus::Active.into_str())
                .bind(Clock::system_now())
                .fetch_optional(&mut *database.acquire().await?)
                .await?;
        let Some(employee) = employee else { continue };
        let mut tx = database.begin_locked(&employee).await?;
        let is_new = challenge_store::set_delivery(&mut tx, id, report.delivery).await?;
        if is_new {
            tx.notify(&employee);
        }
        tx.commit().await?;
        return Ok(match report.delivery {
            _ if !is_new => "The app says so, or worse, already. Nothing was changed.",
            Delivery::Bounced => "A code's mail did not arrive. The app says so, and asks for another address.",
            _ => "A code's mail is delayed. The app says so.",
        }
        .to_owned());
    }
    Ok("The report is about no code that still works. Nothing was changed.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b7c9a52-5d0a-4f0e-9a35-6a8f8f3f7a10";

    /// As Postfix writes it; `status` and `returned` stand for its two parts.
    fn report(status: &str, kind: &str, returned: &str) -> Vec<u8> {
        format!(
            "From: MAILER-DAEMON@mx.company.com (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n\
             To: no-reply@company.com\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
             --b\nContent-Type: text/plain\n\nI'm sorry to have to inform you.\n\n\
             --b\nContent-Type: message/delivery-status\n\n{status}\n\
             --b\nContent-Type: {kind}\n\n{returned}\n--b--\n"
        )
        .replace('\n', "\r\n")
        .into_bytes()
    }

    fn of_recipient(action: &str) -> String {
        format!(
            "Reporting-MTA: dns; mx.company.com\n\nFinal-Recipient: rfc822; anna@company.com\n\
             Action: {action}\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n"
        )
    }

    fn mail() -> String {
        format!(
            "Message-ID: <{ID}@company.com>\nFrom: no-reply@company.com\nTo: anna@company.com\nSubject: Code\n\nHi\n"
        )
    }

    #[test]
    fn the_mail_is_found_by_its_returned_copy_or_head_or_by_the_envelope() {
        let bounced = Some(Report { delivery: Delivery::Bounced, ids: vec![ID.to_owned()] });
        for kind in ["message/rfc822", "text/rfc822-headers"] {
            assert_eq!(parse(&report(&of_recipient("failed"), kind, &mail())), bounced, "{kind}");
        }
        let with_envelope = format!("Original-Envelope-Id: {ID}\n{}", of_recipient("Failed (gave up)"));
        assert_eq!(parse(&report(&with_envelope, "text/plain", "")), bounced);
    }

    #[test]
    fn only_failures_and_delays_count() {
        let delivery = |action| Some(parse(&report(&of_recipient(action), "message/rfc822", &mail()))?.delivery);
        assert_eq!(delivery("delayed"), Some(Delivery::Deferred));
        let nul = of_recipient("failed").replace("Reporting-MTA", "Original-Envelope-Id: a\0b\nReporting-MTA");
        assert_eq!(parse(&report(&nul, "text/plain", "")).map(|report| report.ids), Some(vec![]));
        for action in ["delivered", "relayed", "expanded", "", "failed-not"] {
            assert_eq!(delivery(action), None, "{action}");
        }
        for text in [mail().as_bytes(), b"", b"\xff\0", b"Content-Type: multipart/report; boundary=b\n\n--b"] {
            assert_eq!(parse(text), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_input_is_read_or_left(status in "\\PC{0,200}", returned in "\\PC{0,200}", bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let _ = parse(&report(&status, "message/rfc822", &returned));
        }
    }
}
