//! The whole system in one process: the backend on a SQLite file, fakes of its services, demo people, and routes that let
//! testers read mails, move the clock and switch faults on.

mod faults;
mod inbox;
mod network;
mod people;
mod routes;
mod scenario;
mod state;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::middleware;
use clap::Args;
use hrm_fakes::json_file::JsonFile;
use hrm_fakes::login::Login;
use hrm_fakes::{mail_server, visma_connect};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::clock::{Clock, SECOND};
use crate::directory::{DirectorySettings, PublicApi, UNLINK_PATH};
use crate::keys::Keys;
use crate::login_provider::{CALLBACK_PATH, LoginSettings};
use crate::mail::Mailer;
use crate::password::PasswordCost;
use crate::rate_limit::Limit;
use crate::rules::{LOGIN_TRY_LIFE, Rules};
use crate::server::{self, install_cryptography};
use crate::settings::Settings;
use faults::Faults;
use inbox::InboxHandler;
use state::DemoState;

/// All testers may share one machine, and the demo's password is public.
const FAILURES_PER_HOUR: i64 = 1_000_000;

/// Settings of `hrm-backend demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address and port to listen on; port 0 picks a free port
    #[arg(long, default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Folder of the demo's data, kept across restarts [default: a folder in the user's data folder]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Start with this scenario
    #[arg(long, value_parser = scenario::SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>())]
    scenario: Option<String>,
    /// List the scenarios and exit
    #[arg(long)]
    list: bool,
}

impl DemoArgs {
    pub fn scenario(&self) -> Option<&str> {
        self.scenario.as_deref()
    }

    /// One line for each scenario, if `--list` was given.
    pub fn list(&self) -> Option<String> {
        let line = |one: &scenario::Scenario| format!("{:22} {:14} {}", one.name, one.username, one.what);
        self.list.then(|| scenario::SCENARIOS.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    /// # Errors
    /// When no folder is given and there is no default.
    pub fn options(self) -> Result<Options, DemoError> {
        let data_dir = self.data_dir.or_else(default_data_dir).ok_or(DemoError::NoDataDir)?;
        Ok(Options { listen: self.listen, data_dir })
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    /// Port 0 picks a free port.
    pub listen: SocketAddr,
    /// Created if it does not exist.
    pub data_dir: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("no folder for the demo's data: use --data-dir")]
    NoDataDir,
    #[error("{0}: {1}")]
    Io(String, io::Error),
    #[error("the demo's database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Other(String),
}

/// The fakes that the demo's backend uses. Tests start more backends with them.
#[derive(Debug, Clone)]
pub struct Services {
    pub smtp_url: String,
    /// With a slash at the end.
    pub visma_url: String,
}

/// A running demo. [`Demo::shutdown`] finishes running calls first; a drop does not wait for them.
pub struct Demo {
    services: Services,
    /// Visma Connect's login, for tests.
    pub login: Arc<Login>,
    state: Arc<DemoState>,
    serving: JoinHandle<()>,
    _fakes: [AbortOnDropHandle<()>; 2],
}

impl Demo {
    /// The demo accepts requests when this returns.
    ///
    /// # Errors
    /// When the folder cannot be used or the port is taken.
    pub async fn start(options: Options) -> Result<Self, DemoError> {
        Self::start_on(options, None).await
    }

    /// With another database than the SQLite file in its folder, so that the same tests run on PostgreSQL.
    ///
    /// # Errors
    /// As [`Demo::start`], and when the database cannot be reached.
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
        let keys =
            Keys::parse(&read_or_create_key(&data.join("code.key")).map_err(at(data))?).map_err(DemoError::Other)?;

        let clock = Clock::default();
        let clock_offset = JsonFile::open(data.join("clock.json")).map_err(at(data))?;
        clock.set_offset(clock_offset.read(|offset| *offset));
        let inbox = Arc::new(JsonFile::open(data.join("inbox.json")).map_err(at(data))?);
        let users_path = data.join("visma-connect.json");
        let is_first_start = !users_path.exists();
        let visma_users = Arc::new(JsonFile::open(users_path).map_err(at(data))?);
        if is_first_start {
            visma_users.change(|users| *users = people::base_accounts());
        }
        let faults = Arc::new(Faults::default());
        let smtp = TcpListener::bind("127.0.0.1:0").await.map_err(at(data))?;
        let visma = TcpListener::bind("127.0.0.1:0").await.map_err(at(data))?;
        let services = Services {
            smtp_url: format!("smtp://{}", smtp.local_addr().map_err(at(data))?),
            visma_url: format!("http://{}/", visma.local_addr().map_err(at(data))?),
        };
        let handler = InboxHandler { inbox: Arc::clone(&inbox), faults: Arc::clone(&faults), clock: clock.clone() };
        let smtp = mail_server::serve(smtp, Arc::new(handler));
        let issuer = services.visma_url.trim_end_matches('/').to_owned();
        let login = Arc::new(Login::new(issuer.clone(), Arc::clone(&visma_users), {
            let clock = clock.clone();
            move || clock.now() / SECOND
        }));
        let callback = format!("http://{address}/{CALLBACK_PATH}");
        login.register(&callback);
        let visma = visma_connect::serve(visma, Arc::clone(&visma_users), Arc::clone(&login), {
            let faults = Arc::clone(&faults);
            move || faults.now().directory
        });
        let fakes = [tokio::spawn(smtp), tokio::spawn(visma)].map(AbortOnDropHandle::new);

        let url = |text: &str| Url::parse(text).map_err(|error| DemoError::Other(error.to_string()));
        let directory = PublicApi::new(DirectorySettings {
            token_url: url(&format!("{}connect/token", services.visma_url))?,
            api_url: url(&services.visma_url)?,
            unlink_path: UNLINK_PATH.to_owned(),
            client_id: visma_connect::CLIENT_ID.to_owned(),
            client_secret: SecretString::from(visma_connect::CLIENT_SECRET),
            timeout: Duration::from_secs(2),
        });
        let directory = directory.map_err(|error| DemoError::Other(error.to_string()))?;
        let from = "Flex HRM <no-reply@flexhrm.example>".parse().map_err(|_| DemoError::Other("sender".to_owned()))?;
        let mailer = Mailer::new(&url(&services.smtp_url)?, None, from).map_err(DemoError::Other)?;
        let settings = Settings {
            failures_per_name: Limit::of_address(FAILURES_PER_HOUR),
            failures_per_address: Limit::of_address(FAILURES_PER_HOUR),
            poll: Duration::from_millis(200),
            first_wait: 100,
            longest_wait: 1_000,
            // Short, so that a killed demo's jobs are soon repeated.
            lease: 10 * SECOND,
            password_cost: PasswordCost::Light,
            login: Some(LoginSettings {
                issuer,
                client_id: visma_connect::CLIENT_ID.to_owned(),
                client_secret: SecretString::from(visma_connect::CLIENT_SECRET),
                callback: url(&callback)?,
            }),
            rules: Rules { try_login: Some(LOGIN_TRY_LIFE), ..Rules::default() },
            ..Settings::new(database_url.map_or_else(|| sqlite_url(&data.join("hrm.sqlite")), Ok)?)
        };
        let backend = server::start(settings, keys, Arc::new(directory), mailer, clock).await?;
        people::seed(&backend.database, false).await?;

        let calls = Arc::default();
        let network = (Arc::clone(&faults), Arc::clone(&calls));
        let with_faults = middleware::from_fn_with_state(network, network::inject_fault);
        let url = format!("http://{address}");
        let state = Arc::new(DemoState {
            backend: Arc::clone(&backend),
            inbox,
            visma_users,
            login: Arc::clone(&login),
            clock_offset,
            faults,
            calls,
            playing: Mutex::default(),
            url,
        });
        let router = crate::routes::router(&backend, routes::routes(Arc::clone(&state))).layer(with_faults);
        let serving = tokio::spawn(async move { server::serve(&backend, listener, router).await });
        Ok(Self { services, login, state, serving, _fakes: fakes })
    }

    pub fn services(&self) -> &Services {
        &self.services
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        self.state.url.clone()
    }

    /// # Errors
    /// When there is no such scenario, or one of its steps failed.
    pub async fn play(&self, name: &str) -> Result<(), DemoError> {
        let scenario = scenario::named(name).ok_or_else(|| DemoError::Other(format!("no scenario {name}")))?;
        scenario::play(&self.state, scenario).await.map_err(DemoError::Other)
    }

    pub async fn shutdown(mut self) {
        self.state.backend.stopping.cancel();
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.state.backend.stopping.cancel();
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

/// Reads the code key, or creates it in a file that only its owner can read.
fn read_or_create_key(path: &Path) -> io::Result<SecretString> {
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
