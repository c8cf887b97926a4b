//! An SMTP server (RFC 5321) whose replies a [`MailHandler`] can choose. [`BadRelay`] misbehaves as told.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_parser::{Addr, Address, MessageParser};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::json_file::lock;

/// What a server may accept or refuse.
#[derive(Debug)]
pub enum Step<'a> {
    /// The client has connected.
    Greeting,
    /// `EHLO` or `HELO`, the whole line.
    Hello(&'a str),
    /// `AUTH`, the whole line.
    Login(&'a str),
    /// `MAIL FROM`, the whole line.
    Mail(&'a str),
    /// `RCPT TO`, the whole line.
    Recipient(&'a str),
    Data,
    /// The message is complete. A positive reply tells the client that it is delivered.
    Message(ReceivedMail),
    Quit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The positive reply to this step.
    Accept,
    /// Other lines, without the CRLF at the end. Bytes, since real servers send more than ASCII.
    Lines(&'static [u8]),
    /// None: the connection stays open, and the client waits.
    Never,
    /// None: the connection is closed.
    Close,
}

pub trait MailHandler: Send + Sync + 'static {
    fn reply(&self, step: Step<'_>) -> impl Future<Output = Reply> + Send;
}

/// The parts of a mail that tests and the inbox show. Lines end with `\n`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReceivedMail {
    pub to: String,
    pub from: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    #[serde(skip)]
    pub message_id: String,
}

impl ReceivedMail {
    /// None if it is not a mail.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(message)?;
        let address = |list: Option<&Address<'_>>| {
            list.and_then(Address::first).and_then(Addr::address).unwrap_or_default().to_owned()
        };
        let body = |part: Option<&mail_parser::MessagePart<'_>>| {
            part.map(ToString::to_string).unwrap_or_default().replace("\r\n", "\n")
        };
        Some(Self {
            to: address(message.to()),
            from: address(message.from()),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: body(message.text_bodies().find(|part| part.is_text() && !part.is_text_html())),
            html: body(message.html_bodies().find(|part| part.is_text_html())),
            message_id: message.message_id().unwrap_or_default().to_owned(),
        })
    }

    pub fn code(&self) -> Option<&str> {
        code_in(&self.text)
    }
}

/// The code in the text of a mail: a line of six digits.
pub fn code_in(text: &str) -> Option<&str> {
    text.lines().find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Serves clients until the future is dropped. Connected clients are then still served until they disconnect.
pub async fn serve(listener: TcpListener, handler: Arc<impl MailHandler>) {
    loop {
        // The client has already disconnected, or too many files are open.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            let _ = client.set_nodelay(true);
            // A client may leave at any time.
            let _ = converse(client, &*handler).await;
        });
    }
}

/// Serves one client, over TLS for instance.
///
/// # Errors
/// The client left, or the handler closed the connection.
pub async fn converse(client: impl AsyncRead + AsyncWrite + Unpin, handler: &impl MailHandler) -> io::Result<()> {
    let mut session = Session { client: BufReader::new(client), handler };
    session.reply(Step::Greeting, b"220 fake ESMTP").await?;
    session.run().await
}

/// Serves one client after STARTTLS, which has no greeting.
///
/// # Errors
/// As [`converse`].
pub async fn resume(client: impl AsyncRead + AsyncWrite + Unpin, handler: &impl MailHandler) -> io::Result<()> {
    Session { client: BufReader::new(client), handler }.run().await
}

struct Session<'a, C, H> {
    client: BufReader<C>,
    handler: &'a H,
}

impl<C: AsyncRead + AsyncWrite + Unpin, H: MailHandler> Session<'_, C, H> {
    async fn run(mut self) -> io::Result<()> {
        let (mut line, mut has_recipient) = (Vec::new(), false);
        loop {
            line.clear();
            if self.client.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
                "EHLO" | "HELO" => {
                    self.reply(Step::Hello(line), b"250-fake\r\n250-AUTH PLAIN\r\n250 8BITMIME").await?;
                }
                "AUTH" => _ = self.reply(Step::Login(line), b"235 2.7.0 welcome").await?,
                "MAIL" => {
                    has_recipient = false;
                    self.reply(Step::Mail(line), b"250 2.1.0 ok").await?;
                }
                "RCPT" => has_recipient |= self.reply(Step::Recipient(line), b"250 2.1.5 ok").await?,
                "DATA" if !has_recipient => self.write(b"503 5.5.1 no recipient").await?,
                "DATA" => {
                    if self.reply(Step::Data, b"354 end with a dot").await? {
                        match ReceivedMail::parse(&self.read_message().await?) {
                            Some(mail) => _ = self.reply(Step::Message(mail), b"250 2.0.0 accepted").await?,
                            None => self.write(b"554 5.6.0 not a mail").await?,
                        }
                    }
                }
                "RSET" | "NOOP" => self.write(b"250 2.0.0 ok").await?,
                "QUIT" => return self.reply(Step::Quit, b"221 2.0.0 bye").await.map(drop),
                _ => self.write(b"502 5.5.1 not implemented").await?,
            }
        }
    }

    /// Whether the handler accepts.
    async fn reply(&mut self, step: Step<'_>, accepted: &'static [u8]) -> io::Result<bool> {
        let reply = self.handler.reply(step).await;
        match reply {
            Reply::Accept => self.write(accepted).await?,
            Reply::Lines(lines) => self.write(lines).await?,
            // Until the client leaves.
            Reply::Never => _ = tokio::io::copy(&mut self.client, &mut tokio::io::sink()).await?,
            Reply::Close => {}
        }
        if matches!(reply, Reply::Never | Reply::Close) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(reply == Reply::Accept)
    }

    async fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.client.write_all(&[lines, b"\r\n"].concat()).await
    }

    async fn read_message(&mut self) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        loop {
            let start = message.len();
            if self.client.read_until(b'\n', &mut message).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match &message[start..] {
                b".\r\n" => {
                    message.truncate(start);
                    return Ok(message);
                }
                // RFC 5321, 4.5.2: a client doubles the dot at the start of a line.
                [b'.', ..] => _ = message.remove(start),
                _ => {}
            }
        }
    }
}

/// Where a [`BadRelay`] misbehaves: the names of [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Greeting,
    Hello,
    Login,
    Mail,
    Recipient,
    Data,
    Message,
    Quit,
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    at: At,
    late: Duration,
    reply: Reply,
    /// How many times it happens.
    times: usize,
}

/// A relay that misbehaves as told, and records what it was told and the mails that reached it whole, taken or not.
#[derive(Debug, Default)]
pub struct BadRelay {
    faults: Mutex<Vec<Fault>>,
    lines: Mutex<Vec<String>>,
    mails: Mutex<Vec<ReceivedMail>>,
}

impl BadRelay {
    /// Replies this from now on, and `late`.
    pub fn misbehave(&self, at: At, late: Duration, reply: Reply) {
        self.misbehave_times(usize::MAX, at, late, reply);
    }

    /// Replies this the next `times`, and `late`.
    pub fn misbehave_times(&self, times: usize, at: At, late: Duration, reply: Reply) {
        lock(&self.faults).push(Fault { at, late, reply, times });
    }

    /// Everything works from now on.
    pub fn recover(&self) {
        lock(&self.faults).clear();
    }

    /// The commands with an argument.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }

    pub fn mails(&self) -> Vec<ReceivedMail> {
        lock(&self.mails).clone()
    }

    fn take_fault(&self, at: At) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let fault = faults.iter_mut().find(|fault| fault.at == at && fault.times > 0)?;
        fault.times -= 1;
        Some(*fault)
    }
}

impl MailHandler for BadRelay {
    async fn reply(&self, step: Step<'_>) -> Reply {
        let at = match &step {
            Step::Greeting => At::Greeting,
            Step::Hello(_) => At::Hello,
            Step::Login(_) => At::Login,
            Step::Mail(_) => At::Mail,
            Step::Recipient(_) => At::Recipient,
            Step::Data => At::Data,
            Step::Message(_) => At::Message,
            Step::Quit => At::Quit,
        };
        match step {
            Step::Hello(line) | Step::Login(line) | Step::Mail(line) | Step::Recipient(line) => {
                lock(&self.lines).push(line.to_owned());
            }
            Step::Message(mail) => lock(&self.mails).push(mail),
            Step::Greeting | Step::Data | Step::Quit => {}
        }
        let Some(fault) = self.take_fault(at) else { return Reply::Accept };
        tokio::time::sleep(fault.late).await;
        fault.reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    #[derive(Default)]
    struct Handler(Mutex<Vec<ReceivedMail>>);

    impl MailHandler for Handler {
        async fn reply(&self, step: Step<'_>) -> Reply {
            match step {
                Step::Recipient(line) if line.contains("nobody") => return Reply::Lines(b"550 5.1.1 f\xf6r s\xe4ker"),
                Step::Message(mail) => self.0.lock().unwrap().push(mail),
                _ => {}
            }
            Reply::Accept
        }
    }

    async fn replies_to(handler: &Arc<Handler>, lines: &str) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tokio::spawn(serve(listener, Arc::clone(handler)));
        client.write_all(lines.replace('\n', "\r\n").as_bytes()).await.unwrap();
        let mut replies = Vec::new();
        client.read_to_end(&mut replies).await.unwrap();
        replies
    }

    #[tokio::test]
    async fn an_accepted_mail_reaches_the_handler() {
        let handler = Arc::default();
        let replies = replies_to(
            &handler,
            "EHLO test\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n\
             From: A <a@b.example>\nTo: c@d.example\nSubject: =?utf-8?q?H=C3=A4r?=\nMessage-ID: <1@b.example>\n\n\
             Code:\n123456\n..dot\n.\nQUIT\n",
        )
        .await;
        let replies = String::from_utf8(replies).unwrap();
        let codes: Vec<_> = replies.lines().map(|line| &line[..4]).collect();
        assert_eq!(codes, ["220 ", "250-", "250-", "250 ", "250 ", "250 ", "354 ", "250 ", "221 "]);
        let mails = handler.0.lock().unwrap();
        let [mail] = &mails[..] else { panic!("{mails:?}") };
        assert_eq!((&*mail.from, &*mail.to, &*mail.subject), ("a@b.example", "c@d.example", "Här"));
        assert_eq!((&*mail.text, mail.code()), ("Code:\n123456\n.dot\n", Some("123456")));
        assert_eq!(mail.message_id, "1@b.example");
    }

    #[tokio::test]
    async fn a_refused_recipient_gets_no_data() {
        let handler = Arc::default();
        let replies = replies_to(&handler, "EHLO test\nMAIL FROM:<a@b.example>\nRCPT TO:<nobody>\nDATA\nQUIT\n").await;
        let end = b"550 5.1.1 f\xf6r s\xe4ker\r\n503 5.5.1 no recipient\r\n221 2.0.0 bye\r\n";
        assert!(replies.ends_with(end), "{}", String::from_utf8_lossy(&replies));
        assert!(handler.0.lock().unwrap().is_empty());
    }
}
