//! Random calls of two employees, with clock changes, faults of Visma Connect and kills of the process between two steps.
//! Invariants: one link per user and per account, five attempts per challenge, no code that works after its 30 minutes.

use std::collections::{HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hrm_api::ProblemCode;
use hrm_backend::clock::{Clock, DAY, MINUTE, Millis};
use hrm_backend::directory::{Creation, Directory, DirectoryError, NewAccount, UserId};
use hrm_backend::error::ApiError;
use hrm_backend::keys::Keys;
use hrm_backend::mail::{Mailer, Message};
use hrm_backend::settings::Settings;
use hrm_backend::{Backend, flow, install_cryptography, server};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const PEOPLE: [&str; 2] = ["anna", "bo"];
/// The first one has an account at the start.
const ADDRESSES: [&str; 3] = ["old@company.com", "new@company.com", "other@home.example"];

#[derive(Debug, Clone)]
enum Op {
    Send {
        who: usize,
        to: usize,
    },
    /// Repeats a send with the same key.
    Repeat {
        pick: usize,
    },
    /// `pick`: one of all issued codes, the newest first. Beyond them: a wrong code.
    Verify {
        who: usize,
        pick: usize,
    },
    StartOver {
        who: usize,
    },
    AdvanceClock {
        minutes: i64,
    },
    SetFault(Fault),
    Concurrently(Box<Op>, Box<Op>),
    /// Kills the process after `after` steps of the call.
    KillDuring {
        after: usize,
        of: Box<Op>,
    },
}

fn single() -> impl Strategy<Value = Op> {
    let who = 0..PEOPLE.len();
    prop_oneof![
        5 => (who.clone(), 0..ADDRESSES.len()).prop_map(|(who, to)| Op::Send { who, to }),
        2 => (0..4_usize).prop_map(|pick| Op::Repeat { pick }),
        6 => (who.clone(), 0..8_usize).prop_map(|(who, pick)| Op::Verify { who, pick }),
        1 => who.prop_map(|who| Op::StartOver { who }),
        4 => prop_oneof![Just(1), 1..45_i64].prop_map(|minutes| Op::AdvanceClock { minutes }),
        2 => prop_oneof![Just(Fault::None), Just(Fault::Down), Just(Fault::CreateUnanswered), Just(Fault::SearchEmpty), Just(Fault::Refused)].prop_map(Op::SetFault),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => single(),
        2 => (single(), single()).prop_map(|(a, b)| Op::Concurrently(Box::new(a), Box::new(b))),
        2 => (1..60_usize, single()).prop_map(|(after, of)| Op::KillDuring { after, of: Box::new(of) }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// No call has an effect or a response.
    Down,
    /// Accounts are created, without a response.
    CreateUnanswered,
    /// A search finds no account.
    SearchEmpty,
    /// A creation is refused for good.
    Refused,
}

/// In memory instead of `hrm_fakes`, so that each await is one step.
struct FakeDirectory {
    fault: Mutex<Fault>,
    ids: Mutex<HashMap<String, String>>,
}

impl FakeDirectory {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }
}

fn no_response<T>() -> Result<T, DirectoryError> {
    Err(DirectoryError::OutOfReach("no response".to_owned()))
}

impl Directory for FakeDirectory {
    fn unlink<'a>(&'a self, _: &'a UserId) -> BoxFuture<'a, Result<(), DirectoryError>> {
        Box::pin(async { no_response() })
    }

    fn find<'a>(&'a self, email: &'a str) -> BoxFuture<'a, Result<Option<UserId>, DirectoryError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            match self.fault() {
                Fault::Down => no_response(),
                Fault::SearchEmpty => Ok(None),
                Fault::None | Fault::CreateUnanswered | Fault::Refused => {
                    Ok(self.ids.lock().unwrap().get(email).cloned().map(UserId))
                }
            }
        })
    }

    fn create<'a>(&'a self, account: &'a NewAccount) -> BoxFuture<'a, Result<Creation, DirectoryError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let fault = self.fault();
            if fault == Fault::Down {
                return no_response();
            }
            if fault == Fault::Refused {
                return Err(DirectoryError::Rejected { status: 400, code: "ERROR_INVALID_USER".to_owned() });
            }
            let mut ids = self.ids.lock().unwrap();
            if ids.contains_key(&account.email) {
                return Ok(Creation::Exists);
            }
            let id = uuid::Uuid::new_v4().to_string();
            ids.insert(account.email.clone(), id.clone());
            if fault == Fault::CreateUnanswered { no_response() } else { Ok(Creation::Created(UserId(id))) }
        })
    }
}

#[derive(Clone)]
struct IssuedCode {
    owner: String,
    text: String,
}

/// A send with its own key.
#[derive(Clone)]
struct SendCall {
    who: usize,
    to: usize,
    key: String,
    /// When the first response came, and its body.
    response: Arc<Mutex<Option<(Millis, String)>>>,
}

impl SendCall {
    async fn send(self, backend: Arc<Backend>) {
        let now = backend.clock.now();
        let response = flow::send(&backend, PEOPLE[self.who], &self.key, ADDRESSES[self.to]).await;
        let mut known = self.response.lock().unwrap();
        match (response, &*known) {
            (Ok(sent), Some((at, body))) if now - at < DAY => assert_eq!(sent.body, *body, "another response"),
            (Ok(sent), _) => *known = Some((now, sent.body)),
            (Err(ApiError(problem)), _) if problem.code == ProblemCode::RequestInProgress => {}
            (Err(refused), Some((at, _))) if now - at < DAY => panic!("no response any more: {refused:?}"),
            (Err(_), _) => {}
        }
    }
}

/// A database and the process that uses it.
struct Simulation {
    url: String,
    clock: Clock,
    accounts: Arc<FakeDirectory>,
    process: Option<(Runtime, Arc<Backend>)>,
    sent: Vec<SendCall>,
    codes: Vec<(String, IssuedCode)>,
    used: HashSet<String>,
    links: HashMap<String, String>,
    _folder: TempDir,
}

impl Simulation {
    fn new() -> Self {
        install_cryptography();
        let folder = TempDir::new().unwrap();
        let url = Runtime::new().unwrap().block_on(crate::support::database_url(folder.path()));
        let hash = crate::support::light_hash();
        crate::support::import(
            &url,
            &PEOPLE.map(|name| format!("{name},{name},{hash},A,B,en,SE,{}", ADDRESSES.join(" "))),
        );
        let ids = HashMap::from([(ADDRESSES[0].to_owned(), "the old account".to_owned())]);
        let accounts = Arc::new(FakeDirectory { fault: Mutex::new(Fault::None), ids: Mutex::new(ids) });
        let (sent, codes, used, links) = (Vec::new(), Vec::new(), HashSet::new(), HashMap::new());
        Self { url, clock: Clock::default(), accounts, process: None, sent, codes, used, links, _folder: folder }
    }

    fn process(&mut self) -> (&Runtime, Arc<Backend>) {
        let (url, clock, accounts) = (self.url.clone(), self.clock.clone(), Arc::clone(&self.accounts));
        let (runtime, backend) = self.process.get_or_insert_with(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // No mail server: the mails stay in the outbox, where this test reads the codes.
            let mailer =
                Mailer::new(&"smtp://127.0.0.1:9".parse().unwrap(), None, "a@b.example".parse().unwrap()).unwrap();
            let settings = Settings {
                poll: Duration::from_millis(20),
                first_wait: 5,
                longest_wait: 20,
                lease: 300,
                password_cost: hrm_backend::password::PasswordCost::Light,
                ..Settings::new(url)
            };
            let keys = Keys::parse(&SecretString::from(KEY)).unwrap();
            let backend = runtime.block_on(server::start(settings, keys, accounts, mailer, clock)).unwrap();
            (runtime, backend)
        });
        (runtime, Arc::clone(backend))
    }

    fn kill(&mut self) {
        self.process = None;
    }

    fn apply(&mut self, op: &Op) {
        let began = self.clock.now();
        match op {
            Op::AdvanceClock { minutes } => self.clock.set_offset(self.clock.offset() + minutes * MINUTE),
            Op::SetFault(fault) => *self.accounts.fault.lock().unwrap() = *fault,
            Op::Concurrently(one, other) => {
                let (one, other) = (self.call(one), self.call(other));
                let (runtime, backend) = self.process();
                runtime.block_on(async { tokio::join!(one(Arc::clone(&backend)), other(backend)) });
            }
            Op::KillDuring { after, of } => {
                let (call, after) = (self.call(of), *after);
                let (runtime, backend) = self.process();
                runtime.block_on(steps(after, call(backend)));
                self.kill();
            }
            Op::Send { .. } | Op::Repeat { .. } | Op::Verify { .. } | Op::StartOver { .. } => {
                let call = self.call(op);
                let (runtime, backend) = self.process();
                runtime.block_on(call(backend));
            }
        }
        self.check_invariants(began);
    }

    /// A call of the API. Other tests check its response; this one checks the database, and that a repeat gets the same.
    fn call(&mut self, op: &Op) -> Box<dyn FnOnce(Arc<Backend>) -> BoxFuture<'static, ()>> {
        match *op {
            Op::Send { who, to } => {
                let sent = SendCall { who, to, key: uuid::Uuid::new_v4().to_string(), response: Arc::default() };
                self.sent.push(sent.clone());
                Box::new(move |backend| Box::pin(sent.send(backend)))
            }
            Op::Repeat { pick } => match self.sent.iter().rev().nth(pick).cloned() {
                Some(sent) => Box::new(move |backend| Box::pin(sent.send(backend))),
                None => Box::new(|_| Box::pin(async {})),
            },
            Op::Verify { who, pick } => {
                let text = self.codes.iter().rev().nth(pick).map_or("000000", |(_, seen)| &seen.text);
                let code = SecretString::from(text);
                Box::new(move |backend| {
                    Box::pin(async move {
                        let _ = flow::verify(&backend, PEOPLE[who], &code).await;
                    })
                })
            }
            Op::StartOver { who } => Box::new(move |backend| {
                Box::pin(async move {
                    let _ = flow::start_over(&backend, PEOPLE[who]).await;
                })
            }),
            _ => Box::new(|_| Box::pin(async {})),
        }
    }

    /// `began`: when the last operation began.
    fn check_invariants(&mut self, began: Millis) {
        let (runtime, backend) = self.process();
        let (mails, codes, issued, attempts, links) = runtime.block_on(async {
            let mut tx = backend.database.begin_read().await.unwrap();
            let mails: Vec<(String, String, String, String)> =
                sqlx::query_as("SELECT id, employee_id, code_id, sealed FROM outbox WHERE code_id IS NOT NULL")
                    .fetch_all(&mut *tx)
                    .await
                    .unwrap();
            let codes: Vec<(String, String, i64, i64)> =
                sqlx::query_as("SELECT id, employee_id, sent_at, expires_at FROM codes WHERE status = 'used'")
                    .fetch_all(&mut *tx)
                    .await
                    .unwrap();
            let issued: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM codes").fetch_one(&mut *tx).await.unwrap();
            let attempts: Vec<i64> =
                sqlx::query_scalar("SELECT attempts FROM challenges").fetch_all(&mut *tx).await.unwrap();
            let links: Vec<(String, String, String)> =
                sqlx::query_as("SELECT employee_id, visma_user_id, address FROM links")
                    .fetch_all(&mut *tx)
                    .await
                    .unwrap();
            (mails, codes, issued, attempts, links)
        });
        for (mail, owner, code, sealed) in mails {
            let message = backend.keys.open(&mail, &sealed).unwrap();
            if let Ok(Message::Code { code: text }) = serde_json::from_str(message.expose_secret())
                && !self.codes.iter().any(|(known, _)| *known == code)
            {
                self.codes.push((code, IssuedCode { owner, text }));
            }
        }
        for (code, owner, sent_at, expires_at) in codes {
            assert_eq!(expires_at - sent_at, 30 * MINUTE);
            if self.used.insert(code.clone()) {
                assert!(began < expires_at, "a code was used after its 30 minutes");
                let (_, seen) = self.codes.iter().find(|(known, _)| *known == code).unwrap();
                assert_eq!(seen.owner, owner, "somebody's code was used by somebody else");
            }
        }
        assert!(usize::try_from(issued).unwrap() <= self.sent.len(), "a key made two codes");
        assert!(attempts.into_iter().all(|attempts| attempts <= 5), "more than five attempts");
        let accounts: HashSet<_> = links.iter().map(|(_, account, _)| account).collect();
        assert_eq!(accounts.len(), links.len(), "an account is linked twice");
        for (person, account, address) in &links {
            assert_eq!(
                self.accounts.ids.lock().unwrap().get(address),
                Some(account),
                "a link to no account of this address"
            );
            let first = self.links.entry(person.clone()).or_insert_with(|| account.clone());
            assert_eq!(first, account, "a link has changed");
            let is_verified = self.codes.iter().any(|(id, seen)| seen.owner == *person && self.used.contains(id));
            assert!(is_verified, "a link with no code");
        }
        assert!(self.links.len() == links.len(), "a link is gone");
    }

    /// Without faults, every pending link is finished.
    fn recover(&mut self) {
        *self.accounts.fault.lock().unwrap() = Fault::None;
        self.kill();
        let (runtime, backend) = self.process();
        runtime.block_on(crate::support::until("no pending link", async || {
            let mut tx = backend.database.begin_read().await.unwrap();
            let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM link_jobs").fetch_one(&mut *tx).await.unwrap();
            (waiting == 0).then_some(())
        }));
        self.check_invariants(self.clock.now());
    }
}

/// Polls a future this number of times at most.
async fn steps(mut left: usize, future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        future.as_mut().poll(context)
    })
    .await;
}

proptest! {
    // PROPTEST_CASES sets the number of cases.
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_interleaving_breaks_the_rules(ops in prop::collection::vec(op(), 10..50)) {
        let mut simulation = Simulation::new();
        for op in &ops {
            simulation.apply(op);
        }
        simulation.recover();
    }
}
