//! Keeps the cached state current: follows the event stream and applies each state that the server sends.

use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use hrm_api::State;

use crate::{
    app::App,
    client::Session,
    problem::Problem,
    record::CachedState,
    server_clock::ServerClock,
    view::{Phase, View},
};

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);

impl App {
    /// The app is only connected in the foreground; coming to the foreground reconnects at once.
    pub fn set_foreground(&self, foreground: bool) {
        self.0.foreground.send_if_modified(|was| std::mem::replace(was, foreground) != foreground);
        if foreground {
            self.0.reconnect_now.notify_waiters();
        }
    }

    /// Follows the server while signed in and in the foreground. Runs as long as the app.
    pub async fn follow(&self) {
        self.delete_left_tokens();
        let mut foreground = self.0.foreground.subscribe();
        let mut views = self.views();
        let mut backoff = FIRST_BACKOFF;
        loop {
            let signed_in = matches!(views.borrow_and_update().phase, Phase::SignedIn { .. });
            if !(signed_in && *foreground.borrow_and_update()) {
                tokio::select! {
                    changed = foreground.changed() => if changed.is_err() { return },
                    changed = views.changed() => if changed.is_err() { return },
                }
                continue;
            }
            let paused = async {
                let background = foreground.wait_for(|foreground| !foreground);
                let signed_out = views.wait_for(|view| !matches!(view.phase, Phase::SignedIn { .. }));
                tokio::select! { _ = background => {}, _ = signed_out => {} }
            };
            tokio::select! {
                received = self.listen() => {
                    // A stream that worked and broke is reconnected soon, a failing one more and more slowly.
                    backoff = if received { FIRST_BACKOFF } else { (backoff * 2).min(MAX_BACKOFF) };
                    let jittered = backoff.mul_f64(0.5 + fastrand::f64());
                    tokio::select! { () = tokio::time::sleep(jittered) => {}, () = self.0.reconnect_now.notified() => {} }
                }
                () = paused => backoff = FIRST_BACKOFF,
            }
        }
    }

    /// Reads the event stream until it ends. Returns whether a state arrived.
    async fn listen(&self) -> bool {
        let Ok(session) = self.session().await else { return false };
        let response = match self.client().await {
            Ok(client) => self.in_session(&session, client.events(&session)).await,
            Err(problem) => Err(problem),
        };
        let response = match response {
            Ok(response) => response,
            Err(problem) => {
                self.log_problem(self.apply_state(&session, Err(problem))).ok();
                return false;
            }
        };
        let mut events = response.bytes_stream().eventsource();
        let mut received = false;
        while let Some(Ok(event)) = events.next().await {
            if event.event == "state"
                && let Ok(state) = serde_json::from_str::<State>(&event.data)
            {
                received = true;
                if self.is_current(&state) {
                    self.apply_state(&session, Ok(state)).ok();
                }
            }
        }
        received
    }

    fn is_current(&self, state: &State) -> bool {
        self.lock().cached().is_none_or(|cached| cached.state.server_time <= state.server_time)
    }

    /// Applies the server's answer to a call of `session`: caches a state, notes a sync problem, or ends the session.
    pub(crate) fn apply_state(&self, session: &Session, result: Result<State, Problem>) -> Result<View, Problem> {
        let mut state = self.lock();
        if state.session_generation != session.generation {
            return Err(Problem::SignedOut);
        }
        match result {
            Ok(new) => {
                let clock = &*self.0.platform.clock;
                let new = CachedState { clock: ServerClock::synced(new.server_time, clock), state: new };
                let mut changed = state.sync_problem.take().is_some();
                state.state_generation += 1;
                if let Some(signed_in) = &mut state.record.signed_in {
                    changed |= signed_in.cached_state.as_ref().is_none_or(|known| new.differs_from(known, clock));
                    signed_in.cached_state = Some(new);
                }
                // A response and the event of the same change both arrive: the second is neither saved nor drawn.
                if changed { Ok(self.save_and_publish(state)) } else { Ok(self.view_of(&state)) }
            }
            Err(Problem::SignedOut) => {
                drop(state);
                self.end_session(session.generation);
                Err(Problem::SignedOut)
            }
            Err(problem) => {
                if problem.is_unreachable() && state.sync_problem.as_ref() != Some(&problem) {
                    state.sync_problem = Some(problem.clone());
                    self.save_and_publish(state);
                }
                Err(problem)
            }
        }
    }
}
