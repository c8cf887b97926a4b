//! The mail relay of the measured backends. It records who got which mail when.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hrm_fakes::mail_server::{self, MailHandler, Reply, Step};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub recipient: String,
    pub message_id: String,
    pub at: Instant,
}

pub(crate) struct Relay {
    pub address: SocketAddr,
    /// Time between two mails. `None`: no limit.
    pace: Option<Duration>,
    state: Mutex<RelayState>,
}

#[derive(Default)]
struct RelayState {
    deliveries: Vec<Delivery>,
    waiting: HashMap<String, oneshot::Sender<String>>,
    next_slot: Option<Instant>,
    open: usize,
    most_open: usize,
}

impl Relay {
    pub(crate) async fn start(pace: Option<Duration>) -> anyhow::Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let relay = Arc::new(Self { address: listener.local_addr()?, pace, state: Mutex::default() });
        tokio::spawn(mail_server::serve(listener, Arc::clone(&relay)));
        Ok(relay)
    }

    /// The code in the next mail to this address.
    pub(crate) fn expect_code(&self, recipient: &str) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        self.state().waiting.insert(recipient.to_owned(), sender);
        receiver
    }

    /// The deliveries since the last call.
    pub(crate) fn take_deliveries(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.state().deliveries)
    }

    /// The number of deliveries since [`Relay::take_deliveries`].
    pub(crate) fn delivery_count(&self) -> usize {
        self.state().deliveries.len()
    }

    /// The largest number of mails that were sent at the same time.
    pub(crate) fn most_open(&self) -> usize {
        self.state().most_open
    }

    fn state(&self) -> MutexGuard<'_, RelayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for_slot(&self) {
        let Some(pace) = self.pace else { return };
        let at = {
            let mut state = self.state();
            let at = state.next_slot.map_or_else(Instant::now, |at| at.max(Instant::now()));
            state.next_slot = Some(at + pace);
            at
        };
        tokio::time::sleep_until(at.into()).await;
    }
}

impl MailHandler for Relay {
    async fn reply(&self, step: Step<'_>) -> Reply {
        match step {
            Step::Mail(_) => {
                let mut state = self.state();
                state.open += 1;
                state.most_open = state.most_open.max(state.open);
            }
            Step::Message(mail) => {
                self.wait_for_slot().await;
                let mut state = self.state();
                state.open -= 1;
                if let Some(code) = mail.code()
                    && let Some(waiting) = state.waiting.remove(&mail.to)
                {
                    let _ = waiting.send(code.to_owned());
                }
                state.deliveries.push(Delivery { recipient: mail.to, message_id: mail.message_id, at: Instant::now() });
            }
            _ => {}
        }
        Reply::Accept
    }
}
