//! Rate limits, stored in the database so that backends share them.

use std::net::{IpAddr, Ipv6Addr};

use hrm_api::{Problem, ProblemCode};

use crate::clock::{Clock, Millis, seconds_until};
use crate::database::Database;
use crate::error::ApiError;

/// Counts a call in `bucket`, which allows `limit` calls per `period`.
///
/// # Errors
/// `too_many_requests` with the time until the next period.
pub async fn check(database: &Database, bucket: &str, limit: i64, period: Millis) -> Result<(), ApiError> {
    let now = Clock::system_now();
    let period_start = now - now.rem_euclid(period);
    let mut tx = database.begin_write().await?;
    let calls: i64 = sqlx::query_scalar(
        "INSERT INTO rate_limits (bucket, period, calls) VALUES ($1, $2, 1)
         ON CONFLICT (bucket, period) DO UPDATE SET calls = rate_limits.calls + 1 RETURNING calls",
    )
    .bind(bucket)
    .bind(period_start)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    if calls > limit {
        let retry_after = seconds_until(period_start + period, now);
        return Err(Problem::new(ProblemCode::TooManyRequests).retry_after(retry_after).into());
    }
    Ok(())
}

/// The client of a connection from `peer`. If the peer is a trusted proxy: the last address in `X-Forwarded-For` that is
/// not one.
pub fn client(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[IpAddr]) -> String {
    let hops = forwarded_for.into_iter().flat_map(|header| header.rsplit(',')).map(|hop| hop.trim().parse().ok());
    let mut client = peer;
    for hop in hops {
        if !trusted.contains(&client) {
            break;
        }
        let Some(hop) = hop else { break };
        client = hop;
    }
    match client.to_canonical() {
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
        let proxy = [ip("10.0.0.1")];
        assert_eq!(client(ip("192.0.2.1"), Some("198.51.100.9"), &proxy), "192.0.2.1");
        assert_eq!(client(ip("10.0.0.1"), Some("203.0.113.1, 198.51.100.9"), &proxy), "198.51.100.9");
        assert_eq!(client(ip("10.0.0.1"), Some("nonsense"), &proxy), "10.0.0.1");
        assert_eq!(client(ip("10.0.0.1"), None, &proxy), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        assert_eq!(client(ip("2001:db8::1"), None, &[]), client(ip("2001:db8::ffff"), None, &[]));
    }
}
