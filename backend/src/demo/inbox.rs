//! The SMTP catcher (mailcrab), with a door in front of it that can refuse and delay, and the mails that it caught.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::faults::{Faults, MailFault};
use super::json_file::JsonFile;
use crate::clock::{Clock, date};
use crate::mail::escaped;

/// A caught mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedMail {
    to: String,
    from: String,
    subject: String,
    text: String,
    html: String,
    received_at: DateTime<Utc>,
}

/// The mails that were caught, the oldest first.
pub type Inbox = JsonFile<Vec<ReceivedMail>>;

/// Starts the catcher on free ports, and answers where the backend is to hand its mails over.
///
/// # Errors
/// When there are no ports.
pub async fn start(
    inbox: Arc<Inbox>,
    faults: Arc<Faults>,
    clock: Clock,
    stopping: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let localhost = Ipv4Addr::LOCALHOST;
    // mailcrab takes a port and does not tell which it got, so it is given one that was free a moment ago.
    let free = TcpListener::bind((localhost, 0)).await?;
    let behind = free.local_addr()?;
    drop(free);
    let (sender, mut receiver) = broadcast::channel(1_024);
    tokio::spawn(mailcrab::mail_server(localhost.into(), behind.port(), sender, false, stopping.clone()));

    let (kept, is_kept) = watch::channel(String::new());
    tokio::spawn(async move {
        while let Ok(message) = receiver.recv().await {
            let id = message.id.to_string();
            // Its fields are private and its JSON is not.
            if let Ok(mail) = serde_json::to_value(&message) {
                let caught = parse_mail(&mail, date(clock.now()));
                inbox.change(|mails| mails.push(caught));
            }
            let _ = kept.send(id);
        }
    });

    let front = TcpListener::bind((localhost, 0)).await?;
    let address = front.local_addr()?;
    tokio::spawn(async move {
        loop {
            let client = tokio::select! {
                accepted = front.accept() => accepted,
                () = stopping.cancelled() => return,
            };
            let Ok((client, _)) = client else { continue };
            let (fault, is_kept) = (faults.now().mail, is_kept.clone());
            tokio::spawn(async move {
                let _ = match fault {
                    MailFault::Ok => proxy(client, behind, is_kept).await,
                    MailFault::Refuse => refuse(client, "550 5.1.1 no such mailbox").await,
                    MailFault::Delay => refuse(client, "451 4.3.0 try again later").await,
                };
            });
        }
    });
    // mailcrab listens a moment later than it is spawned.
    for _ in 0..2_000 {
        if TcpStream::connect(behind).await.is_ok() {
            return Ok(address);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(std::io::Error::other("the mail catcher does not listen"))
}

/// Lets client and catcher talk. The catcher's last word, "queued", waits until the mail is in its file: what is
/// acknowledged is not lost when the demo is killed.
async fn proxy(client: TcpStream, behind: SocketAddr, mut is_kept: watch::Receiver<String>) -> std::io::Result<()> {
    let catcher = TcpStream::connect(behind).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_catcher, mut to_catcher) = catcher.into_split();
    let up = async {
        copy(&mut from_client, &mut to_catcher).await?;
        to_catcher.shutdown().await
    };
    let down = async {
        let mut buffer = vec![0; 4_096];
        loop {
            let read = from_catcher.read(&mut buffer).await?;
            if read == 0 {
                return to_client.shutdown().await;
            }
            let words = String::from_utf8_lossy(&buffer[..read]);
            if let Some((_, id)) = words.split_once("queued as ") {
                let id = id.trim().to_owned();
                let _ = tokio::time::timeout(Duration::from_secs(1), is_kept.wait_for(|kept| *kept == id)).await;
            }
            to_client.write_all(&buffer[..read]).await?;
        }
    };
    tokio::try_join!(up, down).map(|_| ())
}

/// A mail server that takes no recipient.
async fn refuse(client: TcpStream, answer: &str) -> std::io::Result<()> {
    let (reader, mut writer) = client.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 demo ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "RCPT" => answer,
            "DATA" => "503 5.5.1 no recipient",
            "QUIT" => "221 2.0.0 bye",
            _ => "250 2.0.0 ok",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if verb == "QUIT" {
            break;
        }
    }
    Ok(())
}

fn parse_mail(mail: &Value, received_at: DateTime<Utc>) -> ReceivedMail {
    let text = |value: &Value| value.as_str().unwrap_or_default().replace("\r\n", "\n");
    ReceivedMail {
        to: text(&mail["to"][0]["email"]),
        from: text(&mail["from"]["email"]),
        subject: text(&mail["subject"]),
        text: text(&mail["text"]),
        html: text(&mail["html"]),
        received_at,
    }
}

/// The inbox as JSON, newest first.
pub fn json(inbox: &Inbox) -> Vec<ReceivedMail> {
    inbox.read(|mails| mails.iter().rev().cloned().collect())
}

/// The code in the newest mail that has one.
pub fn newest_code(inbox: &Inbox) -> Option<String> {
    let is_code = |line: &&str| crate::challenge::is_well_formed(line);
    inbox.read(|mails| mails.iter().rev().find_map(|mail| mail.text.lines().find(is_code).map(str::to_owned)))
}

/// The inbox as a page, newest first.
pub fn page(inbox: &Inbox) -> String {
    let mails = json(inbox).iter().map(entry).collect::<String>();
    let mails = if mails.is_empty() {
        "<p>No mail yet. Reload the page when a code was asked for.</p>".to_owned()
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

fn entry(mail: &ReceivedMail) -> String {
    format!(
        "<article><h2>{}</h2><p class=\"about\">To {} · {}</p><pre>{}</pre></article>",
        escaped(&mail.subject),
        escaped(&mail.to),
        mail.received_at.format("%Y-%m-%d %H:%M:%S UTC"),
        escaped(&mail.text),
    )
}
