//! Which address a request was sent to, who sent it, and whether both are this machine.
//!
//! *Local* is a peer on this machine who asked for this machine, with no proxy between. A tunnel or a
//! proxy also connects from this machine; it is told by the name it was asked for and by the headers it
//! adds. What such headers say is believed only from the proxies that the operator trusts, and never
//! makes a request local.

use crate::config::Network;
use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HOST};
use axum::http::uri::Uri;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Headers that only somebody in between adds.
const FORWARDING: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

pub fn is_local(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    peer.ip().to_canonical().is_loopback() && host.is_some_and(is_local_host) && !is_forwarded(headers)
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING.iter().any(|name| headers.contains_key(*name))
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

/// Where this server is reached from outside.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PublicAddress {
    secure: bool,
    /// host, port if any, and what stands before our own paths, without a slash at its end
    rest: String,
}

impl PublicAddress {
    /// `PUBLIC_URL`: with or without a scheme (then it is `https`, or `http` for this machine).
    pub fn parse(url: &str) -> Result<Self, String> {
        let url = url.trim();
        let wrong = |why: &str| {
            format!(
                "PUBLIC_URL, or `server.public_url`: {url:?} {why}; it looks like https://calls.example.com"
            )
        };
        let (scheme, rest) = url.split_once("://").map_or((None, url), |(scheme, rest)| (Some(scheme), rest));
        let host = rest.split('/').next().unwrap_or_default();
        let secure = match scheme {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            None => !is_local_host(host),
            Some(_) => return Err(wrong("is neither http nor https")),
        };
        if host.is_empty() || host.contains(['@', ' ']) || rest.contains(['?', '#']) {
            return Err(wrong("is not an address of a server"));
        }
        let parsed =
            url::Url::parse(&format!("https://{rest}")).map_err(|e| wrong(&format!("is none: {e}")))?;
        let is_name = matches!(parsed.host(), Some(url::Host::Domain(name)) if !name.contains('.'));
        if is_name && !is_local_host(host) {
            return Err(wrong("has no name that can be found from outside"));
        }
        Ok(Self { secure, rest: rest.trim_end_matches('/').to_owned() })
    }

    /// What the request asked for. None: nothing tells.
    pub fn asked(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> Option<Self> {
        let told = if is_trusted(peer.ip(), trusted) { forwarded(headers) } else { Told::default() };
        let asked = || headers.get(HOST)?.to_str().ok().map(str::to_owned);
        let host = told.host.or_else(asked).filter(|host| is_host(host))?;
        let secure = match told.proto.as_deref() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => !is_local_host(&host),
            // Twilio takes nothing but wss, so only this machine itself gets ws
            _ => !is_local_host(&host),
        };
        Some(Self { secure, rest: host })
    }

    /// A path of ours, for a webhook.
    pub fn http(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme(), self.rest)
    }

    /// A path of ours, for a socket. Twilio knows only `wss`, so only this machine itself gets `ws`.
    pub fn socket(&self, path: &str) -> String {
        let secure = self.secure || !is_local_host(self.host());
        format!("{}://{}{path}", if secure { "wss" } else { "ws" }, self.rest)
    }

    /// `https` or `http`
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    pub fn host(&self) -> &str {
        self.rest.split('/').next().unwrap_or_default()
    }
}

/// What a proxy says was asked for.
#[derive(Default)]
struct Told {
    host: Option<String>,
    proto: Option<String>,
}

/// The first of each, where many are named: that is what the client asked for.
fn forwarded(headers: &HeaderMap) -> Told {
    let first = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        let first = value.split(',').next().unwrap_or_default().trim();
        (!first.is_empty()).then(|| first.to_owned())
    };
    let mut told = Told { host: first("x-forwarded-host"), proto: first("x-forwarded-proto") };
    for pair in first(FORWARDED.as_str()).unwrap_or_default().split(';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = Some(value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty());
        match name.trim().to_ascii_lowercase().as_str() {
            "host" => told.host = value.or(told.host),
            "proto" => told.proto = value.or(told.proto),
            _ => {}
        }
    }
    told.proto = told.proto.map(|proto| proto.to_ascii_lowercase());
    told
}

/// A name or an address, and a port: nothing that would mean something else within a URL.
fn is_host(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && host.len() <= 300 && host.chars().all(allowed)
}

pub(super) fn is_trusted(ip: IpAddr, trusted: &[Network]) -> bool {
    let ip = ip.to_canonical();
    trusted.iter().any(|network| network.0.contains(&ip))
}

/// Who is counted for this request: the peer, or whom a trusted proxy names.
pub fn client(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.ip().to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let values = |name: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|hop| hop.trim().to_owned()).collect::<Vec<_>>()
    };
    let standard = values(FORWARDED.as_str()).into_iter().filter_map(|hop| {
        let mut pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
        let (_, client) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        Some(client.trim().trim_matches('"').to_owned())
    });
    let mut hops: Vec<String> = standard.collect();
    if hops.is_empty() {
        hops = values("x-forwarded-for");
    }
    // from our side: the first that is not a proxy of ours is the client
    let addresses = hops.iter().rev().map_while(|hop| hop_address(hop));
    addresses.map(|ip| ip.to_canonical()).find(|ip| !is_trusted(*ip, trusted)).unwrap_or(peer)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip())).or_else(bare)
}

/// A page in a browser says where it is from: that has to be here, or listed.
pub fn is_welcome_origin(headers: &HeaderMap, asked: Option<&PublicAddress>, listed: &[String]) -> bool {
    let Some(origin) = headers.get("origin") else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let own = headers.get(HOST).and_then(|host| host.to_str().ok());
    let ours = own.into_iter().chain(asked.map(PublicAddress::host));
    ours.into_iter().any(|ours| ours.eq_ignore_ascii_case(host))
        || listed.iter().any(|listed| listed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// The path and query of a request, as they came.
pub fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Server;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn here() -> SocketAddr {
        "127.0.0.1:5000".parse().unwrap()
    }

    fn elsewhere() -> SocketAddr {
        "203.0.113.7:5000".parse().unwrap()
    }

    #[test]
    fn a_tunnel_is_not_local_though_it_connects_from_here() {
        assert!(is_local(here(), &headers(&[("host", "127.0.0.1:8765")])));
        assert!(is_local(here(), &headers(&[("host", "localhost")])));
        assert!(is_local("[::ffff:127.0.0.1]:1".parse().unwrap(), &headers(&[("host", "[::1]:8765")])));
        assert!(!is_local(here(), &headers(&[("host", "abc.ngrok.app")])));
        assert!(!is_local(here(), &headers(&[("host", "localhost.evil.org")])));
        assert!(!is_local(here(), &headers(&[("host", "localhost"), ("x-forwarded-for", "1.2.3.4")])));
        assert!(!is_local(here(), &headers(&[])));
        assert!(!is_local("10.0.0.7:5000".parse().unwrap(), &headers(&[("host", "localhost")])));
    }

    #[test]
    fn the_address_is_the_one_that_was_asked_for_wherever_that_was() {
        let trusted = Server::default().trusted_proxies;
        let asked = |peer, pairs: &[(&'static str, &str)]| {
            let address = PublicAddress::asked(peer, &headers(pairs), &trusted).unwrap();
            (address.http("/a"), address.socket("/ws"))
        };
        let both = |http: &str, socket: &str| (http.to_owned(), socket.to_owned());
        let local = asked(here(), &[("host", "127.0.0.1:8765")]);
        assert_eq!(local, both("http://127.0.0.1:8765/a", "ws://127.0.0.1:8765/ws"));
        // a tunnel that says nothing but the name
        let tunnel = asked(here(), &[("host", "abc.ngrok.app")]);
        assert_eq!(tunnel, both("https://abc.ngrok.app/a", "wss://abc.ngrok.app/ws"));
        let proxied = [
            ("host", "10.0.0.7:8765"),
            ("x-forwarded-host", "calls.example.com, inner"),
            ("x-forwarded-proto", "https,http"),
        ];
        assert_eq!(
            asked(here(), &proxied),
            both("https://calls.example.com/a", "wss://calls.example.com/ws")
        );
        let standard =
            [("host", "x"), ("forwarded", "for=1.2.3.4;Host=\"a.example:8443\";proto=HTTPS, for=5")];
        assert_eq!(asked(here(), &standard), both("https://a.example:8443/a", "wss://a.example:8443/ws"));
        // somebody who is no proxy of ours may say what they like
        let liar = asked(elsewhere(), &proxied);
        assert_eq!(liar, both("https://10.0.0.7:8765/a", "wss://10.0.0.7:8765/ws"));
        // a host that is not local always yields wss, whatever a proxy says of its own last mile
        let plain =
            asked(here(), &[("host", "x"), ("x-forwarded-host", "a.example"), ("x-forwarded-proto", "http")]);
        assert_eq!(plain.1, "wss://a.example/ws");
        let wrong = headers(&[("host", "a.example/\"><Hangup/>")]);
        assert_eq!(PublicAddress::asked(here(), &wrong, &trusted), None);
    }

    #[test]
    fn the_configured_address_is_taken_with_and_without_its_scheme_and_with_a_path() {
        let sockets = |url: &str| PublicAddress::parse(url).map(|address| address.socket("/ws"));
        assert_eq!(sockets("https://calls.example.org/line/").unwrap(), "wss://calls.example.org/line/ws");
        assert_eq!(sockets(" calls.example.org ").unwrap(), "wss://calls.example.org/ws");
        assert_eq!(sockets("http://calls.example.org").unwrap(), "wss://calls.example.org/ws");
        assert_eq!(sockets("http://127.0.0.1:8765").unwrap(), "ws://127.0.0.1:8765/ws");
        for wrong in [
            "",
            "https://",
            "nonsense",
            "https://a.example:99999",
            "ftp://a.example",
            "https://a.example/?x=1",
            "https://u:p@a.example",
        ] {
            assert!(PublicAddress::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_client_behind_our_own_proxies_is_counted_and_nobody_can_choose_who_they_are() {
        let trusted = Server::default().trusted_proxies;
        let client =
            |peer, hops: &str| client(peer, &headers(&[("x-forwarded-for", hops)]), &trusted).to_string();
        assert_eq!(client(here(), "198.51.100.1"), "198.51.100.1");
        // what stands before the last one that a proxy of ours wrote was written by the client
        assert_eq!(client(here(), "10.9.9.9, 198.51.100.1, 127.0.0.1"), "198.51.100.1");
        assert_eq!(client(elsewhere(), "198.51.100.1"), "203.0.113.7");
        assert_eq!(client(here(), "unknown"), "127.0.0.1");
        assert_eq!(client(here(), "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(client(here(), "[2001:db8::1]:4711"), "2001:db8::1");
        let standard = headers(&[("forwarded", "for=10.0.0.1, For=\"[2001:db8::2]:80\";proto=https")]);
        assert_eq!(super::client(here(), &standard, &trusted).to_string(), "2001:db8::2");
    }

    #[test]
    fn a_page_of_another_origin_is_not_welcome_unless_it_is_listed() {
        let listed = ["https://console.example.com".to_owned()];
        let welcome = |pairs: &[(&'static str, &str)]| is_welcome_origin(&headers(pairs), None, &listed);
        assert!(welcome(&[("host", "127.0.0.1:8765")]), "no browser");
        assert!(welcome(&[("host", "127.0.0.1:8765"), ("origin", "http://127.0.0.1:8765")]));
        assert!(welcome(&[("host", "127.0.0.1:8765"), ("origin", "https://console.example.com")]));
        assert!(!welcome(&[("host", "127.0.0.1:8765"), ("origin", "https://evil.example")]));
        assert!(!welcome(&[("host", "127.0.0.1:8765"), ("origin", "http://127.0.0.1:9000")]));
        assert!(!welcome(&[("host", "127.0.0.1:8765"), ("origin", "null")]));
    }
}
