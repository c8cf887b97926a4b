//! Looks host names up as the system does. reqwest's own resolver keeps of a failure only its text.

use std::{
    error::Error,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use dns_lookup::{LookupError, LookupErrorKind};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// There is a network, and nobody has this name.
#[derive(Debug, thiserror::Error)]
#[error("unknown host {0}")]
pub(crate) struct UnknownHost(pub(crate) String);

pub(crate) struct Resolver {
    pub(crate) lookup: fn(&str) -> Result<Vec<IpAddr>, LookupError>,
    pub(crate) has_network: fn() -> bool,
}

impl Default for Resolver {
    fn default() -> Self {
        Self { lookup: |host| Ok(dns_lookup::lookup_host(host)?.collect()), has_network }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { lookup, has_network } = *self;
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                lookup(name.as_str()).map_err(|error| -> Box<dyn Error + Send + Sync> {
                    match error.kind() {
                        // Android, macOS and Windows say so without a network, too.
                        LookupErrorKind::NoName | LookupErrorKind::NoData if has_network() => {
                            Box::new(UnknownHost(name.as_str().to_owned()))
                        }
                        _ => Box::new(error),
                    }
                })
            });
            // reqwest sets the port.
            let addresses = found.await??.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Whether the system has a route to the internet. Sends nothing: connecting a UDP socket only chooses the route. The
/// addresses are reserved for documentation (RFC 5737, RFC 3849).
fn has_network() -> bool {
    let routed = |(from, to): (&str, &str)| UdpSocket::bind(from).and_then(|socket| socket.connect(to)).is_ok();
    [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")].into_iter().any(routed)
}
