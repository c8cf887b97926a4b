//! The state that changes while the app runs.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::{
    diagnostics::RecentProblems,
    ports::Clock,
    problem::Problem,
    record::{CachedState, Record},
    view::Notice,
};

pub(crate) struct AppState {
    pub(crate) record: Record,
    pub(crate) token: Token,
    pub(crate) sync_problem: Option<Problem>,
    pub(crate) notice: Option<Notice>,
    pub(crate) record_is_saved: bool,
    /// Counts sign-ins and sign-outs: responses to calls of an earlier session are dropped.
    pub(crate) session_generation: u64,
    /// Counts states from the server: a response requested before the newest one arrived is dropped.
    pub(crate) state_generation: u64,
    pub(crate) revision: u32,
    pub(crate) recent_problems: RecentProblems,
}

pub(crate) enum Token {
    /// The credential store has not been asked yet: the first paint must not wait for it.
    NotRead,
    Known(SecretString),
    /// The credential store could not be opened. The person and what they typed are kept.
    Locked,
    /// The employee has to sign in again, and finds everything as it was.
    Missing,
    None,
}

impl AppState {
    pub(crate) fn new(record: Record) -> Self {
        Self {
            token: if record.signed_in.is_some() { Token::NotRead } else { Token::None },
            record,
            sync_problem: None,
            notice: None,
            record_is_saved: true,
            session_generation: 0,
            state_generation: 0,
            revision: 0,
            recent_problems: RecentProblems::default(),
        }
    }

    pub(crate) fn cached(&self) -> Option<&CachedState> {
        self.record.signed_in.as_ref()?.cached_state.as_ref()
    }

    /// The server's time as far as it is known, else the device's.
    pub(crate) fn server_time(&self, clock: &dyn Clock) -> DateTime<Utc> {
        self.cached().map_or_else(|| clock.wall(), |cached| cached.clock.now(clock))
    }
}
