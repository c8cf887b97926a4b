//! The company's mail server has a certificate of the company's own authority, and wants a login.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::{ANNA, Employee, Program, TestDemo};
use hrm_backend::mail::smtp::Relay;
use hrm_fakes::mail_server::{self, BadRelay};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// `hrm:sesame`
const LOGIN: &str = "AUTH PLAIN AGhybQBzZXNhbWU=";

/// A certificate for `localhost`, its own authority, as a PEM file too.
fn certificate(folder: &Path) -> (TlsAcceptor, PathBuf) {
    hrm_backend::install_cryptography();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    let file = folder.join("ca.pem");
    std::fs::write(&file, certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

#[derive(Clone, Copy)]
enum Offer {
    Tls,
    StartTls,
    Nothing,
}

/// Replies before the encryption; true if the client asks for it.
async fn is_start_tls(client: &mut TcpStream, offer: &str) -> std::io::Result<bool> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.write_all(b"220 relay\r\n").await?;
    client.read_line(&mut line).await?;
    client.write_all(format!("250-relay\r\n250-AUTH PLAIN\r\n250 {offer}\r\n").as_bytes()).await?;
    line.clear();
    client.read_line(&mut line).await?;
    let asks = line == "STARTTLS\r\n";
    client.write_all(if asks { b"220 go\r\n" } else { b"530 first\r\n" }).await?;
    Ok(asks)
}

struct Company {
    relay: Arc<BadRelay>,
    anna: Employee,
    program: Program,
    _demo: TestDemo,
    _folder: TempDir,
}

impl Company {
    /// Anna asks for a code.
    async fn start(offer: Offer, is_trusted: bool) -> Self {
        let demo = TestDemo::start().await;
        let folder = TempDir::new().unwrap();
        let database_url = crate::support::database_url(folder.path()).await;
        crate::support::import(
            &database_url,
            &[format!("1,anna,{},Anna,Svensson,en,SE,{ANNA}", crate::support::light_hash())],
        );
        let (acceptor, ca_file) = certificate(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("localhost:{}", listener.local_addr().unwrap().port());
        let smtp_url = match offer {
            Offer::Tls => format!("smtps://{address}"),
            Offer::StartTls | Offer::Nothing => format!("smtp://{address}?tls=required"),
        };
        let relay = Arc::new(BadRelay::default());
        tokio::spawn(serve(listener, acceptor, offer, Arc::clone(&relay)));
        let mut command = crate::support::serve(&database_url, &demo.running);
        command.env("HRM_SMTP_URL", smtp_url).env("HRM_SMTP_USER", "hrm").env("HRM_SMTP_PASSWORD", "sesame");
        if is_trusted {
            command.env("HRM_SMTP_CA_FILE", ca_file);
        }
        let program = Program::start(&mut command);
        let anna = program.server.sign_in("anna").await;
        anna.send(ANNA).await.state(202, "codeSent");
        Self { relay, anna, program, _demo: demo, _folder: folder }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, offer: Offer, relay: Arc<BadRelay>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (acceptor, relay) = (acceptor.clone(), Arc::clone(&relay));
        tokio::spawn(async move {
            match offer {
                Offer::Tls => mail_server::converse(acceptor.accept(client).await?, &*relay).await,
                Offer::StartTls if is_start_tls(&mut client, "STARTTLS").await? => {
                    mail_server::resume(acceptor.accept(client).await?, &*relay).await
                }
                Offer::StartTls => Ok(()),
                Offer::Nothing => is_start_tls(&mut client, "8BITMIME").await.map(drop),
            }
        });
    }
}

#[tokio::test]
async fn a_relay_of_the_companys_authority_gets_login_and_mail() {
    for offer in [Offer::Tls, Offer::StartTls] {
        let company = Company::start(offer, true).await;
        company.anna.wait_for_delivery("accepted").await;
        assert_eq!(company.relay.lines()[1], LOGIN);
        assert_eq!(company.relay.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_relay_of_an_unknown_authority_gets_no_login() {
    for offer in [Offer::Tls, Offer::StartTls] {
        let company = Company::start(offer, false).await;
        company.anna.wait_for_delivery("deferred").await;
        company.program.server.wait_for_metric("hrm_mails_total{answer=\"relay_refused\"}", 2).await;
        assert!(company.relay.lines().is_empty(), "{:?}", company.relay.lines());
    }
}

#[tokio::test]
async fn a_relay_without_the_required_tls_gets_no_login() {
    let company = Company::start(Offer::Nothing, true).await;
    company.anna.wait_for_delivery("deferred").await;
    company.program.server.wait_for_metric("hrm_mails_total{answer=\"relay_refused\"}", 2).await;
    assert!(company.relay.lines().is_empty(), "{:?}", company.relay.lines());
}

#[test]
fn a_ca_file_without_a_certificate_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let url = "smtps://mail.company.com".parse().unwrap();
    assert!(Relay::new(&url, None, Some(&file)).unwrap_err().contains("ca.pem"));
    std::fs::write(&file, "no certificate").unwrap();
    assert!(Relay::new(&url, None, Some(&file)).unwrap_err().contains("no PEM certificate"));
}
