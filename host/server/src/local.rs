//! What counts as local: a peer on this machine, who asked for this machine, and no proxy between.
//!
//! A tunnel or a proxy also connects from this machine; it is told by the name it was asked for and
//! by the headers it adds.

use axum::http::HeaderMap;
use axum::http::header::HOST;
use std::net::{IpAddr, SocketAddr};

/// Headers that only somebody in between adds.
const FORWARDING: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

pub fn is_local(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    peer.ip().to_canonical().is_loopback()
        && host.is_some_and(is_local_host)
        && FORWARDING.iter().all(|name| !headers.contains_key(*name))
}

/// `localhost` or a loopback address, with or without a port.
pub fn is_local_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_tunnel_is_not_local_though_it_connects_from_here() {
        let here = "127.0.0.1:5000".parse().unwrap();
        assert!(is_local(here, &headers(&[("host", "127.0.0.1:8765")])));
        assert!(is_local(here, &headers(&[("host", "localhost")])));
        assert!(is_local("[::ffff:127.0.0.1]:1".parse().unwrap(), &headers(&[("host", "[::1]:8765")])));
        assert!(!is_local(here, &headers(&[("host", "abc.ngrok.app")])));
        assert!(!is_local(here, &headers(&[("host", "localhost.evil.org")])));
        assert!(!is_local(here, &headers(&[("host", "localhost"), ("x-forwarded-for", "1.2.3.4")])));
        assert!(!is_local(here, &headers(&[])));
        assert!(!is_local("10.0.0.7:5000".parse().unwrap(), &headers(&[("host", "localhost")])));
    }
}
