//! Hands a mail to the company's mail server, the relay (RFC 5321). Of a reply only the three digits count, and of the
//! text after EHLO the extensions.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lettre::Address;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

/// RFC 5321, 4.5.3.2.5: for each block of a message.
const BLOCK_LIMIT: Duration = Duration::from_mins(3);
const CONNECT_LIMIT: Duration = Duration::from_mins(1);
/// The mail is taken before QUIT, so nothing waits for its answer.
const QUIT_LIMIT: Duration = Duration::from_secs(5);
/// RFC 5321, 4.5.3.1.5 has 512; real servers send more.
const LONGEST_LINE: u64 = 4_096;
const MOST_LINES: usize = 100;

/// What the client waits for an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE", const_into_str)]
pub enum Step {
    Connection,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The dot that ends the message.
    Dot,
}

impl Step {
    /// RFC 5321, 4.5.3.2. It names none for EHLO, STARTTLS and AUTH.
    fn limit(self) -> Duration {
        match self {
            Self::Data => Duration::from_mins(2),
            Self::Dot => Duration::from_mins(10),
            _ => Duration::from_mins(5),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Connection(#[from] io::Error),
    #[error("TLS: {0}")]
    Tls(io::Error),
    #[error("{} got the reply {code}", step.into_str())]
    Reply { step: Step, code: u16 },
    #[error("the mail server does not offer {0}")]
    Missing(&'static str),
    /// Neither taken nor refused: the answer to the dot did not arrive.
    #[error("the connection was lost after the dot: {0}")]
    Uncertain(io::Error),
}

impl Failure {
    /// The recipient or the message was refused for good. Replies about the conversation or the login are the relay's
    /// trouble at every step: many relays send them only at RCPT.
    pub fn is_bounce(&self) -> bool {
        match self {
            Self::Reply { step, code } => {
                let is_about_conversation = matches!(code, 500 | 502..=504 | 521 | 530..=538 | 555);
                *step >= Step::Rcpt && (500..600).contains(code) && !is_about_conversation
            }
            Self::Missing(extension) => *extension == SMTPUTF8,
            _ => false,
        }
    }

    /// A word for the metrics.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Connection(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Uncertain(_) => "uncertain",
            Self::Missing(_) if self.is_bounce() => "recipient",
            Self::Missing(_) => "not_offered",
            Self::Reply { step: Step::Auth, .. } | Self::Reply { code: 530..=538, .. } => "login",
            Self::Reply { step, .. } if self.is_bounce() && *step == Step::Rcpt => "recipient",
            Self::Reply { .. } if self.is_bounce() => "message",
            Self::Reply { code: 400..=499, .. } => "try_later",
            Self::Reply { .. } => "refused",
        }
    }

    /// An operator has to do something.
    pub fn is_relays(&self) -> bool {
        match self {
            Self::Reply { code, .. } => !self.is_bounce() && !(400..500).contains(code),
            Self::Missing(_) => !self.is_bounce(),
            Self::Tls(_) => true,
            Self::Connection(_) | Self::Uncertain(_) => false,
        }
    }
}

const SMTPUTF8: &str = "SMTPUTF8";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Plain,
    StartTlsIfOffered,
    StartTls,
    Tls,
}

/// The relay, and how to talk to it.
#[derive(Debug, Clone)]
pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, SecretString)>,
    hello_name: Option<String>,
    tls: Option<Arc<ClientConfig>>,
}

impl Relay {
    /// `url`: `smtp://host:port`, with `?tls=required` for STARTTLS, or `smtps://host`. `ca_file`: PEM certificates
    /// that are trusted beside the system's. Does not connect yet.
    pub fn new(url: &Url, login: Option<(String, SecretString)>, ca_file: Option<&Path>) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("contains a login; set HRM_SMTP_USER and HRM_SMTP_PASSWORD instead".to_owned());
        }
        let security = match (url.scheme(), url.query()) {
            ("smtp", None) => Security::Plain,
            ("smtp", Some("tls=opportunistic")) => Security::StartTlsIfOffered,
            ("smtp", Some("tls=required")) => Security::StartTls,
            ("smtps", None) => Security::Tls,
            _ => return Err("is neither smtps://host nor smtp://host, smtp://host?tls=required".to_owned()),
        };
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("has no host".to_owned());
        }
        let is_local = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let is_encrypted = matches!(security, Security::Tls | Security::StartTls);
        if login.is_some() && !is_encrypted && !is_local {
            return Err("would send the login unencrypted; add ?tls=required or use smtps://".to_owned());
        }
        if ca_file.is_some() && security == Security::Plain {
            return Err(
                "has no TLS, so HRM_SMTP_CA_FILE would not be used; add ?tls=required or use smtps://".to_owned()
            );
        }
        let port = url.port().unwrap_or(match security {
            Security::Plain => 25,
            Security::StartTls | Security::StartTlsIfOffered => 587,
            Security::Tls => 465,
        });
        let tls = if security == Security::Plain { None } else { Some(Arc::new(tls(ca_file)?)) };
        Ok(Self { host: host.to_owned(), port, security, login, hello_name: None, tls })
    }

    /// The name for EHLO. Without one it is the address of the connection (RFC 5321, 4.1.4).
    #[must_use]
    pub fn with_hello_name(self, name: Option<String>) -> Self {
        Self { hello_name: name, ..self }
    }

    /// Everything up to the relay's reply to DATA. `id`: of the mail, for reports about it (RFC 3461, ENVID).
    ///
    /// # Errors
    /// Nothing was handed over.
    pub async fn prepare(&self, id: &str, from: &Address, to: &Address) -> Result<Prepared, Failure> {
        let stream =
            timeout(CONNECT_LIMIT, TcpStream::connect((&*self.host, self.port))).await.map_err(io::Error::from)??;
        stream.set_nodelay(true)?;
        let hello_name = self.hello_name.clone().unwrap_or(literal(stream.local_addr()?));
        let mut conversation = Conversation::new(Box::new(stream));
        match self.envelope(&mut conversation, &hello_name, id, (from, to)).await {
            Ok(()) => Ok(Prepared(conversation)),
            Err(failure) => {
                conversation.quit();
                Err(failure)
            }
        }
    }

    async fn envelope(
        &self,
        conversation: &mut Conversation,
        hello_name: &str,
        id: &str,
        (from, to): (&Address, &Address),
    ) -> Result<(), Failure> {
        if self.security == Security::Tls {
            self.encrypt(conversation).await?;
        }
        conversation.expect(Step::Connection, 220).await?;
        let mut extensions = conversation.hello(hello_name).await?;
        let offers_tls = extensions.iter().any(|line| line == "STARTTLS");
        if self.security == Security::StartTls || (self.security == Security::StartTlsIfOffered && offers_tls) {
            if !offers_tls {
                return Err(Failure::Missing("STARTTLS"));
            }
            conversation.command(Step::StartTls, "STARTTLS", 220).await?;
            self.encrypt(conversation).await?;
            extensions = conversation.hello(hello_name).await?;
        }
        if let Some((user, password)) = &self.login {
            conversation.log_in(&extensions, user, password).await?;
        }
        let is_ascii = AsRef::<str>::as_ref(to).is_ascii();
        if !is_ascii && !extensions.iter().any(|line| line == SMTPUTF8) {
            return Err(Failure::Missing(SMTPUTF8));
        }
        let mut options = if is_ascii { String::new() } else { " SMTPUTF8 BODY=8BITMIME".to_owned() };
        if extensions.iter().any(|line| line == "DSN") {
            // A report then names the mail, and does not carry its text with the code.
            options += &format!(" RET=HDRS ENVID={id}");
        }
        conversation.command(Step::Mail, &format!("MAIL FROM:<{from}>{options}"), 250).await?;
        conversation.command(Step::Rcpt, &format!("RCPT TO:<{to}>"), 250).await?;
        conversation.command(Step::Data, "DATA", 354).await
    }

    async fn encrypt(&self, conversation: &mut Conversation) -> Result<(), Failure> {
        let Some(tls) = &self.tls else { return Err(Failure::Missing("TLS")) };
        let name = ServerName::try_from(self.host.clone()).map_err(|error| Failure::Tls(io::Error::other(error)))?;
        // What was sent before the encryption is not the relay's word (CVE-2011-0411).
        if !conversation.0.buffer().is_empty() {
            return Err(Failure::Tls(io::ErrorKind::InvalidData.into()));
        }
        let plain = std::mem::replace(&mut conversation.0, BufReader::new(Box::new(tokio::io::empty())));
        let connecting = TlsConnector::from(Arc::clone(tls)).connect(name, plain.into_inner());
        let encrypted = timeout(Step::StartTls.limit(), connecting).await.map_err(io::Error::from)?;
        *conversation = Conversation::new(Box::new(encrypted.map_err(Failure::Tls)?));
        Ok(())
    }
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let unreadable = |error: &dyn std::fmt::Display| format!("the CA file {}: {error}", path.display());
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| unreadable(&error));
        let certificates = certificates?;
        if certificates.is_empty() {
            return Err(unreadable(&"has no PEM certificate"));
        }
        for certificate in certificates {
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
    }
    if roots.is_empty() {
        return Err("needs certificates of authorities; install the system's or set HRM_SMTP_CA_FILE".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A full name with a dot, which mail servers want in EHLO.
pub fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

fn literal(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    }
}

/// The relay waits for the message.
pub struct Prepared(Conversation);

impl Prepared {
    /// Sends the message and waits for the reply to the dot, which decides.
    pub async fn hand_over(self, message: &[u8]) -> Result<(), Failure> {
        let mut conversation = self.0;
        conversation.write(&with_dots(message)).await?;
        let reply = async {
            conversation.write(b".\r\n").await?;
            conversation.reply(Step::Dot).await
        };
        let reply = reply.await.map_err(Failure::Uncertain)?;
        conversation.quit();
        match reply.code / 100 {
            2 => Ok(()),
            4 | 5 => Err(Failure::Reply { step: Step::Dot, code: reply.code }),
            // No reply that a server may give here, so the mail may be accepted.
            _ => Err(Failure::Uncertain(io::ErrorKind::InvalidData.into())),
        }
    }
}

/// RFC 5321, 4.5.2: a dot at the start of a line is doubled. Every line ends with CRLF, so that no relay sees another
/// end of the message.
fn with_dots(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len() + 64);
    let message = message.strip_suffix(b"\r\n").unwrap_or(message);
    for line in message.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b".") {
            text.push(b'.');
        }
        text.extend(line.iter().map(|byte| if *byte == b'\r' { b' ' } else { *byte }));
        text.extend_from_slice(b"\r\n");
    }
    text
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Reply {
    code: u16,
    /// What follows the digits, in capitals.
    lines: Vec<String>,
}

struct Conversation(BufReader<Box<dyn Stream>>);

impl Conversation {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self(BufReader::new(stream))
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(BLOCK_LIMIT, async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        })
        .await?
    }

    async fn reply(&mut self, step: Step) -> io::Result<Reply> {
        timeout(step.limit(), self.read_reply()).await?
    }

    async fn read_reply(&mut self) -> io::Result<Reply> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let mut lines = Vec::new();
        while lines.len() < MOST_LINES {
            let mut line = Vec::new();
            (&mut self.0).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (digits, rest) = line.split_at_checked(3).ok_or_else(invalid)?;
            let code = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(invalid)?;
            lines.push(String::from_utf8_lossy(rest).trim_start_matches(['-', ' ']).trim_end().to_ascii_uppercase());
            if !line.ends_with(b"\n") {
                return Err(invalid());
            }
            if rest.first() != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
        Err(invalid())
    }

    async fn expect(&mut self, step: Step, code: u16) -> Result<Reply, Failure> {
        let reply = self.reply(step).await?;
        // RFC 5321, 4.3.2: a client looks at the first digit. 251 is a 250 with another path.
        if reply.code / 100 == code / 100 { Ok(reply) } else { Err(Failure::Reply { step, code: reply.code }) }
    }

    async fn command(&mut self, step: Step, line: &str, code: u16) -> Result<(), Failure> {
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.expect(step, code).await.map(drop)
    }

    /// The extensions that the relay offers.
    async fn hello(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        self.write(format!("EHLO {name}\r\n").as_bytes()).await?;
        Ok(self.expect(Step::Ehlo, 250).await?.lines)
    }

    async fn log_in(&mut self, extensions: &[String], user: &str, password: &SecretString) -> Result<(), Failure> {
        let password = password.expose_secret();
        let offered = |mechanism| {
            let mut lines = extensions.iter().filter_map(|line| line.strip_prefix("AUTH"));
            lines.any(|line| line.split([' ', '=']).any(|word| word == mechanism))
        };
        if offered("PLAIN") {
            let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
            self.command(Step::Auth, &format!("AUTH PLAIN {response}"), 235).await
        } else if offered("LOGIN") {
            self.command(Step::Auth, "AUTH LOGIN", 334).await?;
            self.command(Step::Auth, &BASE64_STANDARD.encode(user), 334).await?;
            self.command(Step::Auth, &BASE64_STANDARD.encode(password), 235).await
        } else {
            Err(Failure::Missing("AUTH PLAIN or LOGIN"))
        }
    }

    /// Takes leave in the background.
    fn quit(mut self) {
        tokio::spawn(timeout(QUIT_LIMIT, async move {
            // The mail server may have left already.
            if self.write(b"QUIT\r\n").await.is_ok() {
                let _ = self.read_reply().await;
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled_and_every_line_ends_with_crlf() {
        assert_eq!(with_dots(b"a\r\n.\r\n..b\nc\r.\r\n"), b"a\r\n..\r\n...b\r\nc .\r\n");
        assert_eq!(with_dots(b"a"), b"a\r\n");
    }

    #[test]
    fn a_refusal_is_the_recipients_only_if_it_is_about_them() {
        let is_bounce = |step, code| Failure::Reply { step, code }.is_bounce();
        assert!(is_bounce(Step::Rcpt, 550) && is_bounce(Step::Data, 554) && is_bounce(Step::Dot, 552));
        for (step, code) in [(Step::Mail, 550), (Step::Connection, 554), (Step::Rcpt, 530), (Step::Rcpt, 452)] {
            assert!(!is_bounce(step, code), "{step:?} {code}");
        }
    }

    #[tokio::test]
    async fn a_relay_that_knows_only_auth_login_gets_it() {
        let (mut relay, client) = tokio::io::duplex(1_024);
        relay.write_all(b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 welcome\r\n").await.unwrap();
        let mut conversation = Conversation::new(Box::new(client));
        conversation.log_in(&["AUTH LOGIN XOAUTH2".into()], "hrm", &"sesame".into()).await.unwrap();
        drop(conversation);
        let mut told = String::new();
        relay.read_to_string(&mut told).await.unwrap();
        assert_eq!(told, "AUTH LOGIN\r\naHJt\r\nc2VzYW1l\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_to_the_dot_has_ten_minutes() {
        for (seconds, is_taken) in [(9 * 60 + 59, true), (10 * 60 + 1, false)] {
            let (mut relay, client) = tokio::io::duplex(1_024);
            let serving = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                let _ = relay.write_all(b"250 taken\r\n").await;
                relay
            });
            let prepared = Prepared(Conversation::new(Box::new(client)));
            let taken = prepared.hand_over(b"mail\r\n").await;
            assert_eq!(taken.is_ok(), is_taken, "{taken:?}");
            assert!(is_taken || matches!(taken, Err(Failure::Uncertain(_))));
            serving.await.unwrap();
        }
    }
}
