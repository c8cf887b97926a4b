//! The state that changes while the app runs.

use chrono::{DateTime, Utc};
use hrm_api::State;
use secrecy::SecretString;

use crate::{
    diagnostics::RecentProblems,
    ports::Clock,
    problem::Problem,
    record::{CachedState, Record},
    server_clock::ServerClock,
    view::Notice,
};

pub(crate) struct AppState {
    pub(crate) record: Record,
    pub(crate) token: Token,
    pub(crate) sync_problem: Option<Problem>,
    pub(crate) notice: Option<Notice>,
    /// Counts sign-ins and sign-outs: responses to calls of an earlier session are dropped.
    pub(crate) session_generation: u64,
    /// Counts states taken from the server.
    pub(crate) state_generation: u64,
    pub(crate) revision: u32,
    pub(crate) recent_problems: RecentProblems,
}

/// How a state arrived, which says what can be believed of its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The answer to a call that began when [`AppState::state_generation`] was this. The server read it in that time.
    Read { began: u64 },
    /// The answer to a call that changed something.
    Answer,
    /// Possibly old when it arrived: an event, the stored answer to a repeated call.
    Late,
}

pub(crate) enum Token {
    /// The credential store has not been asked yet: the first paint must not wait for it.
    NotRead,
    Known(SecretString),
    None,
}

impl AppState {
    pub(crate) fn new(record: Record) -> Self {
        Self {
            token: if record.signed_in.is_some() { Token::NotRead } else { Token::None },
            record,
            sync_problem: None,
            notice: None,
            session_generation: 0,
            state_generation: 0,
            revision: 0,
            recent_problems: RecentProblems::default(),
        }
    }

    pub(crate) fn cached(&self) -> Option<&CachedState> {
        self.record.signed_in.as_ref()?.cached_state.as_ref()
    }

    /// Takes a state that is not older than the cached one. Returns whether anything changed that is saved or drawn.
    pub(crate) fn take(&mut self, mut new: State, arrival: Arrival, clock: &dyn Clock) -> bool {
        new.read_unknown_status();
        let generation = self.state_generation;
        let Some(signed_in) = &mut self.record.signed_in else { return false };
        let Some(known) = &signed_in.cached_state else {
            let server_clock = ServerClock::synced(new.server_time, clock);
            signed_in.cached_state = Some(CachedState { state: new, clock: server_clock });
            self.state_generation += 1;
            return true;
        };
        // A read that began after the cached state arrived is newer whatever it says: a restored backup counts from a lower
        // revision, and a server's clock can be set back.
        let began_after = arrival == Arrival::Read { began: generation };
        let order = |state: &State| (state.revision, state.server_time);
        if !began_after && order(&new) < order(&known.state) {
            return false;
        }
        // What waited on its way only shows that the server's time is at least this.
        let server_clock = if arrival == Arrival::Late && new.server_time <= known.clock.now(clock) {
            known.clock
        } else {
            ServerClock::synced(new.server_time, clock)
        };
        let new = CachedState { state: new, clock: server_clock };
        let changed = new.differs_from(known, clock);
        signed_in.cached_state = Some(new);
        self.state_generation += 1;
        changed
    }

    /// The server's time as far as it is known, else the device's.
    pub(crate) fn server_time(&self, clock: &dyn Clock) -> DateTime<Utc> {
        self.cached().map_or_else(|| clock.wall(), |cached| cached.clock.now(clock))
    }
}
