//! The company's mail server misbehaves.

use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Employee, Program, TestDemo, light_hash, until};
use hrm_fakes::mail_server::{self, At, BadRelay, Reply};
use hrm_fakes::program::first_line;
use tempfile::TempDir;
use tokio::net::TcpListener;

const AT_ONCE: Duration = Duration::ZERO;

/// `hrm-backend serve` with a lease of five seconds, and its relay.
struct Company {
    relay: Arc<BadRelay>,
    program: Program,
    command: Command,
    database_url: String,
    _demo: TestDemo,
    _folder: TempDir,
}

impl Company {
    /// With as many people.
    async fn start(people: usize) -> Self {
        Self::start_with(people, &[]).await
    }

    async fn start_with(people: usize, settings: &[(&str, &str)]) -> Self {
        let demo = TestDemo::start().await;
        let folder = TempDir::new().unwrap();
        let database_url = crate::support::database_url(folder.path()).await;
        let hash = light_hash();
        let rows = (0..people).map(|n| format!("{n},user{n},{hash},Anna,Svensson,en,SE,{}", address(n)));
        crate::support::import(&database_url, &rows.collect::<Vec<_>>());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let smtp_url = format!("smtp://{}", listener.local_addr().unwrap());
        let relay = Arc::new(BadRelay::default());
        tokio::spawn(mail_server::serve(listener, Arc::clone(&relay)));
        let mut command = crate::support::serve(&database_url, &demo.running);
        command.env("HRM_SMTP_URL", smtp_url).envs(settings.iter().copied());
        Self { relay, program: Program::start(&mut command), command, database_url, _demo: demo, _folder: folder }
    }

    /// Asks for a code.
    async fn ask(&self, n: usize) -> Employee {
        let employee = self.program.server.sign_in(&format!("user{n}")).await;
        employee.send(&address(n)).await.state(202, "codeSent");
        employee
    }

    async fn waiting(&self) -> i64 {
        crate::support::count(&self.database_url, "SELECT COUNT(*) FROM outbox").await
    }

    async fn execute(&self, statement: &'static str) {
        use hrm_backend::{database::Database, events::Events};
        let database = Database::connect(&self.database_url, Events::default()).await.unwrap();
        let mut tx = database.begin_write().await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        database.close().await;
    }

    fn copies_to(&self, n: usize) -> usize {
        self.relay.mails().iter().filter(|mail| mail.to == address(n)).count()
    }
}

fn address(n: usize) -> String {
    format!("user{n}@company.com")
}

mod a_refusal {
    use super::*;

    #[tokio::test]
    async fn is_no_refusal_if_the_reply_is_a_good_one() {
        let company = Company::start(1).await;
        company.relay.misbehave(At::Message, AT_ONCE, Reply::Lines(b"251 2.0.0 taken"));
        company.ask(0).await.wait_for_delivery("accepted").await;
        assert_eq!(company.waiting().await, 0);
    }

    #[tokio::test]
    async fn before_the_recipient_is_the_relays_and_is_tried_again() {
        let cases: [(At, &[u8]); 7] = [
            (At::Greeting, b"554 5.7.1 not you"),
            (At::Hello, b"504 5.5.2 [127.0.0.1]: need a fully-qualified host name"),
            (At::Mail, b"535 5.7.8 login failed"),
            (At::Mail, b"530 5.7.0 log in first"),
            (At::Mail, b"550 5.7.1 daily quota reached"),
            (At::Recipient, b"530 5.7.0 log in first"),
            (At::Recipient, b"452 4.5.3 too many"),
        ];
        let company = Company::start(cases.len()).await;
        for (n, (at, reply)) in cases.into_iter().enumerate() {
            company.relay.misbehave(at, AT_ONCE, Reply::Lines(reply));
            let employee = company.ask(n).await;
            employee.wait_for_delivery("deferred").await;
            company.relay.recover();
            employee.wait_for_delivery("accepted").await;
            assert_eq!(company.copies_to(n), 1);
        }
        company.program.server.wait_for_metric("hrm_mails_total{answer=\"relay_refused\"}", 6).await;
    }

    #[tokio::test]
    async fn of_the_recipient_or_the_message_bounces() {
        let cases: [(At, &[u8]); 3] = [
            (At::Recipient, b"550 5.1.1 no such mailbox"),
            (At::Data, b"554 5.7.1 no"),
            (At::Message, b"554 5.6.0 f\xf6r stor"),
        ];
        let company = Company::start(cases.len()).await;
        for (n, (at, reply)) in cases.into_iter().enumerate() {
            company.relay.recover();
            company.relay.misbehave(at, AT_ONCE, Reply::Lines(reply));
            company.ask(n).await.wait_for_delivery("bounced").await;
        }
        assert_eq!(company.waiting().await, 0);
    }
}

#[tokio::test]
async fn only_the_three_digits_of_a_reply_count() {
    let company = Company::start(1).await;
    company.relay.misbehave(At::Greeting, AT_ONCE, Reply::Lines(b"220 v\xe4lkommen"));
    company.relay.misbehave(At::Hello, AT_ONCE, Reply::Lines(b"250-h\xe4lsningar\r\n250 8BITMIME"));
    company.relay.misbehave(At::Message, AT_ONCE, Reply::Lines(b"250 2.0.0 mottaget f\xf6r leverans"));
    company.ask(0).await.wait_for_delivery("accepted").await;
    assert_eq!(company.copies_to(0), 1);
}

#[tokio::test]
async fn the_name_in_ehlo_is_a_setting() {
    let company = Company::start_with(1, &[("HRM_SMTP_EHLO", "hrm.company.com")]).await;
    company.ask(0).await.wait_for_delivery("accepted").await;
    assert_eq!(company.relay.lines()[0], "EHLO hrm.company.com");
}

mod a_slow_relay {
    use super::*;

    #[tokio::test]
    async fn gets_one_copy_though_it_answers_after_the_lease() {
        let company = Company::start(1).await;
        company.relay.misbehave(At::Message, Duration::from_secs(12), Reply::Accept);
        company.ask(0).await.wait_for_delivery("accepted").await;
        assert_eq!(company.copies_to(0), 1);
    }

    #[tokio::test]
    async fn that_greets_late_gets_one_copy() {
        let company = Company::start(1).await;
        company.relay.misbehave(At::Greeting, Duration::from_secs(12), Reply::Accept);
        company.ask(0).await.wait_for_delivery("accepted").await;
        assert_eq!(company.copies_to(0), 1);
    }

    #[tokio::test]
    async fn that_never_answers_quit_has_taken_the_mail() {
        let company = Company::start(1).await;
        company.relay.misbehave(At::Quit, AT_ONCE, Reply::Never);
        company.ask(0).await.wait_for_delivery("accepted").await;
        assert_eq!(company.copies_to(0), 1);
    }

    #[tokio::test]
    async fn gets_two_copies_at_most_though_the_backend_dies_each_time() {
        let mut company = Company::start(1).await;
        company.relay.misbehave(At::Message, AT_ONCE, Reply::Never);
        company.ask(0).await;
        for copies in [1, 2] {
            until("the mail", async || (company.copies_to(0) == copies).then_some(())).await;
            company.program.child.kill().unwrap();
            company.program.child.wait().unwrap();
            company.program = Program::start(&mut company.command);
        }
        until("an empty outbox", async || (company.waiting().await == 0).then_some(())).await;
        assert_eq!(company.copies_to(0), 2);
    }

    #[tokio::test]
    async fn that_closes_after_the_dot_gets_two_copies_at_most() {
        let company = Company::start(1).await;
        company.relay.misbehave(At::Message, AT_ONCE, Reply::Close);
        let anna = company.ask(0).await;
        until("an empty outbox", async || (company.waiting().await == 0).then_some(())).await;
        assert_eq!(company.copies_to(0), 2);
        assert_eq!(anna.state().await["challenge"]["delivery"], "deferred", "nobody knows whether it arrived");
    }
}

mod a_lease {
    use super::*;

    #[tokio::test]
    async fn that_was_lost_lets_an_attempt_finish_nothing() {
        let company = Company::start(1).await;
        company.relay.misbehave_times(1, At::Message, Duration::from_secs(1), Reply::Accept);
        company.ask(0).await;
        until("the mail", async || (company.copies_to(0) == 1).then_some(())).await;
        // As another backend would, in the middle of an attempt.
        company.execute("UPDATE outbox SET lease_until = lease_until + 1").await;
        until("the other attempt", async || (company.copies_to(0) == 2).then_some(())).await;
    }
}

#[tokio::test]
async fn a_first_name_of_two_lines_gets_its_mail() {
    let company = Company::start(1).await;
    company.execute("UPDATE employees SET first_name = 'An\r\nna\t'").await;
    company.ask(0).await.wait_for_delivery("accepted").await;
    assert!(company.relay.mails()[0].text.starts_with("Hi An na\n"), "{}", company.relay.mails()[0].text);
}

mod a_start_is_refused {
    use super::*;

    /// The errors of a start with these settings beside complete ones; empty if it listens.
    fn errors(settings: &[(&str, &str)]) -> String {
        let folder = TempDir::new().unwrap();
        let mut command: Command = crate::support::program();
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DATABASE_URL", format!("sqlite://{}?mode=rwc", folder.path().join("hrm.sqlite").display()))
            .env("HRM_MAIL_FROM", "Flex HRM <no-reply@company.com>")
            .env("HRM_SMTP_URL", "smtps://mail.company.com")
            .env("HRM_VISMA_CLIENT_ID", "id")
            .env("HRM_VISMA_CLIENT_SECRET", "secret")
            .env("HRM_CODE_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
            .envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let listens = first_line(child.stdout.take().unwrap()).is_ok_and(|line| line.starts_with("listening"));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        if listens { String::new() } else { text }
    }

    #[test]
    fn for_a_login_that_others_could_read() {
        let login = [("HRM_SMTP_USER", "hrm"), ("HRM_SMTP_PASSWORD", "sesame")];
        for url in ["smtp://mail.company.com", "smtp://mail.company.com?tls=opportunistic", "smtp://10.0.0.5:25"] {
            let text = errors(&[login[0], login[1], ("HRM_SMTP_URL", url)]);
            assert!(text.contains("HRM_SMTP_URL") && text.contains("tls=required"), "{url}: {text}");
            assert!(!text.contains("sesame"), "{text}");
        }
        for url in ["smtp://127.0.0.1:25", "smtp://localhost", "smtp://mail.company.com?tls=required"] {
            assert_eq!(errors(&[login[0], login[1], ("HRM_SMTP_URL", url)]), "", "{url}");
        }
    }

    #[test]
    fn for_an_authority_that_would_not_be_asked() {
        let text = errors(&[("HRM_SMTP_URL", "smtp://mail.company.com"), ("HRM_SMTP_CA_FILE", "/nowhere.pem")]);
        assert!(text.contains("HRM_SMTP_CA_FILE would not be used"), "{text}");
        let text = errors(&[("HRM_SMTP_CA_FILE", "/nowhere.pem")]);
        assert!(text.contains("the CA file /nowhere.pem"), "{text}");
    }

    #[test]
    fn for_half_a_login() {
        assert!(errors(&[("HRM_SMTP_PASSWORD", "sesame")]).contains("HRM_SMTP_USER"));
        assert!(errors(&[("HRM_SMTP_USER", "hrm")]).contains("HRM_SMTP_PASSWORD"));
    }

    #[test]
    fn for_an_empty_client_id() {
        assert!(errors(&[("HRM_VISMA_CLIENT_ID", " ")]).contains("HRM_VISMA_CLIENT_ID"));
    }

    #[test]
    fn for_a_name_that_is_no_host_name() {
        assert!(errors(&[("HRM_SMTP_EHLO", "hrm company")]).contains("HRM_SMTP_EHLO"));
    }

    #[test]
    fn for_a_sender_that_no_relay_can_have() {
        assert!(errors(&[("HRM_MAIL_FROM", "Flex HRM <änna@company.com>")]).contains("HRM_MAIL_FROM"));
        assert_eq!(errors(&[("HRM_MAIL_FROM", "Flex HRM <no-reply@räksmörgås.example>")]), "");
    }

    #[test]
    fn for_answers_that_nobody_would_get() {
        for text in ["HR", "HR <änna@company.com>"] {
            assert!(errors(&[("HRM_MAIL_REPLY_TO", text)]).contains("HRM_MAIL_REPLY_TO"), "{text}");
        }
        for text in ["", "HR <hr@company.com>"] {
            assert_eq!(errors(&[("HRM_MAIL_REPLY_TO", text)]), "", "{text}");
        }
    }
}

mod a_report {
    use super::*;

    /// The exit code of `admin bounce` with this input, and its output.
    fn bounce(database_url: &str, report: &str) -> (i32, String) {
        let mut command = crate::support::program();
        command.args(["admin", "bounce"]).env("DATABASE_URL", database_url);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // A program that has no use for the input may be gone.
        let _ = child.stdin.take().unwrap().write_all(report.as_bytes());
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    /// As Exchange and Postfix write it.
    fn report(action: &str, message_id: &str) -> String {
        format!(
            "From: <>\nSubject: Undeliverable\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
             --b\nContent-Type: text/plain\n\nSorry.\n\n\
             --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n\
             Final-Recipient: rfc822; anna@company.com\nAction: {action}\nStatus: 5.1.1\n\n\
             --b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\nTo: anna@company.com\n\n--b--\n"
        )
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_comes_hours_later_is_shown_to_the_employee() {
        let company = Company::start_with(1, &[("HRM_MAIL_RETURN_PATH", "bounces@company.com")]).await;
        company.relay.misbehave(At::Hello, AT_ONCE, Reply::Lines(b"250-relay\r\n250-DSN\r\n250 8BITMIME"));
        let employee = company.ask(0).await;
        employee.wait_for_delivery("accepted").await;
        let mail = company.relay.mails().remove(0);
        let id = mail.message_id.strip_suffix("@company.com").unwrap();
        // RFC 3461: the report then has this id, and not the mail with its code.
        let envelope = format!("MAIL FROM:<bounces@company.com> RET=HDRS ENVID={id}");
        assert!(company.relay.lines().contains(&envelope), "{:?}", company.relay.lines());

        let message_id = format!("<{}>", mail.message_id);
        let (code, output) = bounce(&company.database_url, &report("delayed", &message_id));
        assert_eq!((code, output.as_str()), (0, "A code's mail is delayed. The app says so.\n"));
        assert_eq!(employee.state().await["challenge"]["delivery"], "deferred");
        let (code, output) = bounce(&company.database_url, &report("failed", &message_id));
        assert!(code == 0 && output.starts_with("A code's mail did not arrive."), "{output}");
        assert_eq!(employee.state().await["challenge"]["delivery"], "bounced");

        // Reports can come in any order.
        let (_, output) = bounce(&company.database_url, &report("delayed", &message_id));
        assert!(output.contains("Nothing was changed."), "{output}");
        assert_eq!(employee.state().await["challenge"]["delivery"], "bounced");

        // It may have arrived by another way.
        employee.verify(mail.code().unwrap()).await.state(200, "linked");
        let (code, output) = bounce(&company.database_url, &report("failed", &message_id));
        assert_eq!(
            (code, output.as_str()),
            (0, "The report is about no code that still works. Nothing was changed.\n")
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn that_is_none_is_taken_and_one_that_cannot_be_read_now_comes_again() {
        let folder = TempDir::new().unwrap();
        let database_url = crate::support::database_url(folder.path()).await;
        let answer = "Subject: Out of office\n\nI am away.\n";
        let (code, output) = bounce(&database_url, answer);
        assert_eq!((code, output.as_str()), (0, "This is no report that a mail failed. Nothing was changed.\n"));
        let nowhere = format!("sqlite://{}/no/folder/hrm.sqlite", folder.path().display());
        assert_eq!(bounce(&nowhere, answer).0, 75, "EX_TEMPFAIL");
    }
}
