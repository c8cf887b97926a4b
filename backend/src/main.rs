//! `hrm-backend serve`, `hrm-backend admin`, `hrm-backend demo`, `hrm-backend openapi`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use hrm_backend::clock::Clock;
use hrm_backend::directory::PublicApi;
use hrm_backend::mail::Mailer;
use hrm_backend::settings::ServeArgs;
use hrm_backend::{Backend, admin, install_cryptography, routes};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Most of what is allocated for a call is small and gone at its end.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The HRM backend of Flex HRM Connect
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a company, with its database, mail server and Visma Connect
    Serve(Box<ServeArgs>),
    /// Look at a company's people and change what they may do, on the database of the backends that serve
    Admin(admin::AdminArgs),
    /// Serve demo people, with everything in this one process
    #[cfg(feature = "demo")]
    Demo(hrm_backend::demo::DemoArgs),
    /// Print the OpenAPI document
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log();
    install_cryptography();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve(*args).await,
            Command::Admin(args) => say(admin::run(args).await?.trim_end()),
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo(args).await,
            Command::Openapi => say(&serde_json::to_string_pretty(&routes::document())?),
        }
    });
    result.map_or_else(|error| fail(&error.to_string()), |()| ExitCode::SUCCESS)
}

async fn serve(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    let stop = asked_to_stop()?;
    let serve = args.check().map_err(|faults| format!("the settings are not complete:\n  {}", faults.join("\n  ")))?;
    let directory = Arc::new(PublicApi::new(serve.directory)?);
    let mailer = Mailer::new(&serve.smtp_url, serve.smtp_login, serve.mail_from)?;
    let backend = Backend::start(serve.settings, serve.keys, directory, mailer, Clock::default()).await?;
    let listener = tokio::net::TcpListener::bind(serve.listen).await?;
    say(&format!("listening on http://{}", listener.local_addr()?))?;
    let stopping = backend.stopping.clone();
    tokio::spawn(async move {
        stop.await;
        stopping.cancel();
    });
    let router = routes::router(&backend, axum::Router::new());
    Ok(backend.serve(listener, router).await?)
}

#[cfg(feature = "demo")]
async fn demo(args: hrm_backend::demo::DemoArgs) -> Result<(), Box<dyn Error>> {
    if let Some(list) = args.list() {
        return say(&list);
    }
    let stop = asked_to_stop()?;
    let scenario = args.scenario().map(str::to_owned);
    let demo = hrm_backend::demo::Demo::start(args.options()?).await?;
    if let Some(name) = scenario {
        demo.play(&name).await?;
    }
    say(&format!("listening on {}", demo.url()))?;
    say(&format!(
        "inbox: {}/demo/inbox · user names: anna.svensson, erik.lund, mia.berg, kari.holm · password: demo",
        demo.url()
    ))?;
    stop.await;
    demo.shutdown().await;
    Ok(())
}

/// SIGTERM or Ctrl-C. Heard from the call on, not from the first poll: a supervisor may stop what it just started.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let (mut terminate, mut interrupt) = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Logs to stderr. Others' crates only when something is wrong: some of them log addresses.
fn start_log() {
    // Not `EnvFilter`: it follows every span for the sake of filters that nobody writes here.
    let wanted = std::env::var("HRM_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let filter =
        wanted.unwrap_or_else(|| Targets::new().with_default(Level::WARN).with_target("hrm_backend", Level::INFO));
    let filter = ["mailcrab", "mailin", "mailin_embedded"]
        .into_iter()
        .fold(filter, |filter, chatty| filter.with_target(chatty, Level::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

fn say(line: &str) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "hrm-backend: {reason}");
    ExitCode::FAILURE
}
