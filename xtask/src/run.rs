//! `cargo xtask run`: the demo backend, and the app against it.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::{
    machine::{self, For},
    steps::{Steps, sh, sh_with, target_folder},
    ui,
};

/// What was asked for.
pub(crate) struct Wish {
    pub(crate) edition: Option<String>,
    pub(crate) release: bool,
    pub(crate) tour: bool,
}

const USERNAME: &str = "anna.svensson";
/// Where the contract says the demo listens.
const USUAL: &str = "127.0.0.1:8787";

pub(crate) fn run(wish: &Wish) -> anyhow::Result<()> {
    let tour = wish.tour || !has_display();
    if tour && !wish.tour {
        println!("There is no display here, so the app takes the tour on a display of its own.");
    }
    let mut steps = Steps::new();
    let purpose = if tour { For::Driving } else { For::Running };
    steps.step("the machine has what it needs", || machine::prepare(purpose))?;
    steps.step("packages of the UI", ui::packages)?;
    steps.step("the UI", ui::build)?;
    let profile: &[&str] = if wish.release { &["--release"] } else { &[] };
    if tour {
        // The whole workspace, as the tests do: a part of it chooses other features of the libraries, and builds them again.
        let build = ["build", "--workspace", "--bins", "--example", "tour"];
        steps.step("the app, the backend and the guide", || sh("cargo", &[&build, profile].concat()))?;
        let guide = built(wish).join("examples/tour");
        let edition = wish.edition.as_deref().unwrap_or("both");
        return steps.step("the tour, with pictures into target/tour/", || {
            sh_with(&guide.display().to_string(), &[], &[("TOUR_EDITION", edition)])
        });
    }
    let build = ["build", "--package", "flex-connect", "--package", "hrm-backend", "--bins"];
    steps.step("the app and the backend", || sh("cargo", &[&build, profile].concat()))?;
    start(wish)
}

fn built(wish: &Wish) -> PathBuf {
    target_folder().join(if wish.release { "release" } else { "debug" })
}

fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Ends with what started it.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(wish: &Wish) -> anyhow::Result<()> {
    let built = built(wish);
    let usual_is_free = std::net::TcpListener::bind(USUAL).is_ok();
    let listen = if usual_is_free { USUAL } else { "127.0.0.1:0" };
    let mut backend = Command::new(built.join("hrm-backend"))
        .args(["demo", "--listen", listen, "--data-dir", "target/demo"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("the demo backend could not be started")?;
    let mut said = BufReader::new(backend.stdout.take().context("the demo backend has no output")?).lines();
    let mut backend = Started(backend);
    let url = loop {
        let Some(line) = said.next().transpose()? else { bail!("The demo backend ended before it was ready.") };
        if let Some((_, url)) = line.split_once("listening on ") {
            break url.trim().to_owned();
        }
    };
    println!("\nThe demo backend: {url}");
    println!("The inbox, where the code arrives: {url}/demo/inbox");
    println!("User name: {USERNAME} (filled in)   Password: demo");
    println!("Ctrl-C ends both.");
    // What the backend says later has somebody who reads it, or it would stop when the pipe is full.
    std::thread::spawn(move || said.map_while(Result::ok).for_each(|line| println!("{line}")));

    let mut app = Command::new(built.join("flex-connect"));
    app.args(["--server", &url, "--username", USERNAME]);
    if let Some(edition) = &wish.edition {
        app.args(["--edition", edition]);
    }
    let mut app = Started(app.stdin(Stdio::null()).spawn().context("the app could not be started")?);

    let (end, ended) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Nobody listens once the loop below has ended.
        end.send(()).ok();
    })?;
    loop {
        if ended.recv_timeout(Duration::from_millis(200)).is_ok() {
            println!("\nEnded.");
            return Ok(());
        }
        if app.0.try_wait()?.is_some() {
            println!("\nThe app was closed; the backend ends with it.");
            return Ok(());
        }
        if let Some(status) = backend.0.try_wait()? {
            bail!("The demo backend ended by itself ({status}).");
        }
    }
}
