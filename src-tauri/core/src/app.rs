//! The app: one value inside, one [`View`] outside.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use hrm_api::{Language, State, Status};
use secrecy::SecretString;
use tokio::sync::{OnceCell, watch};
use uuid::Uuid;

use crate::{
    Edition, Linking, Notice, Phase, Place, Problem, View,
    client::{Client, Session},
    code,
    diagnostics::{self, LastProblems},
    ports::{Browser, Clipboard, Clock, Kept, Store, Vault},
    record::{Mirror, Person, Record, UnansweredSend},
    server::Server,
    server_clock::ServerClock,
    settings_link,
};

/// What the app is started with.
#[derive(Debug, Clone)]
pub struct Start {
    /// Which face of the screens.
    pub edition: Edition,
    /// A server address for the sign-in screen, instead of the last one.
    pub server: Option<String>,
    /// A user name for the sign-in screen, instead of the last one.
    pub username: Option<String>,
    /// The system and the web view with their versions, for support.
    pub platform: String,
}

/// The device that the app runs on.
#[derive(Clone)]
pub struct Device {
    /// The credential store.
    pub vault: Arc<dyn Vault>,
    /// The app's own file.
    pub store: Arc<dyn Store>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The system browser.
    pub browser: Arc<dyn Browser>,
    /// The clipboard.
    pub clipboard: Arc<dyn Clipboard>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Device")
    }
}

/// The app. Clones share everything.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

struct Parts {
    edition: Edition,
    platform: String,
    device: Device,
    http: Box<dyn Fn() -> reqwest::ClientBuilder + Send + Sync>,
    client: OnceCell<Client>,
    inner: Mutex<Inner>,
    views: watch::Sender<View>,
    front: watch::Sender<bool>,
    /// Ends the pause before the next try to reach the server.
    nudge: tokio::sync::Notify,
    /// One change at a time: a send never overtakes a start-over.
    turn: tokio::sync::Mutex<()>,
}

struct Inner {
    record: Record,
    token: Token,
    trouble: Option<Problem>,
    notice: Option<Notice>,
    /// Counts sign-ins and sign-outs: an answer to a call of an earlier session is dropped.
    session: u64,
    /// Counts states taken in: an answer that was asked for before the newest came is dropped.
    taken_in: u64,
    revision: u32,
    problems: LastProblems,
}

enum Token {
    /// The credential store has not been asked yet: nothing before the first paint may wait for it.
    NotRead,
    Known(SecretString),
    None,
}

impl App {
    /// Makes the app from what the device kept. Reads neither the credential store nor certificates nor the network:
    /// `http` begins an HTTP client when the first call is made.
    pub fn new(
        start: Start,
        device: Device,
        http: impl Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        let mut record: Record =
            device.store.load().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        // A preset address is for the next sign-in; it does not move a session that lives elsewhere.
        if record.person.is_none() {
            record.server = start.server.unwrap_or(record.server);
            record.username = start.username.unwrap_or(record.username);
        }
        if let Some(person) = &mut record.person
            && start.edition == Edition::Mobile
            && matches!(person.place, Place::Profile | Place::AccountSettings)
        {
            // QA can start either edition on the same folder; these two are rooms of the desktop.
            person.place = Place::VismaConnect;
        }
        if let Some(person) = &mut record.person
            && person.mirror.as_ref().is_some_and(|mirror| mirror.state.status == Status::CodeSent)
            && !person.place.is_flow()
        {
            // Phones end apps while people read their mail: come back to the code field.
            person.place = flow_place(start.edition);
        }
        let token = if record.person.is_some() { Token::NotRead } else { Token::None };
        let inner = Inner {
            record,
            token,
            trouble: None,
            notice: None,
            session: 0,
            taken_in: 0,
            revision: 0,
            problems: LastProblems::default(),
        };
        let view = view_of(&inner, start.edition, &*device.clock);
        Self(Arc::new(Parts {
            edition: start.edition,
            platform: start.platform,
            device,
            http: Box::new(http),
            client: OnceCell::new(),
            inner: Mutex::new(inner),
            views: watch::Sender::new(view),
            front: watch::Sender::new(true),
            nudge: tokio::sync::Notify::new(),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Every view from now on; the first is the one of this moment.
    pub fn views(&self) -> watch::Receiver<View> {
        self.0.views.subscribe()
    }

    /// Tells whether the app is in front. While it is, changes from other devices come in by themselves; it asks the
    /// server where things stand whenever it comes to the front.
    pub fn set_front(&self, front: bool) {
        self.0.front.send_if_modified(|was| std::mem::replace(was, front) != front);
        if front {
            self.0.nudge.notify_waiters();
        }
    }

    /// Keeps the view true for as long as the app runs: reads the session, then follows the server while in front.
    pub async fn follow(&self) {
        let mut front = self.0.front.subscribe();
        let mut views = self.views();
        let mut pause = FIRST_RECONNECT;
        loop {
            let signed_in = matches!(views.borrow_and_update().phase, Phase::SignedIn { .. });
            if !(signed_in && *front.borrow_and_update()) {
                tokio::select! {
                    changed = front.changed() => if changed.is_err() { return },
                    changed = views.changed() => if changed.is_err() { return },
                }
                continue;
            }
            let away = async {
                let left = front.wait_for(|front| !front);
                let signed_out = views.wait_for(|view| matches!(view.phase, Phase::SignedOut { .. }));
                tokio::select! { _ = left => {}, _ = signed_out => {} }
            };
            tokio::select! {
                heard = self.listen() => {
                    // A stream that worked for a while and broke is reconnected at once, then ever more slowly.
                    pause = if heard { FIRST_RECONNECT } else { (pause * 2).min(SLOWEST_RECONNECT) };
                    let jittered = pause.mul_f64(0.5 + fastrand::f64());
                    tokio::select! { () = tokio::time::sleep(jittered) => {}, () = self.0.nudge.notified() => {} }
                }
                () = away => pause = FIRST_RECONNECT,
            }
        }
    }

    /// Notes the problem that a command ended in, for [`App::copy_diagnostics`] and the log.
    pub fn noted(&self, answer: Result<View, Problem>) -> Result<View, Problem> {
        if let Err(problem) = &answer {
            tracing::info!(code = diagnostics::code_of(problem), "a command ended in a problem");
            let at = self.0.device.clock.wall();
            self.lock().problems.note(at, problem);
        }
        answer
    }

    /// The view as it is now.
    ///
    /// # Errors
    /// None; like every command it answers with a `Result`.
    pub async fn view(&self) -> Result<View, Problem> {
        Ok(view_of(&self.lock(), self.0.edition, &*self.0.device.clock))
    }

    /// Asks the server where things stand.
    ///
    /// # Errors
    /// What kept the server from answering; the view shows the mirror then.
    pub async fn refresh(&self) -> Result<View, Problem> {
        let (session, at) = self.session().await?;
        let asked = self.lock().taken_in;
        let answer = self.client().await?.state(&at).await;
        if self.lock().taken_in != asked {
            return self.view().await;
        }
        self.take_in(session, answer)
    }

    /// Signs in. The password is used once and not kept.
    ///
    /// # Errors
    /// Everything between the address and the password that can be wrong; the fields keep their text.
    pub async fn sign_in(&self, server: String, username: String, password: SecretString) -> Result<View, Problem> {
        let _turn = self.0.turn.lock().await;
        let username = username.trim().to_owned();
        {
            let mut inner = self.lock();
            inner.record.server = server.trim().to_owned();
            inner.record.username = username.clone();
            inner.notice = None;
            self.publish(inner);
        }
        let server = Server::parse(&server)?;
        self.client().await?.recognise(&server).await?;
        let signed_in = self.client().await?.sign_in(&server, &username, &password).await?;
        let kept = {
            let (vault, token) = (self.0.device.vault.clone(), signed_in.token.clone());
            blocking(move || vault.write(&token)).await.unwrap_or(Kept::InMemory)
        };
        let at = Session { server: server.clone(), token: signed_in.token.clone() };
        let session = {
            let mut inner = self.lock();
            inner.record.server = server.shown();
            inner.record.person = Some(Person::new(signed_in.employee));
            inner.token = Token::Known(signed_in.token);
            inner.notice = (kept == Kept::InMemory).then_some(Notice::SessionInMemoryOnly);
            inner.trouble = None;
            inner.session += 1;
            let session = inner.session;
            self.publish(inner);
            session
        };
        // Signed in is signed in: if the state does not come now, the view says why and follows up.
        match self.take_in(session, self.client().await?.state(&at).await) {
            Ok(view) => Ok(view),
            Err(_) => self.view().await,
        }
    }

    /// Signs out here at once, and at the server when it can be reached.
    ///
    /// # Errors
    /// None that would keep the employee signed in on this device.
    pub async fn sign_out(&self) -> Result<View, Problem> {
        let _turn = self.0.turn.lock().await;
        let at = self.session().await.ok();
        self.wipe(None).await;
        if let Some((_, at)) = at {
            let app = self.clone();
            // The device is clean already; a server that cannot be reached ends the session when it expires.
            tokio::spawn(async move { app.client().await?.sign_out(&at).await });
        }
        self.view().await
    }

    /// Goes to a screen.
    ///
    /// # Errors
    /// None.
    pub async fn go(&self, place: Place) -> Result<View, Problem> {
        self.change_person(|person| person.place = place)
    }

    /// Keeps the half-typed address.
    ///
    /// # Errors
    /// None.
    pub async fn draft(&self, email: String) -> Result<View, Problem> {
        self.change_person(|person| person.draft = Some(email))
    }

    /// Sends a code to the address, or links at once where no code is needed.
    ///
    /// # Errors
    /// What the server said of the address or of the moment. After no answer, the same call is safe to make again.
    pub async fn send_code(&self, email: String) -> Result<View, Problem> {
        let _turn = self.0.turn.lock().await;
        let email = email.trim().to_owned();
        let (session, at) = self.session().await?;
        let (key, repeated) = {
            let mut inner = self.lock();
            let now = self.server_time(&inner);
            let Some(person) = &mut inner.record.person else { return Err(Problem::SignedOut) };
            person.draft = Some(email.clone());
            let before = person.unanswered.take().filter(|send| send.is_the_same(&email, now));
            let repeated = before.is_some();
            let send = before.unwrap_or(UnansweredSend { email: email.clone(), key: Uuid::new_v4(), at: now });
            let key = send.key;
            person.unanswered = Some(send);
            self.publish(inner);
            (key, repeated)
        };
        let answer = self.client().await?.send_code(&at, &email, key).await;
        if !matches!(
            answer,
            Err(Problem::Offline
                | Problem::TimedOut
                | Problem::Unavailable { .. }
                | Problem::NotHrmServer
                | Problem::Unexpected)
        ) {
            let done = answer.is_ok();
            self.change_person(|person| {
                person.unanswered = None;
                if done {
                    person.draft = None;
                }
            })?;
        }
        let view = self.take_in(session, answer)?;
        // The answer to a repeated key is the stored one: its times are right, its state may be old.
        if repeated { self.refresh().await } else { Ok(view) }
    }

    /// Verifies the code as it was typed or pasted.
    ///
    /// # Errors
    /// What the server said of the code. After no answer, the same call is safe to make again.
    pub async fn verify_code(&self, code: SecretString) -> Result<View, Problem> {
        let code = code::read(&code)?;
        let _turn = self.0.turn.lock().await;
        let (session, at) = self.session().await?;
        let answer = self.client().await?.verify(&at, &code).await;
        match answer {
            // An earlier try whose answer was lost may have linked: the state tells, and the screen follows it.
            Err(Problem::AlreadyLinked) => self.take_in(session, self.client().await?.state(&at).await),
            // What these leave behind is in the state: attempts left, or no challenge any more.
            Err(
                problem @ (Problem::CodeWrong { .. }
                | Problem::CodeExpired
                | Problem::AttemptsExhausted
                | Problem::NoChallenge
                | Problem::AccountTaken
                | Problem::LinkingLocked),
            ) => {
                self.take_in(session, self.client().await?.state(&at).await).ok();
                Err(problem)
            }
            answer => self.take_in(session, answer),
        }
    }

    /// Ends the challenge. The address stays in the field.
    ///
    /// # Errors
    /// What kept the server from answering.
    pub async fn start_over(&self) -> Result<View, Problem> {
        let _turn = self.0.turn.lock().await;
        let (session, at) = self.session().await?;
        let state = self.client().await?.start_over(&at).await;
        if state.is_ok() {
            self.change_person(|person| {
                let email = person.mirror.as_ref().and_then(|mirror| mirror.state.challenge.as_ref());
                person.draft = person.draft.take().or_else(|| email.map(|challenge| challenge.email.clone()));
            })?;
        }
        self.take_in(session, state)
    }

    /// Hides the banner for 24 hours of the server's clock.
    ///
    /// # Errors
    /// What kept the server from answering; the banner stays.
    pub async fn snooze(&self) -> Result<View, Problem> {
        let _turn = self.0.turn.lock().await;
        let (session, at) = self.session().await?;
        let state = self.client().await?.snooze(&at).await;
        self.take_in(session, state)
    }

    /// Opens this edition's account settings in the system browser.
    ///
    /// # Errors
    /// [`Problem::LinkNotOpened`] if the server named another kind of address, or no browser started.
    pub async fn open_account_settings(&self) -> Result<View, Problem> {
        let view = self.view().await?;
        let Phase::SignedIn { linking: Some(linking), .. } = &view.phase else { return Err(Problem::LinkNotOpened) };
        let url = settings_link::check(&linking.settings_url)?;
        let browser = self.0.device.browser.clone();
        match blocking(move || browser.open(url.as_str())).await {
            Some(Ok(())) => Ok(view),
            _ => Err(Problem::LinkNotOpened),
        }
    }

    /// Verifies the code that stands on the clipboard.
    ///
    /// # Errors
    /// [`Problem::CodeFormat`] if no code was copied, and those of [`App::verify_code`].
    pub async fn paste_code(&self) -> Result<View, Problem> {
        let clipboard = self.0.device.clipboard.clone();
        let copied = blocking(move || clipboard.paste()).await.flatten().ok_or(Problem::CodeFormat)?;
        self.verify_code(copied).await
    }

    /// Puts versions, the platform and the codes of the last problems on the clipboard, for support.
    ///
    /// # Errors
    /// [`Problem::NotCopied`] if the system refused.
    pub async fn copy_diagnostics(&self) -> Result<View, Problem> {
        let view = self.view().await?;
        let text = diagnostics::text(&self.0.platform, &view, &self.lock().problems);
        let clipboard = self.0.device.clipboard.clone();
        match blocking(move || clipboard.copy(&text)).await {
            Some(Ok(())) => Ok(view),
            _ => Err(Problem::NotCopied),
        }
    }

    /// Chooses the language of the interface.
    ///
    /// # Errors
    /// None.
    pub async fn set_language(&self, language: Option<Language>) -> Result<View, Problem> {
        let mut inner = self.lock();
        inner.record.language = language;
        Ok(self.publish(inner))
    }

    /// Reads the events stream until it ends. Tells whether a state came through it.
    async fn listen(&self) -> bool {
        use eventsource_stream::Eventsource as _;
        use futures_util::StreamExt as _;

        let Ok((session, at)) = self.session().await else { return false };
        let answer = match self.client().await {
            Ok(client) => client.events(&at).await,
            Err(problem) => Err(problem),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(problem) => {
                self.noted(self.take_in(session, Err(problem))).ok();
                return false;
            }
        };
        let mut events = answer.bytes_stream().eventsource();
        let mut heard = false;
        while let Some(Ok(event)) = events.next().await {
            if event.event == "state"
                && let Ok(state) = serde_json::from_str::<State>(&event.data)
            {
                heard = true;
                if self.is_newer(&state) {
                    self.take_in(session, Ok(state)).ok();
                }
            }
        }
        heard
    }

    async fn client(&self) -> Result<&Client, Problem> {
        let made = self.0.client.get_or_try_init(|| async {
            let app = self.clone();
            // Reads the system's certificates, which takes longer than a frame.
            match blocking(move || Client::new((app.0.http)())).await {
                Some(Ok(client)) => Ok(client),
                _ => Err(Problem::Unexpected),
            }
        });
        made.await
    }

    fn is_newer(&self, state: &State) -> bool {
        let inner = self.lock();
        let mirror = inner.record.person.as_ref().and_then(|person| person.mirror.as_ref());
        mirror.is_none_or(|mirror| mirror.state.server_time <= state.server_time)
    }

    /// The session to make calls in. Reads the credential store the first time.
    async fn session(&self) -> Result<(u64, Session), Problem> {
        if matches!(self.lock().token, Token::NotRead) {
            let vault = self.0.device.vault.clone();
            match blocking(move || vault.read()).await {
                Some(Ok(Some(token))) => {
                    let mut inner = self.lock();
                    if matches!(inner.token, Token::NotRead) {
                        inner.token = Token::Known(token);
                    }
                }
                Some(Ok(None)) => self.wipe(Some(Notice::SessionEnded)).await,
                _ => self.wipe(Some(Notice::VaultUnreadable)).await,
            }
        }
        let inner = self.lock();
        let (Token::Known(token), Ok(server)) = (&inner.token, Server::parse(&inner.record.server)) else {
            return Err(Problem::SignedOut);
        };
        Ok((inner.session, Session { server, token: token.clone() }))
    }

    /// Takes in what the server answered to a call of `session`.
    fn take_in(&self, session: u64, answer: Result<State, Problem>) -> Result<View, Problem> {
        let mut inner = self.lock();
        if inner.session != session {
            return Err(Problem::SignedOut);
        }
        match answer {
            Ok(state) => {
                let clock = &*self.0.device.clock;
                let mirror = Mirror { clock: ServerClock::heard(state.server_time, clock), state };
                let mut news = inner.trouble.take().is_some();
                inner.taken_in += 1;
                if let Some(person) = &mut inner.record.person {
                    news |= person.mirror.as_ref().is_none_or(|known| mirror.is_news_to(known, clock));
                    person.mirror = Some(mirror);
                }
                // An answer and the event of the same change come both: the second is neither saved nor drawn again.
                if news { Ok(self.publish(inner)) } else { Ok(view_of(&inner, self.0.edition, clock)) }
            }
            Err(Problem::SignedOut) => {
                drop(inner);
                let app = self.clone();
                tokio::spawn(async move { app.wipe_session(session, Notice::SessionEnded).await });
                Err(Problem::SignedOut)
            }
            Err(problem) => {
                let unreachable = matches!(
                    problem,
                    Problem::Offline
                        | Problem::TimedOut
                        | Problem::Unavailable { .. }
                        | Problem::NotHrmServer
                        | Problem::CertificateNotTrusted
                        | Problem::Unexpected
                );
                if unreachable && inner.trouble.as_ref() != Some(&problem) {
                    inner.trouble = Some(problem.clone());
                    self.publish(inner);
                }
                Err(problem)
            }
        }
    }

    async fn wipe_session(&self, session: u64, notice: Notice) {
        if self.lock().session == session {
            self.wipe(Some(notice)).await;
        }
    }

    /// Forgets the employee: the token, and everything of theirs on this device.
    async fn wipe(&self, notice: Option<Notice>) {
        {
            let mut inner = self.lock();
            inner.token = Token::None;
            inner.record.person = None;
            inner.trouble = None;
            inner.notice = notice;
            inner.session += 1;
            self.publish(inner);
        }
        let vault = self.0.device.vault.clone();
        if !matches!(blocking(move || vault.delete()).await, Some(Ok(()))) {
            tracing::warn!("the credential store did not forget the token");
        }
    }

    fn change_person(&self, change: impl FnOnce(&mut Person)) -> Result<View, Problem> {
        let mut inner = self.lock();
        let person = inner.record.person.as_mut().ok_or(Problem::SignedOut)?;
        change(person);
        Ok(self.publish(inner))
    }

    /// Saves the record, and shows the view that follows from it.
    fn publish(&self, mut inner: MutexGuard<'_, Inner>) -> View {
        inner.revision += 1;
        if let Ok(text) = serde_json::to_string(&inner.record) {
            self.0.device.store.save(&text);
        }
        let view = view_of(&inner, self.0.edition, &*self.0.device.clock);
        self.0.views.send_replace(view.clone());
        view
    }

    fn server_time(&self, inner: &Inner) -> DateTime<Utc> {
        server_time(inner, &*self.0.device.clock)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under this lock panics half-way through a change.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIRST_RECONNECT: Duration = Duration::from_secs(1);
const SLOWEST_RECONNECT: Duration = Duration::from_secs(60);

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn flow_place(edition: Edition) -> Place {
    match edition {
        Edition::Mobile => Place::VismaConnect,
        Edition::Desktop => Place::AccountSettings,
    }
}

fn server_time(inner: &Inner, clock: &dyn Clock) -> DateTime<Utc> {
    let mirror = inner.record.person.as_ref().and_then(|person| person.mirror.as_ref());
    mirror.map_or_else(|| clock.wall(), |mirror| mirror.clock.now(clock))
}

fn view_of(inner: &Inner, edition: Edition, clock: &dyn Clock) -> View {
    let now = server_time(inner, clock);
    let record = &inner.record;
    let (place, phase) = match &record.person {
        None => (
            Place::Home,
            Phase::SignedOut { server: record.server.clone(), username: record.username.clone(), notice: inner.notice },
        ),
        Some(person) => (
            person.place,
            Phase::SignedIn {
                employee: person.employee.clone(),
                server: record.server.clone(),
                linking: person.mirror.as_ref().map(|mirror| linking_of(person, &mirror.state, edition, now)),
                notice: inner.notice,
            },
        ),
    };
    View {
        revision: inner.revision,
        edition,
        language: record.language,
        place,
        server_time: now,
        trouble: inner.trouble.clone(),
        phase,
    }
}

fn linking_of(person: &Person, state: &State, edition: Edition, now: DateTime<Utc>) -> Linking {
    let sent_to = state.challenge.as_ref().map(|challenge| challenge.email.clone());
    Linking {
        status: state.status,
        // The mirror decides while the server cannot be asked: a snooze ends on the device too.
        banner_visible: state.status != Status::Linked && state.banner.snoozed_until.is_none_or(|until| until <= now),
        email: person.draft.clone().or(sent_to).unwrap_or_default(),
        suggestions: state.suggestions.clone(),
        challenge: state.challenge.clone(),
        account: state.account.clone(),
        settings_url: match edition {
            Edition::Mobile => state.settings_url.mobile.clone(),
            Edition::Desktop => state.settings_url.desktop.clone(),
        },
    }
}
