//! `hrm-backend serve`, `hrm-backend admin`, `hrm-backend demo`, `hrm-backend openapi`.

use std::error::Error;
use std::io::{BufWriter, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use hrm_backend::clock::Clock;
use hrm_backend::directory::PublicApi;
use hrm_backend::settings::ServeArgs;
use hrm_backend::{admin, install_cryptography, routes, server};
use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Calls make many small, short-lived allocations, at which mimalloc is faster.
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
    /// Run in production, with a database, a mail server and Visma Connect
    Serve(Box<ServeArgs>),
    /// Administer companies and people, on the database of running backends
    Admin(admin::AdminArgs),
    /// Run with demo people, and fakes of the mail server and Visma Connect in this process
    #[cfg(feature = "demo")]
    Demo(hrm_backend::demo::DemoArgs),
    /// Print the OpenAPI document
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Dropped last, also by a panic: writes what is in the buffer.
    let _log = start_log();
    install_cryptography();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    let failure_code = if let Command::Admin(args) = &cli.command { args.failure_code() } else { 1 };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve(*args).await,
            Command::Admin(args) => print(admin::run(args).await?.trim_end()),
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo(args).await,
            Command::Openapi => print(&serde_json::to_string_pretty(&routes::document())?),
        }
    });
    result.map_or_else(
        |error| {
            fail(&error.to_string());
            ExitCode::from(failure_code)
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn serve(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    let stop = stop_signal()?;
    let config = args.check().map_err(|errors| format!("invalid settings:\n  {}", errors.join("\n  ")))?;
    let directory = Arc::new(PublicApi::new(config.directory)?);
    let backend = server::start(config.settings, config.keys, directory, config.mailer, Clock::default()).await?;
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    print(&format!("listening on http://{}", listener.local_addr()?))?;
    let stopping = backend.stopping.clone();
    tokio::spawn(async move {
        stop.await;
        stopping.cancel();
    });
    let router = routes::router(&backend, axum::Router::new());
    server::serve(&backend, listener, router).await;
    Ok(())
}

#[cfg(feature = "demo")]
async fn demo(args: hrm_backend::demo::DemoArgs) -> Result<(), Box<dyn Error>> {
    if let Some(list) = args.list() {
        return print(&list);
    }
    let stop = stop_signal()?;
    let scenario = args.scenario().map(str::to_owned);
    let demo = hrm_backend::demo::Demo::start(args.options()?).await?;
    if let Some(name) = scenario {
        demo.play(&name).await?;
    }
    print(&format!("listening on {}", demo.url()))?;
    print(&format!(
        "inbox: {}/demo/inbox · user names: anna.svensson, erik.lund, mia.berg, kari.holm · password: demo",
        demo.url()
    ))?;
    stop.await;
    demo.shutdown().await;
    Ok(())
}

/// SIGTERM or Ctrl-C. Registered by this call, not by the first poll: a supervisor can stop a process right after its
/// start.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
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

/// Lines of the log that wait for stderr. When there are more, requests wait, and no line is lost.
const LOG_LINES: usize = 4_096;

/// Logs to stderr, from a thread of its own. Other crates log warnings only, since some of them log addresses.
fn start_log() -> WorkerGuard {
    // Not `EnvFilter`, which tracks every span for filters that are not used here.
    let custom = std::env::var("HRM_LOG").ok().and_then(|targets| targets.parse().ok());
    let filter =
        custom.unwrap_or_else(|| Targets::new().with_default(Level::WARN).with_target("hrm_backend", Level::INFO));
    // The thread flushes when no line waits, so under load one write has many lines.
    let stderr = BufWriter::new(std::io::stderr());
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(false).buffered_lines_limit(LOG_LINES).thread_name("log").finish(stderr);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
    guard
}

fn print(line: &str) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        // The reader has what it wanted, for example `head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "hrm-backend: {reason}");
    ExitCode::FAILURE
}
