//! The session: its token in the credential store, its start and its end.

use std::time::Duration;

use hrm_api::SignedIn;
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    app::App,
    app_state::{AppState, Token},
    client::Session,
    ports::{Persistence, StoredToken, TokenOwner},
    problem::Problem,
    record::SignedInRecord,
    server_url::ServerUrl,
    view::{Notice, View},
};

/// How long a sign-in waits for the credential store, which may ask for its password. It saves the token also later.
const SAVE_PATIENCE: Duration = Duration::from_secs(3);
/// For telling the server of a sign-out. After it, the session expires there.
const SIGN_OUT_TIMEOUT: Duration = Duration::from_secs(30);

impl App {
    /// The current session. Reads the credential store the first time.
    pub(crate) async fn session(&self) -> Result<Session, Problem> {
        let unread = {
            let state = self.lock();
            matches!(state.token, Token::NotRead).then(|| (owner(&state), state.session_generation))
        };
        if let Some((owner, generation)) = unread {
            self.read_token(owner, generation).await;
        }
        let state = self.lock();
        match (&state.token, ServerUrl::parse(&state.record.server)) {
            (Token::Known(token), Ok(server)) => {
                Ok(Session { generation: state.session_generation, server, token: token.clone() })
            }
            _ => Err(Problem::SignedOut),
        }
    }

    /// Asks the credential store. A store that fails or has no token ends no session: only the server and the employee do.
    async fn read_token(&self, owner: Option<TokenOwner>, generation: u64) {
        let read = match owner {
            Some(owner) => self.0.vault.submit(move |vault| vault.read(&owner)).await,
            None => Ok(Ok(None)),
        };
        let mut state = self.lock();
        if state.session_generation != generation || !matches!(state.token, Token::NotRead | Token::Locked) {
            return;
        }
        state.token = match read {
            Ok(Ok(Some(token))) => Token::Known(token),
            Ok(Ok(None)) => {
                state.notice = Some(Notice::VaultUnreadable);
                Token::Missing
            }
            Ok(Err(_)) | Err(_) => Token::Locked,
        };
        if !matches!(state.token, Token::Known(_)) {
            tracing::warn!("the credential store gave no token");
        }
        self.publish(&mut state);
    }

    /// Tries to open the credential store again.
    pub(crate) async fn unlock_vault(&self) -> View {
        let locked = {
            let state = self.lock();
            matches!(state.token, Token::Locked).then(|| (owner(&state), state.session_generation))
        };
        if let Some((owner, generation)) = locked {
            self.read_token(owner, generation).await;
        }
        self.current_view()
    }

    /// From a locked store to the sign-in screen. The same person finds everything again.
    pub(crate) fn leave_locked_vault(&self) -> View {
        let mut state = self.lock();
        if matches!(state.token, Token::Locked) {
            state.token = Token::Missing;
            self.publish(&mut state);
        }
        self.view_of(&state)
    }

    /// Runs a call of a session, and gives it up as soon as the session ends.
    pub(crate) async fn in_session<T>(
        &self,
        session: &Session,
        call: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let result = self.in_generation(session.generation, call).await;
        // The address was right at sign-in: if its name is unknown now, this is another network.
        result.map_err(|problem| if problem == Problem::NoSuchHost { Problem::Offline } else { problem })
    }

    /// Gives the call up at the next sign-in or sign-out.
    pub(crate) async fn in_generation<T>(
        &self,
        generation: u64,
        call: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut generations = self.0.session_generations.subscribe();
        tokio::select! {
            biased;
            _ = generations.wait_for(|now| *now != generation) => Err(Problem::SignedOut),
            result = call => result,
        }
    }

    pub(crate) async fn begin_session(&self, server: ServerUrl, signed_in: SignedIn) -> Session {
        let SignedIn { token, employee, .. } = signed_in;
        let (session, saved) = {
            let mut state = self.lock();
            let address = server.to_string();
            let kept = state.record.signed_in.take();
            let kept = kept.filter(|kept| state.record.server == address && kept.employee.id == employee.id);
            let mut record = kept.unwrap_or_else(|| SignedInRecord::new(employee.clone()));
            record.employee = employee;
            record.sign_in = Uuid::new_v4();
            state.record.server = address;
            state.record.signed_in = Some(record);
            state.token = Token::Known(token.clone());
            state.notice = None;
            state.sync_problem = None;
            state.record.tokens_to_delete = true;
            let generation = self.next_session(&mut state);
            let owner = owner(&state);
            let saved = owner.map(|owner| self.save_token(StoredToken { owner, token: token.clone() }, generation));
            self.delete_tokens(&state);
            (Session { generation, server, token }, saved)
        };
        // Who sees that they are signed in stays so, even if the app is killed then.
        if let Some(saved) = saved {
            tokio::time::timeout(SAVE_PATIENCE, saved).await.ok();
        }
        let saved = self.save_and_publish(&self.lock());
        saved.await;
        session
    }

    fn save_token(&self, token: StoredToken, generation: u64) -> tokio::sync::oneshot::Receiver<()> {
        let app = self.clone();
        self.0.vault.submit(move |vault| {
            if vault.write(&token) == Persistence::Persistent {
                return;
            }
            let mut state = app.lock();
            if state.session_generation == generation {
                state.notice = Some(Notice::SessionInMemoryOnly);
                app.publish(&mut state);
            }
        })
    }

    /// Deletes all data of the employee from this device at once, and the token as soon as the credential store lets it.
    pub(crate) fn wipe(
        &self,
        state: &mut AppState,
        notice: Option<Notice>,
    ) -> impl Future<Output = View> + Send + use<> {
        state.token = Token::None;
        state.record.signed_in = None;
        state.record.tokens_to_delete = true;
        state.sync_problem = None;
        state.notice = notice;
        self.next_session(state);
        self.delete_tokens(state);
        self.save_and_publish(state)
    }

    /// Wipes this device, and tells the server in the background.
    pub(crate) async fn end_and_revoke(&self) -> View {
        let (server, known, unread) = {
            let state = self.lock();
            let known = if let Token::Known(token) = &state.token { Some(token.clone()) } else { None };
            // Asked for before the wipe, and so read before the delete.
            let unread = owner(&state).filter(|_| matches!(state.token, Token::NotRead));
            let unread = unread.map(|owner| self.0.vault.submit(move |vault| vault.read(&owner).ok().flatten()));
            (ServerUrl::parse(&state.record.server), known, unread)
        };
        let wiped = self.wipe(&mut self.lock(), None);
        let app = self.clone();
        tokio::spawn(async move {
            let token = match unread {
                Some(unread) => unread.await.ok().flatten(),
                None => known,
            };
            if let (Some(token), Ok(server)) = (token, server) {
                tokio::time::timeout(SIGN_OUT_TIMEOUT, app.revoke(server, token)).await.ok();
            }
        });
        wiped.await
    }

    async fn revoke(&self, server: ServerUrl, token: SecretString) -> Result<(), Problem> {
        self.client().await?.sign_out(&Session { generation: 0, server, token }).await
    }

    /// What an earlier run could not delete, because the store was locked or the app was killed.
    pub(crate) fn delete_left_tokens(&self) {
        let state = self.lock();
        if state.record.tokens_to_delete {
            self.delete_tokens(&state);
        }
    }

    fn delete_tokens(&self, state: &AppState) {
        let (app, keep) = (self.clone(), owner(state));
        // Nobody waits for it.
        drop(self.0.vault.submit(move |vault| {
            let deleted = vault.delete_others(keep.as_ref()).is_ok();
            if !deleted {
                tracing::warn!("a credential store did not delete the token");
            }
            let mut state = app.lock();
            if state.record.tokens_to_delete == deleted {
                state.record.tokens_to_delete = !deleted;
                drop(app.save(&state, false));
            }
        }));
    }

    fn next_session(&self, state: &mut AppState) -> u64 {
        state.session_generation += 1;
        state.open_login = None;
        self.0.session_generations.send_replace(state.session_generation);
        state.session_generation
    }
}

fn owner(state: &AppState) -> Option<TokenOwner> {
    let signed_in = state.record.signed_in.as_ref()?;
    let origin = ServerUrl::parse(&state.record.server).ok()?.to_string();
    Some(TokenOwner { origin, employee_id: signed_in.employee.id.clone(), sign_in: signed_in.sign_in })
}
