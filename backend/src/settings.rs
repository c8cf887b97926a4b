//! The settings, checked at start-up. All errors are reported at once.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hrm_api::SettingsUrl;
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::client_address::parse_network;
use crate::clock::{DAY, MINUTE, Millis, SECOND};
use crate::directory::{DirectorySettings, UNLINK_PATH};
use crate::keys::Keys;
use crate::login_provider::{CALLBACK_PATH, LoginSettings};
use crate::mail::smtp::{Relay, is_host_name};
use crate::mail::{self, Mailer};
use crate::password::PasswordCost;
use crate::rate_limit::Limit;
use crate::rules::{self, LOGIN_TRY_LIFE, Rules};

/// The default of [`Settings::lease`].
const LEASE: Millis = MINUTE;

#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite:…` or `postgres://…`.
    pub database_url: String,
    /// The most connections to it; none: a default for its kind.
    pub database_connections: Option<u32>,
    pub rules: Rules,
    /// The OpenID provider for [`Rules::try_login`].
    pub login: Option<LoginSettings>,
    /// Where the employee manages the account.
    pub settings_url: SettingsUrl,
    /// See [`rules::FAILURES_PER_NAME`].
    pub failures_per_name: Limit,
    /// See [`rules::FAILURES_PER_ADDRESS`].
    pub failures_per_address: Limit,
    /// See [`rules::PASSWORD_CHECKS`].
    pub password_checks: usize,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// How often the worker checks the queues when nothing wakes it.
    pub poll: Duration,
    /// The wait before the second attempt of a job; it doubles up to `longest_wait`.
    pub first_wait: Millis,
    pub longest_wait: Millis,
    /// Age at which a failing job is given up.
    pub give_up: Millis,
    /// How long a job belongs to the backend that claimed it. After a crash its jobs wait until the lease ends.
    pub lease: Millis,
    /// The mail server offers SMTPUTF8, so local parts can be non-ASCII.
    pub smtputf8: bool,
    /// How long a request waits for the link before it answers `linking`.
    pub linking_budget: Duration,
    pub password_cost: PasswordCost,
}

/// The public account settings pages of Visma Connect.
pub fn default_settings_url() -> SettingsUrl {
    SettingsUrl {
        desktop: "https://accountsettings.connect.visma.com/".to_owned(),
        mobile: "https://accountsettings.connect.identity.visma.com/".to_owned(),
    }
}

impl Settings {
    /// The defaults.
    pub fn new(database_url: String) -> Self {
        Self {
            database_url,
            database_connections: None,
            rules: Rules::default(),
            login: None,
            settings_url: default_settings_url(),
            failures_per_name: Limit::of_name(rules::FAILURES_PER_NAME),
            failures_per_address: Limit::of_address(rules::FAILURES_PER_ADDRESS),
            password_checks: rules::PASSWORD_CHECKS,
            trusted_proxies: Vec::new(),
            poll: Duration::from_secs(1),
            first_wait: 1_000,
            longest_wait: MINUTE,
            give_up: 7 * DAY,
            lease: LEASE,
            smtputf8: false,
            linking_budget: Duration::from_secs(5),
            password_cost: PasswordCost::Full,
        }
    }
}

/// Settings of `hrm-backend serve`. Secrets come from the environment or from files, never from the command line.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on
    #[arg(long, env = "HRM_LISTEN", default_value = "127.0.0.1:8787")]
    listen: String,
    /// SQLite file as sqlite:///path?mode=rwc; for PostgreSQL, set DATABASE_URL, since it has a password
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Connections to the database at most (4 to 500; default: 16 for PostgreSQL, 8 for SQLite)
    #[arg(long, env = "HRM_DATABASE_CONNECTIONS")]
    database_connections: Option<String>,
    /// File with the code keys: 32 bytes in base64 each, the current one first (or set HRM_CODE_KEYS)
    #[arg(long, env = "HRM_CODE_KEYS_FILE")]
    code_keys_file: Option<PathBuf>,
    /// Mail server: smtps://host or smtp://host:587?tls=required
    #[arg(long, env = "HRM_SMTP_URL")]
    smtp_url: Option<String>,
    /// User name for the mail server; for its password, set HRM_SMTP_PASSWORD or HRM_SMTP_PASSWORD_FILE
    #[arg(long, env = "HRM_SMTP_USER")]
    smtp_user: Option<String>,
    /// File with the mail server's password
    #[arg(long, env = "HRM_SMTP_PASSWORD_FILE")]
    smtp_password_file: Option<PathBuf>,
    /// This host's full name for the mail server (EHLO); by default the machine's name, if it is one with a dot
    #[arg(long, env = "HRM_SMTP_EHLO")]
    smtp_ehlo: Option<String>,
    /// PEM file with certificates of authorities for the mail server, beside the system's
    #[arg(long, env = "HRM_SMTP_CA_FILE")]
    smtp_ca_file: Option<PathBuf>,
    /// The mail server offers SMTPUTF8, so accept non-ASCII local parts (true or false)
    #[arg(long, env = "HRM_SMTP_UTF8", default_value = "false")]
    smtp_utf8: String,
    /// Seconds until another backend takes over the jobs of a dead one (5 to 600)
    #[arg(long, env = "HRM_LEASE_SECONDS", default_value_t = (LEASE / SECOND).to_string())]
    lease_seconds: String,
    /// Sender of the mails, as "Flex HRM <no-reply@company.com>"
    #[arg(long, env = "HRM_MAIL_FROM")]
    mail_from: Option<String>,
    /// Where answers to the mails go, as "HR <hr@company.com>", if not to the sender
    #[arg(long, env = "HRM_MAIL_REPLY_TO")]
    mail_reply_to: Option<String>,
    /// Where reports of mails that did not arrive go (the envelope's sender), if not to the sender; see admin bounce
    #[arg(long, env = "HRM_MAIL_RETURN_PATH")]
    mail_return_path: Option<String>,
    /// Token endpoint of Visma Connect
    #[arg(long, env = "HRM_VISMA_TOKEN_URL", default_value = "https://connect.visma.com/connect/token")]
    visma_token_url: String,
    /// Public API of Visma Connect
    #[arg(long, env = "HRM_VISMA_API_URL", default_value = "https://public-api.connect.visma.com/")]
    visma_api_url: String,
    /// Path of the call that takes {user_id} away from this client, below HRM_VISMA_API_URL
    #[arg(long, env = "HRM_VISMA_UNLINK_PATH", default_value = UNLINK_PATH)]
    visma_unlink_path: String,
    /// Client id for Visma Connect; for the secret, set HRM_VISMA_CLIENT_SECRET or HRM_VISMA_CLIENT_SECRET_FILE
    #[arg(long, env = "HRM_VISMA_CLIENT_ID")]
    visma_client_id: Option<String>,
    /// File with the client secret
    #[arg(long, env = "HRM_VISMA_CLIENT_SECRET_FILE")]
    visma_client_secret_file: Option<PathBuf>,
    /// OpenID issuer of Visma Connect, as https://connect.visma.com; lets employees try their new login
    #[arg(long, env = "HRM_VISMA_ISSUER")]
    visma_issuer: Option<String>,
    /// Client id for the login, if not HRM_VISMA_CLIENT_ID
    #[arg(long, env = "HRM_VISMA_LOGIN_CLIENT_ID")]
    visma_login_client_id: Option<String>,
    /// File with that client's secret (or set HRM_VISMA_LOGIN_CLIENT_SECRET)
    #[arg(long, env = "HRM_VISMA_LOGIN_CLIENT_SECRET_FILE")]
    visma_login_client_secret_file: Option<PathBuf>,
    /// Address of this backend for browsers, as https://hrm.company.com; needed with HRM_VISMA_ISSUER
    #[arg(long, env = "HRM_PUBLIC_URL")]
    public_url: Option<String>,
    /// Account settings page for the desktop edition
    #[arg(long, env = "HRM_SETTINGS_URL_DESKTOP")]
    settings_url_desktop: Option<String>,
    /// Account settings page for the mobile edition
    #[arg(long, env = "HRM_SETTINGS_URL_MOBILE")]
    settings_url_mobile: Option<String>,
    /// Life of a code in minutes
    #[arg(long, env = "HRM_CODE_MINUTES", default_value_t = (Rules::default().code_life / MINUTE).to_string())]
    code_minutes: String,
    /// Life of a session in days
    #[arg(long, env = "HRM_SESSION_DAYS", default_value_t = (Rules::default().session_life / DAY).to_string())]
    session_days: String,
    /// Days after which a session ends that is not used (default: HRM_SESSION_DAYS)
    #[arg(long, env = "HRM_SESSION_IDLE_DAYS")]
    session_idle_days: Option<String>,
    /// Days that codes are kept, with the addresses that were tried (2 to 90)
    #[arg(long, env = "HRM_KEEP_CODES_DAYS", default_value_t = (Rules::default().keep_codes / DAY).to_string())]
    keep_codes_days: String,
    /// Days that the audit log keeps a change (30 to 3650)
    #[arg(long, env = "HRM_KEEP_AUDIT_DAYS", default_value_t = (Rules::default().keep_audit / DAY).to_string())]
    keep_audit_days: String,
    /// Wrong passwords for one user name in an hour, half of them at once (4 to 100)
    #[arg(long, env = "HRM_FAILURES_PER_NAME", default_value_t = rules::FAILURES_PER_NAME.to_string())]
    failures_per_name: String,
    /// Wrong passwords from one client address in an hour, half of them at once (100 to 100000)
    #[arg(long, env = "HRM_FAILURES_PER_ADDRESS", default_value_t = rules::FAILURES_PER_ADDRESS.to_string())]
    failures_per_address: String,
    /// Passwords that are checked at the same time, each with 19 MiB of memory (1 to 64)
    #[arg(long, env = "HRM_PASSWORD_CHECKS", default_value_t = rules::PASSWORD_CHECKS.to_string())]
    password_checks: String,
    /// Days after a person's leaving date until the link is taken away
    #[arg(long, env = "HRM_UNLINK_DAYS_AFTER_LEAVING", default_value_t = Rules::default().unlink_days.to_string())]
    unlink_days_after_leaving: String,
    /// Proxies whose X-Forwarded-For is trusted: addresses and networks (10.0.0.0/8), separated by commas
    #[arg(long, env = "HRM_TRUSTED_PROXIES", default_value = "")]
    trusted_proxies: String,
}

/// The checked settings of `serve`.
#[derive(Debug)]
pub struct ServeConfig {
    pub listen: SocketAddr,
    pub settings: Settings,
    pub keys: Keys,
    pub directory: DirectorySettings,
    pub mailer: Mailer,
}

#[derive(Default)]
struct ConfigErrors(Vec<String>);

impl ConfigErrors {
    fn check<T>(&mut self, what: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        result.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }

    fn require<T>(&mut self, what: &str, value: Option<T>) -> Option<T> {
        self.check(what, value.ok_or("is missing"))
    }

    /// From the environment variable `name`, or from the file that `{name}_FILE` or a flag names.
    fn secret(&mut self, name: &str, file: Option<&PathBuf>) -> Option<SecretString> {
        match (std::env::var(name).ok().filter(|value| !value.is_empty()), file) {
            (Some(_), Some(_)) => self.check(name, Err("is set twice: in the environment and as a file")),
            (Some(value), None) => Some(SecretString::from(value)),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
                self.check(&format!("{name}_FILE"), text).map(|text| SecretString::from(text.trim_end().to_owned()))
            }
            (None, None) => None,
        }
    }

    fn https(&mut self, what: &str, text: &str) -> Option<Url> {
        let is_safe = |url: &Url| {
            let is_local = url.host_str().is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host));
            url.scheme() == "https" || (url.scheme() == "http" && is_local)
        };
        self.check(what, Url::parse(text).ok().filter(is_safe).ok_or("is not an https address"))
    }

    fn number(&mut self, what: &str, text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = text.parse().ok().filter(|number| range.contains(number));
        self.check(what, number.ok_or_else(|| format!("is not a number from {} to {}", range.start(), range.end())))
    }
}

impl ServeArgs {
    /// # Errors
    /// All errors, each with the name of its setting and never with a secret.
    pub fn check(self) -> Result<ServeConfig, Vec<String>> {
        let mut errors = ConfigErrors::default();
        let listen = errors.check("HRM_LISTEN", self.listen.parse().map_err(|_| "is not an address with a port"));
        let database_url = self.database_url.or_else(|| std::env::var("DATABASE_URL").ok());
        let database_url = errors.require("DATABASE_URL", database_url).and_then(|url| {
            let is_known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme));
            errors.check("DATABASE_URL", if is_known { Ok(url) } else { Err("must start with sqlite: or postgres:") })
        });
        let connections = self.database_connections.and_then(|text| {
            let connections = errors.number("HRM_DATABASE_CONNECTIONS", &text, 4..=500)?;
            u32::try_from(connections).ok()
        });
        let keys = errors.secret("HRM_CODE_KEYS", self.code_keys_file.as_ref());
        let keys =
            errors.require("HRM_CODE_KEYS", keys).and_then(|text| errors.check("HRM_CODE_KEYS", Keys::parse(&text)));
        let smtp_url = errors.require("HRM_SMTP_URL", self.smtp_url).and_then(|text| {
            let url = Url::parse(&text).ok().filter(|url| ["smtp", "smtps"].contains(&url.scheme()));
            errors.check("HRM_SMTP_URL", url.ok_or("is not an smtp: or smtps: address"))
        });
        let smtp_password = errors.secret("HRM_SMTP_PASSWORD", self.smtp_password_file.as_ref());
        let smtp_user = self.smtp_user.filter(|user| !user.is_empty());
        let smtp_login = match (smtp_user, smtp_password) {
            (Some(user), password) => errors.require("HRM_SMTP_PASSWORD", password).map(|password| (user, password)),
            (None, Some(_)) => errors.check("HRM_SMTP_USER", Err("is missing, but there is a password")),
            (None, None) => None,
        };
        let hello_name = match self.smtp_ehlo.filter(|name| !name.is_empty()) {
            Some(name) if is_host_name(&name) => Some(name),
            Some(_) => errors.check("HRM_SMTP_EHLO", Err("is not a host name, as hrm.company.com")),
            None => gethostname::gethostname().into_string().ok().filter(|name| is_host_name(name)),
        };
        let relay = smtp_url
            .and_then(|url| errors.check("HRM_SMTP_URL", Relay::new(&url, smtp_login, self.smtp_ca_file.as_deref())));
        let mail_from = errors
            .require("HRM_MAIL_FROM", self.mail_from)
            .and_then(|text| errors.check("HRM_MAIL_FROM", text.parse().map_err(|_| "is not a sender")))
            .and_then(|from| errors.check("HRM_MAIL_FROM", mail::sender(from)));
        let [reply_to, return_path] =
            [("HRM_MAIL_REPLY_TO", self.mail_reply_to), ("HRM_MAIL_RETURN_PATH", self.mail_return_path)].map(
                |(name, text)| {
                    let text = text.filter(|text| !text.is_empty())?;
                    let address = errors.check(name, text.parse().map_err(|_| "is not an address"))?;
                    errors.check(name, mail::sender(address))
                },
            );
        let token_url = errors.https("HRM_VISMA_TOKEN_URL", &self.visma_token_url);
        let api_url = errors.https("HRM_VISMA_API_URL", &self.visma_api_url).map(as_folder);
        let client_id = self.visma_client_id.filter(|id| !id.trim().is_empty());
        let client_id = errors.require("HRM_VISMA_CLIENT_ID", client_id);
        let client_secret = errors.secret("HRM_VISMA_CLIENT_SECRET", self.visma_client_secret_file.as_ref());
        let client_secret = errors.require("HRM_VISMA_CLIENT_SECRET", client_secret);
        let login = self.visma_issuer.filter(|text| !text.is_empty()).and_then(|issuer| {
            let issuer = errors.https("HRM_VISMA_ISSUER", &issuer).map(|_| issuer);
            let public_url = errors.require("HRM_PUBLIC_URL", self.public_url.filter(|text| !text.is_empty()));
            let public_url = public_url.and_then(|text| errors.https("HRM_PUBLIC_URL", &text)).map(as_folder);
            let callback = public_url.and_then(|url| errors.check("HRM_PUBLIC_URL", url.join(CALLBACK_PATH)));
            let own_id = self.visma_login_client_id.filter(|id| !id.trim().is_empty());
            let own_secret =
                errors.secret("HRM_VISMA_LOGIN_CLIENT_SECRET", self.visma_login_client_secret_file.as_ref());
            let (client_id, client_secret) = match (own_id, own_secret) {
                (Some(id), secret) => (Some(id), errors.require("HRM_VISMA_LOGIN_CLIENT_SECRET", secret)),
                (None, Some(_)) => {
                    (None, errors.check("HRM_VISMA_LOGIN_CLIENT_ID", Err("is missing, but there is a secret")))
                }
                (None, None) => (client_id.clone(), client_secret.clone()),
            };
            Some(LoginSettings {
                issuer: issuer?,
                client_id: client_id?,
                client_secret: client_secret?,
                callback: callback?,
            })
        });
        let minutes = errors.number("HRM_CODE_MINUTES", &self.code_minutes, rules::CODE_MINUTES);
        let utf8 = errors.check("HRM_SMTP_UTF8", self.smtp_utf8.parse().map_err(|_| "is neither true nor false"));
        let lease = errors.number("HRM_LEASE_SECONDS", &self.lease_seconds, 5..=600);
        let unlink_days =
            errors.number("HRM_UNLINK_DAYS_AFTER_LEAVING", &self.unlink_days_after_leaving, rules::UNLINK_DAYS);
        let unlink_path = Some(self.visma_unlink_path.trim_start_matches('/').to_owned());
        let unlink_path = unlink_path.filter(|path| path.contains("{user_id}"));
        let unlink_path = errors.check("HRM_VISMA_UNLINK_PATH", unlink_path.ok_or("has no {user_id} in it"));
        let days = errors.number("HRM_SESSION_DAYS", &self.session_days, rules::SESSION_DAYS);
        let idle_days = match self.session_idle_days.filter(|text| !text.is_empty()) {
            Some(text) => errors.number("HRM_SESSION_IDLE_DAYS", &text, rules::SESSION_DAYS),
            None => days,
        };
        let code_days = errors.number("HRM_KEEP_CODES_DAYS", &self.keep_codes_days, rules::CODE_DAYS);
        let audit_days = errors.number("HRM_KEEP_AUDIT_DAYS", &self.keep_audit_days, rules::AUDIT_DAYS);
        let mut settings_url = default_settings_url();
        for (name, text, setting) in [
            ("HRM_SETTINGS_URL_DESKTOP", self.settings_url_desktop, &mut settings_url.desktop),
            ("HRM_SETTINGS_URL_MOBILE", self.settings_url_mobile, &mut settings_url.mobile),
        ] {
            let opens = |text: String| hrm_api::settings_page(&text).ok_or(hrm_api::SETTINGS_PAGE);
            if let Some(url) = text.and_then(|text| errors.check(name, opens(text))) {
                *setting = url.into();
            }
        }
        let words = self.trusted_proxies.split(',').map(str::trim).filter(|word| !word.is_empty());
        let proxies: Result<Vec<IpNet>, _> = words.map(parse_network).collect();
        let proxies = errors.check("HRM_TRUSTED_PROXIES", proxies);
        let of_name = errors.number("HRM_FAILURES_PER_NAME", &self.failures_per_name, rules::FAILURES_PER_NAME_RANGE);
        let of_address =
            errors.number("HRM_FAILURES_PER_ADDRESS", &self.failures_per_address, rules::FAILURES_PER_ADDRESS_RANGE);
        let checks = errors.number("HRM_PASSWORD_CHECKS", &self.password_checks, rules::PASSWORD_CHECKS_RANGE);

        let complete = || {
            let mut settings = Settings::new(database_url?);
            settings.database_connections = connections;
            settings.rules = Rules {
                session_life: days? * DAY,
                session_idle: idle_days? * DAY,
                keep_codes: code_days? * DAY,
                keep_audit: audit_days? * DAY,
                unlink_days: unlink_days?,
                try_login: login.as_ref().map(|_| LOGIN_TRY_LIFE),
                ..settings.rules.with_code_life(minutes? * MINUTE)
            };
            settings.login = login;
            settings.settings_url = settings_url;
            settings.trusted_proxies = proxies?;
            settings.failures_per_name = Limit::of_name(of_name?);
            settings.failures_per_address = Limit::of_address(of_address?);
            settings.password_checks = usize::try_from(checks?).ok()?;
            settings.smtputf8 = utf8?;
            settings.lease = lease? * SECOND;
            Some(ServeConfig {
                listen: listen?,
                settings,
                keys: keys?,
                directory: DirectorySettings {
                    token_url: token_url?,
                    api_url: api_url?,
                    unlink_path: unlink_path?,
                    client_id: client_id?,
                    client_secret: client_secret?,
                    timeout: Duration::from_secs(4),
                },
                mailer: Mailer::with_relay(
                    relay?.with_hello_name(hello_name),
                    mail_from?,
                    reply_to,
                    return_path.map(|mailbox| mailbox.email),
                ),
            })
        };
        if errors.0.is_empty() { complete().ok_or_else(Vec::new) } else { Err(errors.0) }
    }
}

/// Adds a trailing slash, so that paths can be joined.
fn as_folder(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}
