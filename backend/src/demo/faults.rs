//! Faults that testers can switch on.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

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

/// The faults that are on. Not kept: a restart begins without any.
#[derive(Debug, Default)]
pub struct Faults(Mutex<(MailFault, DirectoryFault)>);

impl Faults {
    /// What the mail server does.
    pub fn mail(&self) -> MailFault {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// What Visma Connect does.
    pub fn directory(&self) -> DirectoryFault {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Switches faults on or off; what is not named stays.
    pub fn set(&self, mail: Option<MailFault>, directory: Option<DirectoryFault>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *faults = (mail.unwrap_or(faults.0), directory.unwrap_or(faults.1));
    }
}
