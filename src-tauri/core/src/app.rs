//! [`App`]: the shared state, and how each change is saved and published.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OnceCell, watch};

use crate::{
    app_state::AppState,
    call_queue::CallQueue,
    client::Client,
    ports::{Platform, RecordStore, Vault},
    problem::Problem,
    projection,
    record::{Record, SignedInRecord},
    screen::Edition,
    view::View,
};

#[derive(Debug, Clone)]
pub struct LaunchOptions {
    pub edition: Edition,
    /// Prefills the sign-in screen instead of the last server.
    pub server: Option<String>,
    /// Prefills the sign-in screen instead of the last user name.
    pub username: Option<String>,
    /// The system and the web view with their versions, for the support report.
    pub system: String,
}

/// Clones share their state.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Shared>);

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

pub(crate) struct Shared {
    pub(crate) edition: Edition,
    pub(crate) system: String,
    pub(crate) platform: Platform,
    pub(crate) vault: CallQueue<dyn Vault>,
    record_store: CallQueue<dyn RecordStore>,
    http: Box<dyn Fn() -> reqwest::ClientBuilder + Send + Sync>,
    client: OnceCell<Client>,
    state: Mutex<AppState>,
    views: watch::Sender<View>,
    /// [`AppState::session_generation`], for calls that end with their session.
    pub(crate) session_generations: watch::Sender<u64>,
    pub(crate) foreground: watch::Sender<bool>,
    /// Ends the back-off before the next connection attempt.
    pub(crate) reconnect_now: Notify,
    /// One change at a time: a send never overtakes a start-over.
    pub(crate) command_lock: tokio::sync::Mutex<()>,
}

impl App {
    /// Loads the record. Reads neither the credential store nor certificates nor the network: `http` is called when the
    /// first request is made.
    pub fn new(
        options: LaunchOptions,
        platform: Platform,
        http: impl Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        let stored = platform.record_store.load();
        let mut record: Record = stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        match &mut record.signed_in {
            Some(signed_in) => signed_in.reopen(options.edition),
            // A preset address is for the next sign-in and does not move an existing session.
            None => {
                record.server = options.server.unwrap_or(record.server);
                record.username = options.username.unwrap_or(record.username);
            }
        }
        let state = AppState::new(record);
        let view = projection::view_of(&state, options.edition, &platform);
        Self(Arc::new(Shared {
            edition: options.edition,
            system: options.system,
            vault: CallQueue::new("vault", platform.vault.clone()),
            record_store: CallQueue::new("record", platform.record_store.clone()),
            platform,
            http: Box::new(http),
            client: OnceCell::new(),
            state: Mutex::new(state),
            views: watch::Sender::new(view),
            session_generations: watch::Sender::new(0),
            foreground: watch::Sender::new(true),
            reconnect_now: Notify::new(),
            command_lock: tokio::sync::Mutex::default(),
        }))
    }

    /// The current view and every later one.
    pub fn views(&self) -> watch::Receiver<View> {
        self.0.views.subscribe()
    }

    /// Records the problem of a failed command in the log and for [`App::copy_diagnostics`].
    pub fn log_problem(&self, result: Result<View, Problem>) -> Result<View, Problem> {
        if let Err(problem) = &result {
            tracing::info!(code = problem.code(), "a command failed");
            let at = self.0.platform.clock.wall();
            self.lock().recent_problems.push(at, problem);
        }
        result
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, AppState> {
        // No code under this lock panics half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current_view(&self) -> View {
        self.view_of(&self.lock())
    }

    pub(crate) fn view_of(&self, state: &AppState) -> View {
        projection::view_of(state, self.0.edition, &self.0.platform)
    }

    pub(crate) fn publish(&self, state: &mut AppState) {
        state.revision += 1;
        self.0.views.send_replace(self.view_of(state));
    }

    /// The page draws the view while the disk works. What this returns is ready once the record is saved: a command that has
    /// answered has lost nothing.
    pub(crate) fn publish_and_save(&self, state: &mut AppState) -> impl Future<Output = View> + Send + use<> {
        self.publish(state);
        self.save(state, false)
    }

    /// Who sees the view finds it after a restart, also if the app is killed now.
    pub(crate) fn save_and_publish(&self, state: &AppState) -> impl Future<Output = View> + Send + use<> {
        self.save(state, true)
    }

    /// Runs also if what it returns is dropped.
    pub(crate) fn save(&self, state: &AppState, then_publish: bool) -> impl Future<Output = View> + Send + use<> {
        let (app, text) = (self.clone(), serde_json::to_string(&state.record));
        let saved = self.0.record_store.submit(move |store| {
            let is_saved = text.is_ok_and(|text| store.save(&text).is_ok());
            let mut state = app.lock();
            let changed = std::mem::replace(&mut state.record_is_saved, is_saved) != is_saved;
            if changed || then_publish {
                app.publish(&mut state);
            }
        });
        let app = self.clone();
        async move {
            saved.await.ok();
            app.current_view()
        }
    }

    /// Waits for the saves that were begun.
    pub(crate) async fn all_saved(&self) -> View {
        self.0.record_store.submit(|_| ()).await.ok();
        self.current_view()
    }

    pub(crate) async fn change_signed_in(&self, change: impl FnOnce(&mut SignedInRecord)) -> Result<View, Problem> {
        let saved = {
            let mut state = self.lock();
            change(state.record.signed_in.as_mut().ok_or(Problem::SignedOut)?);
            self.publish_and_save(&mut state)
        };
        Ok(saved.await)
    }

    pub(crate) async fn client(&self) -> Result<&Client, Problem> {
        let init = self.0.client.get_or_try_init(|| async {
            let app = self.clone();
            // Loading the system's certificates takes longer than a frame.
            match blocking(move || Client::new((app.0.http)())).await {
                Some(Ok(client)) => Ok(client),
                _ => Err(Problem::Unexpected),
            }
        });
        init.await
    }
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
