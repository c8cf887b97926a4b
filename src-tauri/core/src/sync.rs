//! Keeps the cached state current: follows the event stream and applies each state that the server sends.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use hrm_api::State;

use crate::{
    app::App,
    app_state::Arrival,
    client::Session,
    event_limit::EventLimit,
    problem::Problem,
    view::{Notice, Phase, View},
};

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// The server sends a state as soon as a stream opens.
const FIRST_EVENT_TIMEOUT: Duration = Duration::from_secs(5);

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
    ///
    /// Proxies can break or hold back a stream while calls work. Then the state is asked for beside it, and only that call's
    /// failure is the employee's trouble.
    async fn listen(&self) -> bool {
        let Ok(session) = self.session().await else { return false };
        let received = AtomicBool::new(false);
        let silent = async {
            tokio::time::sleep(FIRST_EVENT_TIMEOUT).await;
            if !received.load(Ordering::Relaxed) {
                self.refresh_quietly(&session).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            () = self.read_events(&session, &received) => {}
            () = silent => {}
        }
        let received = received.into_inner();
        if !received {
            self.refresh_quietly(&session).await;
        }
        received
    }

    async fn read_events(&self, session: &Session, received: &AtomicBool) {
        let began = self.lock().state_generation;
        let response = match self.client().await {
            Ok(client) => self.in_session(session, client.events(session)).await,
            Err(problem) => Err(problem),
        };
        let response = match response {
            Ok(response) => response,
            Err(problem) => {
                tracing::info!(code = problem.code(), "the event stream did not open");
                return;
            }
        };
        let mut limit = EventLimit::default();
        let chunks = response.bytes_stream().map(move |chunk| chunk.ok().filter(|chunk| limit.allows(chunk)).ok_or(()));
        let mut events = chunks.eventsource();
        while let Some(Ok(event)) = events.next().await {
            if event.event == "state"
                && let Ok(state) = serde_json::from_str::<State>(&event.data)
            {
                // The server reads the first state of a stream when the stream opens.
                let first = !received.swap(true, Ordering::Relaxed);
                let arrival = if first { Arrival::Read { began } } else { Arrival::Late };
                self.apply_arrival(session, Ok(state), arrival).await.ok();
            }
        }
    }

    /// Asks for the state beside the stream. The view's `syncProblem` says if that fails.
    async fn refresh_quietly(&self, session: &Session) {
        let began = self.lock().state_generation;
        let result = match self.client().await {
            Ok(client) => self.in_session(session, client.state(session)).await,
            Err(problem) => Err(problem),
        };
        self.log_problem(self.apply_arrival(session, result, Arrival::Read { began }).await).ok();
    }

    /// [`App::apply_arrival`] of the answer to a call that changed something.
    pub(crate) async fn apply_state(&self, session: &Session, result: Result<State, Problem>) -> Result<View, Problem> {
        self.apply_arrival(session, result, Arrival::Answer).await
    }

    /// Applies what the server sent to `session`: caches a state unless it is old, notes a sync problem, or ends the
    /// session.
    pub(crate) async fn apply_arrival(
        &self,
        session: &Session,
        result: Result<State, Problem>,
        arrival: Arrival,
    ) -> Result<View, Problem> {
        let saved = {
            let mut state = self.lock();
            if state.session_generation != session.generation {
                return Err(Problem::SignedOut);
            }
            match result {
                Ok(new) => {
                    let recovered = state.sync_problem.take().is_some();
                    let changed = state.take(new, arrival, &*self.0.platform.clock) || recovered;
                    // A response and the event of the same change both arrive: the second is neither saved nor drawn.
                    Ok(changed.then(|| self.publish_and_save(&mut state)))
                }
                Err(Problem::SignedOut) => Err(self.wipe(&mut state, Some(Notice::SessionEnded))),
                Err(problem) => {
                    if problem.is_unreachable() && state.sync_problem.as_ref() != Some(&problem) {
                        state.sync_problem = Some(problem.clone());
                        self.publish(&mut state);
                    }
                    return Err(problem);
                }
            }
        };
        match saved {
            Ok(Some(saved)) => Ok(saved.await),
            // The first may still be on its way to the disk.
            Ok(None) => Ok(self.all_saved().await),
            Err(wiped) => {
                wiped.await;
                Err(Problem::SignedOut)
            }
        }
    }
}
