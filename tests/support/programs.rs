//! Where the programs of a test are, and how they end.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Child,
};

use socket2::{Domain, Socket, Type};

/// Kills the process when dropped.
pub struct ChildGuard(pub Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The program under test: `FLEX_CONNECT_APP`, or the one that cargo built next to the tests.
pub fn app() -> PathBuf {
    match std::env::var_os("FLEX_CONNECT_APP") {
        Some(app) => PathBuf::from(app),
        None => profile_folder().join(format!("flex-connect{}", std::env::consts::EXE_SUFFIX)),
    }
}

/// `target/debug`, from `target/debug/deps/window-…` or `target/debug/examples/screenshots`.
fn profile_folder() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// A program in `target/tools`, where `cargo xtask` installs it, or else on the PATH.
pub fn tool(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let installed = profile_folder().parent().unwrap().join("tools/bin").join(file);
    if installed.exists() { installed } else { name.into() }
}

/// A port for a program that takes a number and no socket. On Linux nobody else gets the port while this lives; Windows
/// cannot share one like that.
pub struct HeldPort {
    pub number: u16,
    _socket: Option<Socket>,
}

impl HeldPort {
    /// None if the port is in use. 0: a free one.
    pub fn take(number: u16) -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, number)).into()).ok()?;
        // The socket does not listen, so with this a server that sets it too, as servers do, can have the same port. Set
        // after `bind`, since with it `bind` would accept a port that somebody else holds like this.
        socket.set_reuse_address(true).unwrap();
        let number = socket.local_addr().unwrap().as_socket().unwrap().port();
        Some(Self { number, _socket: (!cfg!(windows)).then_some(socket) })
    }

    pub fn any() -> Self {
        Self::take(0).expect("the system has a free port")
    }
}
