//! The commands that the UI may call: the list, and the method of [`App`] behind each.
//!
//! The shell makes the Tauri handlers from the list, the test `bridge` the TypeScript functions and the permission. Every
//! command returns the [`View`] that it led to.

use hrm_api::{ContactWay, Language};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::{
    app::{App, blocking},
    app_state::{Arrival, OpenLogin},
    client::{Attempts, Session},
    code, diagnostics,
    login_page::login_page,
    problem::Problem,
    record::PendingSend,
    screen::Screen,
    server_url::ServerUrl,
    view::{Phase, View},
};

/// Passes the list of commands to the macro `$to`: `name(argument: Type, …)`, documented for TypeScript.
#[macro_export]
macro_rules! commands {
    ($to:ident) => {
        $to! {
            /// The current view, without asking the server.
            view();
            /// Asks the server for the current state.
            refresh();
            /// The password is not stored.
            sign_in(server: String, username: String, password: SecretString);
            /// Signs out and deletes the employee's data from this device, also while offline.
            sign_out();
            /// Tries again to open the credential store with the session; the system may ask for its password.
            unlock();
            /// Shows the sign-in screen instead of the locked store. The same employee finds everything again.
            sign_in_again();
            navigate(screen: Screen);
            /// Saves the half-typed address, also an empty one.
            save_email_draft(email: String);
            /// Sends a code to the address, or links at once if the company's policy needs no code.
            send_code(email: String);
            /// Verifies a typed or pasted code.
            verify_code(code: SecretString);
            /// Verifies the code on the clipboard. The page does not see the clipboard's content.
            paste_code();
            /// Ends the challenge. The address stays in the field.
            start_over();
            /// Hides the banner until the snooze ends by the server's clock.
            snooze();
            /// Opens this edition's account settings in the system browser.
            open_account_settings();
            /// Begins to practise the new login, and opens its sign-in page in the system browser.
            try_login();
            /// Opens the sign-in page of the practice that waits again. If this run did not open it, begins another.
            open_try_login_again();
            /// Gives up the practice that waits.
            cancel_try_login();
            /// Opens the e-mail app, to read the code. Only if `canOpenEmail`.
            open_email_app();
            /// Calls the company's contact, starts a mail to them or opens their page, in the system's app for it.
            open_contact(way: ContactWay);
            /// Copies versions, the platform and recent problem codes to the clipboard, for support.
            copy_diagnostics();
            /// Null means the device's language.
            set_language(language: Option<Language>);
        }
    };
}

impl App {
    pub async fn view(&self) -> Result<View, Problem> {
        Ok(self.current_view())
    }

    pub async fn refresh(&self) -> Result<View, Problem> {
        let session = self.session().await?;
        let began = self.lock().state_generation;
        let result = self.in_session(&session, self.client().await?.state(&session)).await;
        self.apply_arrival(&session, result, Arrival::Read { began }).await
    }

    pub async fn sign_in(&self, server: String, username: String, password: SecretString) -> Result<View, Problem> {
        let _one_at_a_time = self.0.command_lock.lock().await;
        let username = username.trim().to_owned();
        {
            let mut state = self.lock();
            // Who signs in again keeps the server of the session until it is replaced.
            if state.record.signed_in.is_none() {
                state.record.server = server.trim().to_owned();
                state.record.username = username.clone();
            }
            state.notice = None;
            drop(self.publish_and_save(&mut state));
        }
        let server = ServerUrl::parse(&server)?;
        let client = self.client().await?;
        let device_token = self.lock().record.device_token(&server.to_string(), &username).map(str::to_owned);
        let generation = self.lock().session_generation;
        let signed_in = self.in_generation(generation, async {
            client.probe(&server).await?;
            client.sign_in(&server, &username, &password, device_token.as_deref()).await
        });
        let signed_in = signed_in.await?;
        {
            let mut state = self.lock();
            state.record.keep_device_token(&server.to_string(), &username, signed_in.device_token.clone());
            state.record.username = username;
        }
        let session = self.begin_session(server, signed_in).await;
        // The employee is signed in even if the state cannot be fetched now: the view says why.
        let result = self.in_session(&session, client.state(&session)).await;
        self.apply_state(&session, result).await.or_else(|_| Ok(self.current_view()))
    }

    pub async fn sign_out(&self) -> Result<View, Problem> {
        // Waits for nothing: what is running ends with the session.
        Ok(self.end_and_revoke().await)
    }

    pub async fn unlock(&self) -> Result<View, Problem> {
        Ok(self.unlock_vault().await)
    }

    pub async fn sign_in_again(&self) -> Result<View, Problem> {
        Ok(self.leave_locked_vault())
    }

    pub async fn navigate(&self, screen: Screen) -> Result<View, Problem> {
        self.change_signed_in(|signed_in| signed_in.screen = screen).await
    }

    pub async fn save_email_draft(&self, email: String) -> Result<View, Problem> {
        self.change_signed_in(|signed_in| signed_in.email_draft = Some(email)).await
    }

    pub async fn send_code(&self, email: String) -> Result<View, Problem> {
        let _one_at_a_time = self.0.command_lock.lock().await;
        let email = email.trim().to_owned();
        let session = self.session().await?;
        let (key, repeated, saved) = {
            let mut state = self.lock();
            let now = state.server_time(&*self.0.platform.clock);
            let Some(signed_in) = &mut state.record.signed_in else { return Err(Problem::SignedOut) };
            signed_in.email_draft = Some(email.clone());
            let pending = signed_in.pending_send.take().filter(|send| send.matches(&email, now));
            let repeated = pending.is_some();
            let send = pending.unwrap_or_else(|| PendingSend { email: email.clone(), key: Uuid::new_v4(), at: now });
            let key = send.key;
            signed_in.pending_send = Some(send);
            (key, repeated, self.publish_and_save(&mut state))
        };
        // A send that is repeated after a crash has this key, and so sends no second mail.
        saved.await;
        let result = self.in_session(&session, self.client().await?.send_code(&session, &email, key)).await;
        if !result.as_ref().is_err_and(Problem::is_unreachable) {
            self.change_signed_in(|signed_in| {
                signed_in.pending_send = None;
                if result.is_ok() {
                    signed_in.email_draft = None;
                }
            })
            .await?;
        }
        // The response to a repeated key is the stored one, whose state may be old.
        let repeated = repeated || matches!(&result, Ok((_, Attempts::Several)));
        let arrival = if repeated { Arrival::Late } else { Arrival::Answer };
        let view = self.apply_arrival(&session, result.map(|(state, _)| state), arrival).await?;
        if !repeated {
            return Ok(view);
        }
        // The send worked, also if this fails.
        self.refresh().await.or_else(|_| Ok(self.current_view()))
    }

    pub async fn verify_code(&self, code: SecretString) -> Result<View, Problem> {
        let code = code::parse(&code)?;
        let _one_at_a_time = self.0.command_lock.lock().await;
        let session = self.session().await?;
        let client = self.client().await?;
        match self.in_session(&session, client.verify(&session, &code)).await {
            // An earlier attempt whose response was lost may have linked: fetch the state and follow it.
            Err(Problem::AlreadyLinked) => {
                let result = self.in_session(&session, client.state(&session)).await;
                self.apply_state(&session, result).await
            }
            // These change the state: attempts left, or no challenge any more.
            Err(
                problem @ (Problem::CodeWrong { .. }
                | Problem::CodeExpired
                | Problem::AttemptsExhausted
                | Problem::NoChallenge
                | Problem::AccountTaken
                | Problem::LinkingLocked),
            ) => {
                let result = self.in_session(&session, client.state(&session)).await;
                self.apply_state(&session, result).await.ok();
                Err(problem)
            }
            result => self.apply_state(&session, result).await,
        }
    }

    pub async fn paste_code(&self) -> Result<View, Problem> {
        let clipboard = self.0.platform.clipboard.clone();
        let copied = blocking(move || clipboard.paste()).await.and_then(Result::ok).ok_or(Problem::NotPasted)?;
        self.verify_code(copied).await
    }

    pub async fn start_over(&self) -> Result<View, Problem> {
        let _one_at_a_time = self.0.command_lock.lock().await;
        let session = self.session().await?;
        let result = self.in_session(&session, self.client().await?.start_over(&session)).await;
        if result.is_ok() {
            self.change_signed_in(|signed_in| {
                let challenge = signed_in.cached_state.as_ref().and_then(|cached| cached.state.challenge.as_ref());
                let sent_to = challenge.map(|challenge| challenge.email.clone());
                signed_in.email_draft = signed_in.email_draft.take().or(sent_to);
            })
            .await?;
        }
        self.apply_state(&session, result).await
    }

    pub async fn snooze(&self) -> Result<View, Problem> {
        let _one_at_a_time = self.0.command_lock.lock().await;
        let session = self.session().await?;
        let result = self.in_session(&session, self.client().await?.snooze(&session)).await;
        self.apply_state(&session, result).await
    }

    pub async fn open_account_settings(&self) -> Result<View, Problem> {
        let view = self.current_view();
        let Phase::SignedIn { linking: Some(linking), .. } = &view.phase else { return Err(Problem::LinkNotOpened) };
        let url = hrm_api::settings_page(&linking.settings_url).ok_or(Problem::LinkNotOpened)?;
        self.open(url.into()).await?;
        Ok(view)
    }

    pub async fn try_login(&self) -> Result<View, Problem> {
        let _one_at_a_time = self.0.command_lock.lock().await;
        let session = self.session().await?;
        let client = self.client().await?;
        let begun = match self.in_session(&session, client.try_login(&session)).await {
            // Unlinked, or no longer offered: the state says so.
            Err(Problem::Unexpected) => {
                self.refresh().await.ok();
                return Err(Problem::Unexpected);
            }
            Err(problem) => return self.apply_state(&session, Err(problem)).await,
            Ok(begun) => begun,
        };
        let page = login_page(&begun.authorize_url, &session.server).map(String::from);
        {
            let mut state = self.lock();
            if state.session_generation != session.generation {
                return Err(Problem::SignedOut);
            }
            let address = page.clone().map(SecretString::from);
            state.open_login = address.map(|address| OpenLogin { address, expires_at: begun.expires_at });
        }
        let opened = match page {
            Some(page) => self.open(page).await,
            None => Err(Problem::LinkNotOpened),
        };
        if let Err(problem) = opened {
            // Nobody could finish it.
            self.cancel(&session).await.ok();
            return Err(problem);
        }
        // The page is open, also if this fails: the event stream or the next call tells.
        self.refresh().await.or_else(|_| Ok(self.current_view()))
    }

    pub async fn open_try_login_again(&self) -> Result<View, Problem> {
        let address = {
            let state = self.lock();
            let newest = state.cached().and_then(|cached| cached.state.try_login.as_ref()?.as_ref());
            let waits_until = newest.and_then(|newest| newest.expires_at);
            let open = state.open_login.as_ref().filter(|open| Some(open.expires_at) == waits_until);
            open.map(|open| open.address.clone())
        };
        match address {
            Some(address) => {
                self.open(address.expose_secret().to_owned()).await?;
                self.view().await
            }
            // After a restart, or begun on another device. Who lost the page needs one, and a new try ends the old.
            None => self.try_login().await,
        }
    }

    pub async fn cancel_try_login(&self) -> Result<View, Problem> {
        let _one_at_a_time = self.0.command_lock.lock().await;
        let session = self.session().await?;
        self.cancel(&session).await
    }

    async fn cancel(&self, session: &Session) -> Result<View, Problem> {
        let result = self.in_session(session, self.client().await?.cancel_try_login(session)).await;
        if result.is_ok() {
            self.lock().open_login = None;
        }
        self.apply_state(session, result).await
    }

    pub async fn open_email_app(&self) -> Result<View, Problem> {
        let email_app = self.0.platform.email_app.clone().ok_or(Problem::NoEmailApp)?;
        match blocking(move || email_app.open()).await {
            Some(Ok(())) => self.view().await,
            _ => Err(Problem::NoEmailApp),
        }
    }

    pub async fn open_contact(&self, way: ContactWay) -> Result<View, Problem> {
        let link = self.lock().cached().and_then(|cached| cached.state.company.as_ref()?.contact.as_ref()?.link(way));
        self.open(link.ok_or(Problem::LinkNotOpened)?).await?;
        self.view().await
    }

    /// Something that was checked, in the system's app for it.
    async fn open(&self, url: String) -> Result<(), Problem> {
        let browser = self.0.platform.browser.clone();
        match blocking(move || browser.open(&url)).await {
            Some(Ok(())) => Ok(()),
            _ => Err(Problem::LinkNotOpened),
        }
    }

    pub async fn copy_diagnostics(&self) -> Result<View, Problem> {
        let view = self.current_view();
        let text = diagnostics::report(&self.0.system, &view, &self.lock().recent_problems);
        let clipboard = self.0.platform.clipboard.clone();
        match blocking(move || clipboard.copy(&text)).await {
            Some(Ok(())) => Ok(view),
            _ => Err(Problem::NotCopied),
        }
    }

    pub async fn set_language(&self, language: Option<Language>) -> Result<View, Problem> {
        let saved = {
            let mut state = self.lock();
            state.record.language = language;
            self.publish_and_save(&mut state)
        };
        Ok(saved.await)
    }
}
