//! Everything in one process: SQLite file, mail catcher, stand-in for Visma Connect, demo people, and the routes
//! by which testers read mails, move the clock and switch faults on.

mod directory;
mod faults;
mod inbox;
mod json_file;
mod network;
mod people;
mod routes;
mod scenario;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::middleware;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::backend::Backend;
use crate::clock::{Clock, Millis, SECOND};
use crate::directory::{DirectorySettings, PublicApi};
use crate::keys::Keys;
use crate::mail::Mailer;
use crate::password::PasswordCost;
use crate::server::{self, install_cryptography};
use crate::settings::Settings;
use faults::Faults;
use inbox::Inbox;
use json_file::JsonFile;

/// Wide enough for one test machine.
const WIDE: i64 = 1_000_000;

/// Settings of `hrm-backend demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Folder of the demo's data; a restart on the same folder goes on where it was [default: a folder of its own
    /// among the user's data]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Begin in this known state
    #[arg(long, value_parser = scenario::SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>())]
    scenario: Option<String>,
    /// Tell the known states, and do nothing
    #[arg(long)]
    list: bool,
}

impl DemoArgs {
    /// The known state to begin in.
    pub fn scenario(&self) -> Option<&str> {
        self.scenario.as_deref()
    }

    /// The known states, a line for each, if that is what was asked for.
    pub fn list(&self) -> Option<String> {
        let line = |one: &scenario::Scenario| format!("{:22} {:14} {}", one.name, one.username, one.what);
        self.list.then(|| scenario::SCENARIOS.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// The options, with the default folder filled in.
    ///
    /// # Errors
    /// When there is no home for a default folder.
    pub fn options(self) -> Result<Options, DemoError> {
        let data_dir = self.data_dir.or_else(default_data_dir).ok_or(DemoError::NoDataDir)?;
        Ok(Options { listen: self.listen, data_dir })
    }
}

/// Where a demo listens and keeps its data.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder, made if it is not there.
    pub data_dir: PathBuf,
}

/// Why a demo does not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no home for a default folder.
    #[error("no place for the demo's data: give --data-dir")]
    NoDataDir,
    /// A file, a folder or a port.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// The database.
    #[error("the demo's database: {0}")]
    Database(#[from] sqlx::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What the routes work on.
pub(crate) struct DemoState {
    backend: Arc<Backend>,
    inbox: Arc<Inbox>,
    accounts: Arc<JsonFile<Vec<directory::User>>>,
    clock_offset: JsonFile<Millis>,
    faults: Arc<Faults>,
    /// Where this demo is reached, without a slash at the end.
    url: String,
}

impl DemoState {
    /// Everything back to the first state.
    async fn reset(&self) -> sqlx::Result<()> {
        self.faults.end();
        self.clock_offset.change(|offset| *offset = 0);
        self.backend.clock.set_offset(0);
        people::seed(&self.backend.database, true).await?;
        self.accounts.change(|users| *users = directory::first_users());
        self.inbox.change(Vec::clear);
        Ok(())
    }

    /// Moves the clock on, by ten years at most, so that no sum of times overflows.
    fn advance_clock(&self, seconds: u32) {
        let by = i64::from(seconds.min(315_360_000)) * SECOND;
        let offset = self.clock_offset.change(|offset| {
            *offset = offset.saturating_add(by);
            *offset
        });
        self.backend.clock.set_offset(offset);
        self.backend.events.notify_all();
        self.backend.wake.notify_one();
    }
}

/// What runs beside a demo's backend, for other backends that are to use it too.
#[derive(Debug, Clone)]
pub struct Services {
    /// The mail catcher, `smtp://…`.
    pub smtp_url: String,
    /// The stand-in for Visma Connect, `http://…/`.
    pub visma_url: String,
    /// The client id and the secret that it takes.
    pub visma_client: (&'static str, &'static str),
}

/// A running demo. [`Demo::shutdown`] ends it in order; dropping it stops it as well, without waiting.
pub struct Demo {
    services: Services,
    state: Arc<DemoState>,
    services_stop: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

impl Demo {
    /// Starts a demo. It answers requests when this returns.
    ///
    /// # Errors
    /// When the folder cannot be used or the port is taken.
    pub async fn start(options: Options) -> Result<Self, DemoError> {
        Self::start_on(options, None).await
    }

    /// Starts a demo on another database than the SQLite file in its folder: the same tests run on PostgreSQL.
    ///
    /// # Errors
    /// As [`Demo::start`], and when the database is out of reach.
    pub async fn start_on(options: Options, database_url: Option<String>) -> Result<Self, DemoError> {
        install_cryptography();
        let at = |path: &Path| {
            let path = path.display().to_string();
            move |error| DemoError::Io(path, error)
        };
        let data = &options.data_dir;
        make_private_dir(data).map_err(at(data))?;
        let data = &data.canonicalize().map_err(at(data))?;
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| DemoError::Io(options.listen.to_string(), error))?;
        let address = listener.local_addr().map_err(at(data))?;
        let keys = Keys::parse(&key_in(&data.join("code.key")).map_err(at(data))?).map_err(DemoError::Other)?;

        let clock = Clock::default();
        let clock_offset: JsonFile<Millis> = JsonFile::open(data.join("clock.json")).map_err(at(data))?;
        clock.set_offset(clock_offset.read(|offset| *offset));
        let inbox: Arc<Inbox> = Arc::new(JsonFile::open(data.join("inbox.json")).map_err(at(data))?);
        let accounts_path = data.join("visma-connect.json");
        let is_first = !accounts_path.exists();
        let accounts: Arc<JsonFile<Vec<directory::User>>> = Arc::new(JsonFile::open(accounts_path).map_err(at(data))?);
        if is_first {
            accounts.change(|users| *users = directory::first_users());
        }
        let faults = Arc::new(Faults::default());
        let services_stop = CancellationToken::new();
        let smtp = inbox::start(Arc::clone(&inbox), Arc::clone(&faults), clock.clone(), services_stop.clone());
        let smtp = smtp.await.map_err(at(data))?;
        let visma = directory::start(Arc::clone(&accounts), Arc::clone(&faults), services_stop.clone());
        let visma = visma.await.map_err(at(data))?;

        let url = |text: String| Url::parse(&text).map_err(|error| DemoError::Other(error.to_string()));
        let directory = PublicApi::new(DirectorySettings {
            token_url: url(format!("http://{visma}/connect/token"))?,
            api_url: url(format!("http://{visma}/"))?,
            client_id: directory::CLIENT.0.to_owned(),
            client_secret: SecretString::from(directory::CLIENT.1),
            timeout: Duration::from_secs(2),
        });
        let directory = directory.map_err(|error| DemoError::Other(error.to_string()))?;
        let from = "Flex HRM <no-reply@flexhrm.example>".parse().map_err(|_| DemoError::Other("sender".to_owned()))?;
        let mailer = Mailer::new(&url(format!("smtp://{smtp}"))?, None, from).map_err(DemoError::Other)?;
        let settings = Settings {
            sign_ins: WIDE,
            sends: WIDE,
            poll: Duration::from_millis(200),
            first_wait: 100,
            longest_wait: 1_000,
            // A job that the machine was too busy for is soon taken up again.
            lease: 10 * SECOND,
            password_cost: PasswordCost::Light,
            ..Settings::new(database_url.map_or_else(|| sqlite_url(&data.join("hrm.sqlite")), Ok)?)
        };
        let backend = server::start(settings, keys, Arc::new(directory), mailer, clock).await?;
        people::seed(&backend.database, false).await?;

        let with_faults = middleware::from_fn_with_state(Arc::clone(&faults), network::faults);
        let url = format!("http://{address}");
        let state = Arc::new(DemoState { backend: Arc::clone(&backend), inbox, accounts, clock_offset, faults, url });
        let router = crate::routes::router(&backend, routes::routes(Arc::clone(&state))).layer(with_faults);
        let serving = tokio::spawn(async move { server::serve(&backend, listener, router).await });
        let services = Services {
            smtp_url: format!("smtp://{smtp}"),
            visma_url: format!("http://{visma}/"),
            visma_client: directory::CLIENT,
        };
        Ok(Self { state, services, services_stop, serving })
    }

    /// The mail catcher and the stand-in for Visma Connect.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        self.state.url.clone()
    }

    /// Brings the demo into the known state of this name.
    ///
    /// # Errors
    /// When there is none, or a step on the way there did not go as it should.
    pub async fn play(&self, name: &str) -> Result<(), DemoError> {
        let scenario = scenario::named(name).ok_or_else(|| DemoError::Other(format!("no scenario {name}")))?;
        scenario::play(&self.state, scenario).await.map_err(DemoError::Other)
    }

    /// Stops: what is under way is finished.
    pub async fn shutdown(mut self) {
        self.state.backend.stopping.cancel();
        let _ = (&mut self.serving).await;
        self.services_stop.cancel();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.state.backend.stopping.cancel();
        self.services_stop.cancel();
    }
}

fn make_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The code key in a file that only its owner reads, made at the first start.
fn key_in(path: &Path) -> io::Result<SecretString> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Ok(mut file) => {
            let key = Keys::generate();
            file.write_all(key.expose_secret().as_bytes())?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(SecretString::from(fs::read_to_string(path)?)),
        Err(error) => Err(error),
    }
}

fn sqlite_url(path: &Path) -> Result<String, DemoError> {
    let url = Url::from_file_path(path).map_err(|()| DemoError::Other(format!("{}: not a path", path.display())))?;
    Ok(format!("sqlite://{}?mode=rwc", url.path()))
}

fn default_data_dir() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = of("XDG_DATA_HOME").or_else(|| of("LOCALAPPDATA")).or_else(|| Some(of("HOME")?.join(".local/share")));
    Some(base?.join("flex-hrm-connect-demo"))
}
