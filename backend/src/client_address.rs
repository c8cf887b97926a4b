//! The client's address, as rate limits count it: behind trusted proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

/// An address as proxies write it: alone, with a port, in brackets, or IPv4 mapped to IPv6.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()));
    let address = address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

/// An address in any form of [`parse_address`], or a network such as `10.0.0.0/8`.
///
/// # Errors
/// The text, if it is neither.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text.trim().parse().ok().or_else(|| parse_address(text).map(IpNet::from));
    match network {
        Some(IpNet::V6(v6)) if v6.prefix_len() >= 96 => match v6.addr().to_canonical() {
            IpAddr::V4(address) => Ipv4Net::new(address, v6.prefix_len() - 96).map(IpNet::V4).ok(),
            IpAddr::V6(_) => Some(IpNet::V6(v6)),
        },
        network => network,
    }
    .ok_or_else(|| format!("{} is neither an IP address nor a network", text.trim()))
}

/// The client of a connection from `peer`. If the peer is a trusted proxy: the last address in `X-Forwarded-For` that is
/// not one.
pub fn client(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[IpNet]) -> String {
    let mut client = peer.to_canonical();
    for hop in forwarded_for.into_iter().flat_map(|header| header.rsplit(',')).map(parse_address) {
        if !trusted.iter().any(|network| network.contains(&client)) {
            break;
        }
        let Some(hop) = hop else { break };
        client = hop;
    }
    match client {
        IpAddr::V4(address) => address.to_string(),
        // A connection usually gets a whole /64, so its addresses are one client.
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        let proxy = [parse_network("10.0.0.1").unwrap()];
        assert_eq!(client(ip("192.0.2.1"), Some("198.51.100.9"), &proxy), "192.0.2.1");
        assert_eq!(client(ip("10.0.0.1"), Some("203.0.113.1, 198.51.100.9"), &proxy), "198.51.100.9");
        assert_eq!(client(ip("10.0.0.1"), Some("nonsense"), &proxy), "10.0.0.1");
        assert_eq!(client(ip("10.0.0.1"), None, &proxy), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        assert_eq!(client(ip("2001:db8::1"), None, &[]), client(ip("2001:db8::ffff"), None, &[]));
    }

    #[test]
    fn a_proxy_is_trusted_in_every_written_form() {
        for (setting, hop) in [
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1:8080", "10.0.0.1:4711"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("10.0.0.1", "[::ffff:10.0.0.1]:80"),
            ("10.0.0.0/8", "10.255.0.9"),
            ("::ffff:10.0.0.0/104", "10.255.0.9"),
            (" [2001:db8::1]:443 ", "2001:db8::1"),
            ("[2001:db8::1]", "\"[2001:db8::1]:9\""),
            ("2001:db8::/32", "[2001:db8:1::5]"),
        ] {
            let trusted = [parse_network(setting).unwrap(), parse_network("192.0.2.1").unwrap()];
            let header = format!("198.51.100.9:1, {hop}");
            assert_eq!(client(ip("::ffff:192.0.2.1"), Some(&header), &trusted), "198.51.100.9", "{setting} {hop}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in ["proxy.company.com", "10.0.0.0/33", "10.0.0", "[10.0.0.1", "", "unknown"] {
            assert!(parse_network(bad).unwrap_err().contains("neither"), "{bad}");
        }
    }
}
