//! The session: its token in the credential store, its start and its end.

use hrm_api::SignedIn;

use crate::{
    app::{App, blocking},
    app_state::Token,
    client::Session,
    ports::Persistence,
    problem::Problem,
    record::SignedInRecord,
    server_url::ServerUrl,
    view::Notice,
};

impl App {
    /// The current session. Reads the credential store the first time.
    pub(crate) async fn session(&self) -> Result<Session, Problem> {
        if matches!(self.lock().token, Token::NotRead) {
            let vault = self.0.platform.vault.clone();
            match blocking(move || vault.read()).await {
                Some(Ok(Some(token))) => {
                    let mut state = self.lock();
                    if matches!(state.token, Token::NotRead) {
                        state.token = Token::Known(token);
                    }
                }
                Some(Ok(None)) => self.wipe(Some(Notice::SessionEnded)).await,
                _ => self.wipe(Some(Notice::VaultUnreadable)).await,
            }
        }
        let state = self.lock();
        match (&state.token, ServerUrl::parse(&state.record.server)) {
            (Token::Known(token), Ok(server)) => {
                Ok(Session { generation: state.session_generation, server, token: token.clone() })
            }
            _ => Err(Problem::SignedOut),
        }
    }

    pub(crate) async fn begin_session(&self, server: ServerUrl, signed_in: SignedIn) -> Session {
        let SignedIn { token, employee, .. } = signed_in;
        let (vault, secret) = (self.0.platform.vault.clone(), token.clone());
        let persistence = blocking(move || vault.write(&secret)).await.unwrap_or(Persistence::SessionOnly);
        let mut state = self.lock();
        state.record.server = server.to_string();
        state.record.signed_in = Some(SignedInRecord::new(employee));
        state.token = Token::Known(token.clone());
        state.notice = (persistence == Persistence::SessionOnly).then_some(Notice::SessionInMemoryOnly);
        state.sync_problem = None;
        state.session_generation += 1;
        let session = Session { generation: state.session_generation, server, token };
        self.save_and_publish(state);
        session
    }

    /// Ends the session unless a later one has replaced it.
    pub(crate) async fn end_session(&self, generation: u64) {
        if self.lock().session_generation == generation {
            self.wipe(Some(Notice::SessionEnded)).await;
        }
    }

    /// Deletes the token and all data of the employee from this device.
    pub(crate) async fn wipe(&self, notice: Option<Notice>) {
        {
            let mut state = self.lock();
            state.token = Token::None;
            state.record.signed_in = None;
            state.sync_problem = None;
            state.notice = notice;
            state.session_generation += 1;
            self.save_and_publish(state);
        }
        let vault = self.0.platform.vault.clone();
        if !matches!(blocking(move || vault.delete()).await, Some(Ok(()))) {
            tracing::warn!("the credential store did not delete the token");
        }
    }
}
