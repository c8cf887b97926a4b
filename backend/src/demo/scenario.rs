//! Scenarios: states that testers start from. Each is set up with calls of the public API.

use std::sync::Arc;
use std::time::Duration;

use hrm_fakes::visma_connect::DirectoryFault;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};

use super::faults::{FaultChange, MailFault};
use super::network::ANOTHER_DEVICE;
use super::state::DemoState;
use super::{inbox, people};
use crate::policy::CodePolicy;

const ANNA_AT_WORK: &str = "anna.svensson@company.com";
const MIA_AT_WORK: &str = "mia.berg@company.com";
/// The demo's jobs take milliseconds, but more on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Debug, Serialize)]
pub struct Scenario {
    pub name: &'static str,
    /// The person to sign in as. The password is `demo`.
    pub username: &'static str,
    pub what: &'static str,
    /// The language of the person's mails.
    pub language: &'static str,
    /// Whether it continues from the current state, as another device of the person. Otherwise the demo is reset first.
    pub keeps: bool,
    #[serde(skip)]
    steps: &'static [Step],
}

/// A call from another device of the person, or a change of the demo.
#[derive(Debug, Clone, Copy)]
enum Step {
    Snooze,
    /// Sends a code to this address, and waits for this delivery status.
    Send(&'static str, &'static str),
    EnterWrong(usize),
    /// Enters the newest code, and waits for this status.
    Enter(&'static str),
    /// Another person links this address of theirs.
    LinkOther(&'static str, &'static str),
    AdvanceClock(u32),
    /// Begins to practise the new login, and signs in to this account, if any.
    TryLogin(Option<&'static str>),
    MailFault(MailFault),
    DirectoryFault(DirectoryFault),
    SetPolicy(CodePolicy, Option<&'static str>),
    /// Enters this number of wrong codes in a row, in as many challenges as needed.
    FailAttempts(u32),
}

use Step::{AdvanceClock, Enter, EnterWrong, FailAttempts, LinkOther, Send, SetPolicy, Snooze, TryLogin};

const SENT: Step = Send(ANNA_AT_WORK, "accepted");
const LINKED: &[Step] = &[SENT, Enter("linked")];

const fn anna(name: &'static str, what: &'static str, steps: &'static [Step]) -> Scenario {
    Scenario { name, username: "anna.svensson", what, language: "en", keeps: false, steps }
}

const fn without_steps(name: &'static str, username: &'static str, what: &'static str) -> Scenario {
    Scenario { name, username, what, language: "en", keeps: false, steps: &[] }
}

const fn in_language(name: &'static str, username: &'static str, language: &'static str) -> Scenario {
    let what = "Not linked. The mails are in this language; the app has its own in Settings.";
    Scenario { name, username, what, language, keeps: false, steps: &[] }
}

/// In the order of the flow.
pub const SCENARIOS: &[Scenario] = &[
    anna("not-linked", "Not linked, three addresses: the main flow begins here.", &[]),
    anna("snoozed", "The banner is hidden for 24 hours.", &[Snooze]),
    anna("code-sent", "A code is in the inbox, 30 minutes are left.", &[SENT]),
    anna("code-about-to-expire", "A code was sent, two minutes are left.", &[SENT, AdvanceClock(1_680)]),
    anna("code-expired", "A code was sent and its 30 minutes are over.", &[SENT, AdvanceClock(1_800)]),
    anna("one-attempt-left", "Four wrong codes were entered.", &[SENT, EnterWrong(4)]),
    anna("attempts-used-up", "Five wrong codes were entered: start over.", &[SENT, EnterWrong(5)]),
    anna(
        "codes-used-up",
        "Five codes were sent within the hour; the next has to wait.",
        &[SENT, AdvanceClock(60), SENT, AdvanceClock(60), SENT, AdvanceClock(60), SENT, AdvanceClock(60), SENT],
    ),
    anna(
        "delayed-mail",
        "A code was requested, and the mail server delays the mail. To end it: fault mail=ok.",
        &[Step::MailFault(MailFault::Delay), Send(ANNA_AT_WORK, "deferred")],
    ),
    anna(
        "bounced-mail",
        "The mail server rejected the code's mail permanently.",
        &[Step::MailFault(MailFault::Refuse), Send(ANNA_AT_WORK, "bounced"), Step::MailFault(MailFault::Ok)],
    ),
    anna(
        "visma-connect-down",
        "A code is in the inbox and Visma Connect is down: the correct code leads to “finishing the setup”. To end it: \
         fault directory=ok.",
        &[SENT, Step::DirectoryFault(DirectoryFault::Error)],
    ),
    anna(
        "finishing-setup",
        "The correct code was entered while Visma Connect is down. To end it: fault directory=ok.",
        &[SENT, Step::DirectoryFault(DirectoryFault::Error), Enter("linking")],
    ),
    anna("linked-here", "Linked, to an account that was created.", LINKED),
    anna(
        "try-login-waiting",
        "Linked; the new login is being tried, in a browser that nobody sees.",
        &[SENT, Enter("linked"), TryLogin(None)],
    ),
    anna(
        "tried",
        "Linked; the new login was tried, and works.",
        &[SENT, Enter("linked"), TryLogin(Some(ANNA_AT_WORK))],
    ),
    anna(
        "tried-other-account",
        "Linked; the new login was tried with an account that is not linked.",
        &[SENT, Enter("linked"), TryLogin(Some(MIA_AT_WORK))],
    ),
    Scenario {
        keeps: true,
        ..anna("linked-elsewhere", "Another device sends a code and links. Play it while the app is signed in.", LINKED)
    },
    Scenario {
        keeps: true,
        ..anna("code-sent-elsewhere", "Another device sends a code. Play it while the app is signed in.", &[SENT])
    },
    Scenario {
        keeps: true,
        ..anna("snoozed-elsewhere", "Another device hides the banner. Play it while the app is signed in.", &[Snooze])
    },
    anna("locked", "100 wrong codes in a row: an administrator has to lift the lock.", &[FailAttempts(100)]),
    anna(
        "taken",
        "A code is in the inbox of mia.berg@company.com, whose account is already linked to somebody else.",
        &[LinkOther("mia.berg", MIA_AT_WORK), Send(MIA_AT_WORK, "accepted")],
    ),
    without_steps("no-address", "kari.holm", "Not linked, no address on the record."),
    without_steps("verified-domain", "erik.lund", "Not linked; the address needs no code."),
    without_steps("existing-account", "mia.berg", "Not linked; Visma Connect has an account for the address."),
    Scenario {
        steps: &[SetPolicy(CodePolicy::Always, None)],
        ..without_steps("code-always", "erik.lund", "The company wants a code even in its verified domain.")
    },
    anna(
        "code-never",
        "The company wants no code for an address on the record.",
        &[SetPolicy(CodePolicy::Never, None)],
    ),
    anna(
        "allowed-domains",
        "The company accepts only addresses in company.com.",
        &[SetPolicy(CodePolicy::VerifiedDomains, Some("company.com"))],
    ),
    without_steps("hundred-addresses", "hanna.lind", "Not linked, 100 addresses on the record."),
    without_steps("very-long-names", "very.long", "Not linked, with the longest possible names and addresses."),
    in_language("swedish", "sofia.ek", "sv"),
    in_language("norwegian", "nora.dahl", "nb"),
    in_language("danish", "mads.krogh", "da"),
    in_language("finnish", "aino.laine", "fi"),
];

pub fn named(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

/// # Errors
/// Which step failed, and how.
pub async fn play(state: &Arc<DemoState>, scenario: &Scenario) -> Result<(), String> {
    let _playing = state.playing.lock().await;
    let database = &state.backend.database;
    if !scenario.keeps {
        state.reset().await.map_err(|error| error.to_string())?;
        if let Some(person) = people::scenario_person(scenario.username) {
            people::add(database, &person).await.map_err(|error| error.to_string())?;
        }
    }
    if scenario.steps.is_empty() {
        return Ok(());
    }
    let device = Device::sign_in(state, scenario.username).await?;
    for step in scenario.steps {
        device.perform(*step).await.map_err(|error| format!("{step:?}: {error}"))?;
    }
    Ok(())
}

struct Device<'a> {
    state: &'a Arc<DemoState>,
    http: reqwest::Client,
    token: String,
}

impl<'a> Device<'a> {
    async fn sign_in(state: &'a Arc<DemoState>, username: &str) -> Result<Self, String> {
        let http = reqwest::Client::builder().no_proxy().build().map_err(|error| error.to_string())?;
        let mut device = Self { state, http, token: String::new() };
        let body = json!({ "username": username, "password": people::PASSWORD });
        let session = device.response(device.call(Method::POST, "session").json(&body)).await?;
        device.token = session["token"].as_str().unwrap_or_default().to_owned();
        Ok(device)
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.state.url);
        self.http.request(method, url).bearer_auth(&self.token).header(ANOTHER_DEVICE, "scenario")
    }

    /// The body of the response, whatever its status.
    async fn response(&self, request: RequestBuilder) -> Result<Value, String> {
        let response = request.send().await.map_err(|error| error.to_string())?;
        response.json().await.map_err(|error| error.to_string())
    }

    async fn perform(&self, step: Step) -> Result<(), String> {
        match step {
            Snooze => {
                expect_status("notLinked", &self.response(self.call(Method::PUT, "me/visma-connect/snooze")).await?)
            }
            Send(email, delivery) => self.send(email, delivery).await,
            EnterWrong(times) => {
                for _ in 0..times {
                    self.verify(&wrong_code(&self.code()?)).await?;
                }
                Ok(())
            }
            Enter(status) => {
                let state = self.verify(&self.code()?).await?;
                // On a busy machine a link can take longer than the request waits for it.
                if state["status"] == "linking" {
                    self.wait_for_status(status).await
                } else {
                    expect_status(status, &state)
                }
            }
            LinkOther(username, email) => {
                let other = Box::pin(Device::sign_in(self.state, username)).await?;
                other.send(email, "accepted").await?;
                Box::pin(other.perform(Enter("linked"))).await
            }
            AdvanceClock(seconds) => {
                self.state.advance_clock(seconds);
                Ok(())
            }
            TryLogin(email) => {
                let begun = self.response(self.call(Method::POST, "me/visma-connect/try-login")).await?;
                let url = begun["authorizeUrl"].as_str().ok_or_else(|| begun.to_string())?;
                let Some(email) = email else { return Ok(()) };
                let callback = self.state.login.sign_in(url, email).ok_or("the login was not asked for")?;
                let page = self.http.get(callback).header(ANOTHER_DEVICE, "scenario").send().await;
                page.and_then(reqwest::Response::error_for_status).map_err(|error| error.to_string())?;
                Ok(())
            }
            Step::MailFault(mail) => {
                self.state.faults.set(FaultChange { mail: Some(mail), ..FaultChange::default() });
                Ok(())
            }
            Step::DirectoryFault(directory) => {
                self.state.faults.set(FaultChange { directory: Some(directory), ..FaultChange::default() });
                Ok(())
            }
            SetPolicy(code, allowed) => {
                people::set_policy(&self.state.backend.database, code, allowed).await.map_err(|error| error.to_string())
            }
            FailAttempts(times) => {
                let attempts = self.state.backend.settings.rules.attempts;
                for _ in 0..times / attempts {
                    // Long enough to stay below the hourly and daily limits of codes.
                    self.state.advance_clock(3 * 3_600);
                    self.send(ANNA_AT_WORK, "accepted").await?;
                    let wrong = wrong_code(&self.code()?);
                    for _ in 0..attempts {
                        self.verify(&wrong).await?;
                    }
                }
                Ok(())
            }
        }
    }

    async fn send(&self, email: &str, delivery: &str) -> Result<(), String> {
        let call = self.call(Method::POST, "me/visma-connect/codes");
        let key = uuid::Uuid::new_v4().to_string();
        expect_status(
            "codeSent",
            &self.response(call.header("Idempotency-Key", key).json(&json!({ "email": email }))).await?,
        )?;
        self.wait_until(&format!("the mail is not {delivery}"), |state| state["challenge"]["delivery"] == delivery)
            .await
    }

    async fn wait_for_status(&self, status: &str) -> Result<(), String> {
        self.wait_until(&format!("the status is not {status}"), |state| state["status"] == status).await
    }

    async fn wait_until(&self, failure: &str, is_done: impl Fn(&Value) -> bool) -> Result<(), String> {
        let done = async {
            while !is_done(&self.response(self.call(Method::GET, "me/visma-connect")).await?) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        tokio::time::timeout(TIMEOUT, done).await.map_err(|_| failure.to_owned())?
    }

    async fn verify(&self, code: &str) -> Result<Value, String> {
        self.response(self.call(Method::POST, "me/visma-connect/verify").json(&json!({ "code": code }))).await
    }

    /// The code in the newest mail that has one.
    fn code(&self) -> Result<String, String> {
        inbox::newest_code(&self.state.inbox).ok_or_else(|| "no mail has a code".to_owned())
    }
}

fn expect_status(status: &str, state: &Value) -> Result<(), String> {
    if state["status"] == status { Ok(()) } else { Err(state.to_string()) }
}

/// A well-formed code that is not this one.
fn wrong_code(code: &str) -> String {
    let first = if code.starts_with('9') { '1' } else { '9' };
    format!("{first}{}", code.get(1..).unwrap_or_default())
}
