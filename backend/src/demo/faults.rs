//! Faults that testers can switch on.

use serde::Deserialize;
use tokio::sync::watch;

/// What the mail server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailFault {
    /// It takes mails.
    #[default]
    Ok,
    /// It refuses them for good (5xx).
    Refuse,
    /// It asks to try later (4xx).
    Delay,
}

/// What Visma Connect does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryFault {
    /// It answers.
    #[default]
    Ok,
    /// It answers 500 and does nothing.
    Error,
    /// It never answers.
    Timeout,
    /// It creates accounts and never says so; all else it answers. The cruellest kind of time-out.
    CreateTimeout,
    /// It finds nobody, and says that those exist whom it knows.
    Conflict,
}

/// What becomes of the calls to this backend. The routes under `/demo` know no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkFault {
    /// They are answered.
    #[default]
    Ok,
    /// The connection is dropped without a word.
    Offline,
    /// They are answered three seconds later.
    Slow,
    /// They are never answered.
    Timeout,
    /// They are answered 500, and nothing is done.
    Error,
    /// They are answered 200 with a page of somebody else's.
    Nonsense,
}

/// The faults that are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct On {
    /// Of the mail server.
    pub mail: MailFault,
    /// Of Visma Connect.
    pub directory: DirectoryFault,
    /// Of the way to this backend.
    pub network: NetworkFault,
}

/// A change of faults; what is not named stays.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Change {
    /// Of the mail server.
    pub mail: Option<MailFault>,
    /// Of Visma Connect.
    pub directory: Option<DirectoryFault>,
    /// Of the way to this backend.
    pub network: Option<NetworkFault>,
}

/// The faults, and who waits for a change of them. Not kept: a restart begins without any.
#[derive(Debug, Default)]
pub struct Faults(watch::Sender<On>);

impl Faults {
    /// What is on now.
    pub fn now(&self) -> On {
        *self.0.borrow()
    }

    /// Tells of every change.
    pub fn subscribe(&self) -> watch::Receiver<On> {
        self.0.subscribe()
    }

    /// Switches faults on or off.
    pub fn set(&self, change: Change) {
        self.0.send_modify(|on| {
            *on = On {
                mail: change.mail.unwrap_or(on.mail),
                directory: change.directory.unwrap_or(on.directory),
                network: change.network.unwrap_or(on.network),
            };
        });
    }

    /// Switches all of them off.
    pub fn end(&self) {
        self.0.send_replace(On::default());
    }
}
