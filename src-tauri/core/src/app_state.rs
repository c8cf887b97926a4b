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
    pub(crate) record_is_saved: bool,
    /// Counts sign-ins and sign-outs: responses to calls of an earlier session are dropped.
    pub(crate) session_generation: u64,
    /// Counts states taken from the server.
    pub(crate) state_generation: u64,
    pub(crate) revision: u32,
    pub(crate) recent_problems: RecentProblems,
    pub(crate) open_login: Option<OpenLogin>,
}

/// The sign-in page that is open in the browser. Who has its address can end the try, so it is only here: in no record, view
/// or log.
pub(crate) struct OpenLogin {
    pub(crate) address: SecretString,
    /// Tells the try from others of this employee.
    pub(crate) expires_at: DateTime<Utc>,
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
            open_login: None,
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

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use chrono::TimeDelta;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{record::SignedInRecord, server_clock::tests::FakeClock};

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn signed_in() -> AppState {
        let employee = json!({ "id": "1", "firstName": "A", "lastName": "B", "company": "C", "language": "en" });
        let signed_in = SignedInRecord::new(serde_json::from_value(employee).unwrap());
        AppState::new(Record { signed_in: Some(signed_in), ..Record::default() })
    }

    /// The `number`th state that the server read.
    fn state(number: usize, revision: u64, server_time: DateTime<Utc>) -> State {
        let state = json!({
            "revision": revision, "serverTime": server_time, "status": "notLinked", "suggestions": [number.to_string()],
            "banner": { "visible": true, "snoozedUntil": null }, "settingsUrl": { "desktop": "", "mobile": "" },
        });
        serde_json::from_value(state).unwrap()
    }

    fn shown(app: &AppState) -> Option<usize> {
        app.cached().map(|cached| cached.state.suggestions[0].parse().unwrap())
    }

    /// One state that the server read, and its way to the app.
    #[derive(Debug, Clone)]
    struct Message {
        changes: bool,
        /// Of the server's clock since the one before. It goes back only with a change.
        seconds: i64,
        asked_before: usize,
        on_its_way: usize,
        arrival: Arrival,
    }

    fn message() -> impl Strategy<Value = Message> {
        let arrival = prop_oneof![Just(Arrival::Read { began: 0 }), Just(Arrival::Answer), Just(Arrival::Late)];
        (any::<bool>(), -60..60_i64, 0..4_usize, 0..12_usize, arrival).prop_map(
            |(changes, seconds, asked_before, on_its_way, arrival)| {
                let seconds = if changes { seconds } else { 1 + seconds.abs() };
                Message { changes, seconds, asked_before, on_its_way, arrival }
            },
        )
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_ends_in_the_newest_state(messages in prop::collection::vec(message(), 1..20)) {
            let clock = FakeClock(Mutex::new((start(), Duration::ZERO)));
            let (mut revision, mut time) = (1, start());
            // Moments: message n is read at 10 n, asked for before, and arrives after.
            let mut moments = Vec::new();
            for (number, message) in messages.iter().enumerate() {
                revision += u64::from(message.changes);
                time += TimeDelta::seconds(message.seconds);
                let read = 10 * (number + 10);
                moments.push((read - 10 * message.asked_before - 1, false, number, state(number, revision, time)));
                moments.push((read + 10 * message.on_its_way + 1, true, number, state(number, revision, time)));
            }
            moments.sort_by_key(|(at, arrives, number, _)| (*at, *arrives, *number));
            let mut app = signed_in();
            let mut began = vec![0; messages.len()];
            for (_, arrives, number, state) in moments {
                if !arrives {
                    began[number] = app.state_generation;
                    continue;
                }
                let before = shown(&app);
                let arrival = match messages[number].arrival {
                    Arrival::Read { .. } => Arrival::Read { began: began[number] },
                    other => other,
                };
                app.take(state, arrival, &clock);
                prop_assert!(shown(&app) >= before, "{:?} after {before:?}", shown(&app));
            }
            prop_assert_eq!(shown(&app), Some(messages.len() - 1));
        }
    }

    #[test]
    fn only_a_read_that_began_after_it_replaces_a_higher_revision() {
        let clock = FakeClock(Mutex::new((start(), Duration::ZERO)));
        for (arrival, taken) in [
            (Arrival::Read { began: 1 }, true),
            (Arrival::Read { began: 0 }, false),
            (Arrival::Answer, false),
            (Arrival::Late, false),
        ] {
            let mut app = signed_in();
            app.take(state(1, 9, start()), Arrival::Answer, &clock);
            app.take(state(2, 3, start()), arrival, &clock);
            assert_eq!(shown(&app) == Some(2), taken, "{arrival:?}");
        }
    }

    #[test]
    fn what_waited_on_its_way_never_sets_the_clock_back() {
        let clock = FakeClock(Mutex::new((start(), Duration::ZERO)));
        let mut app = signed_in();
        app.take(state(1, 1, start()), Arrival::Read { began: 0 }, &clock);
        let hour = TimeDelta::hours(1);
        for (revision, time, arrival, expected) in [
            (2, start() - hour, Arrival::Late, start()),
            (3, start() + hour, Arrival::Late, start() + hour),
            (4, start() - hour, Arrival::Answer, start() - hour),
        ] {
            app.take(state(2, revision, time), arrival, &clock);
            assert_eq!(app.server_time(&clock), expected, "{arrival:?}");
        }
    }
}
