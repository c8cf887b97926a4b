//! Faults that testers can switch on.

use hrm_fakes::visma_connect::DirectoryFault;
use serde::Deserialize;
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailFault {
    #[default]
    Ok,
    /// The mail server refuses recipients permanently (5xx).
    Refuse,
    /// The mail server refuses recipients temporarily (4xx).
    Delay,
}

/// The fault of all calls of this backend, except those under `/demo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkFault {
    #[default]
    Ok,
    /// The connection is closed without a response.
    Offline,
    /// The response is delayed by three seconds.
    Slow,
    /// No response comes.
    Timeout,
    /// The response is 500, and nothing is done.
    Error,
    /// The response is 200 with an unrelated HTML page, as a captive portal sends it.
    Nonsense,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActiveFaults {
    pub mail: MailFault,
    pub directory: DirectoryFault,
    pub network: NetworkFault,
}

/// `None` keeps the current fault.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct FaultChange {
    pub mail: Option<MailFault>,
    pub directory: Option<DirectoryFault>,
    pub network: Option<NetworkFault>,
}

/// In memory only: a restart clears them.
#[derive(Debug, Default)]
pub struct Faults(watch::Sender<ActiveFaults>);

impl Faults {
    pub fn now(&self) -> ActiveFaults {
        *self.0.borrow()
    }

    pub fn subscribe(&self) -> watch::Receiver<ActiveFaults> {
        self.0.subscribe()
    }

    pub fn set(&self, change: FaultChange) {
        self.0.send_modify(|active| {
            *active = ActiveFaults {
                mail: change.mail.unwrap_or(active.mail),
                directory: change.directory.unwrap_or(active.directory),
                network: change.network.unwrap_or(active.network),
            };
        });
    }

    pub fn clear(&self) {
        self.0.send_replace(ActiveFaults::default());
    }
}
