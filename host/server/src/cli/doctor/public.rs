//! The address that Twilio reaches: its name, its certificate, and who answers there.

use super::finding::Finding;
use super::{BOUND, Examined, ahead_of};
use crate::access::PublicAddress;
use crate::cli::client;
use crate::config::Loaded;
use anyhow::{Context, anyhow};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use serde_json::Value;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

/// A certificate is renewed by then.
const RENEWED: Duration = Duration::from_secs(14 * 24 * 3600);
/// The last second of the year 9999, when no certificate is good any more.
const FAR: Duration = Duration::from_secs(253_402_300_799);

pub async fn examine(loaded: &Loaded) -> Examined {
    let what = "PUBLIC_URL";
    let Some(configured) = loaded.config.server.public_url.as_deref() else {
        let found = "not set: the address of each request is taken, and cannot be checked from here";
        let advice = "set it to the address that Twilio reaches, like https://calls.example.com; without it, a \
                      call that this machine asks for by its local address cannot be connected";
        return Examined { findings: vec![Finding::warn(what, found).advise(advice)], clock: None };
    };
    let parsed = PublicAddress::parse(configured).and_then(|public| {
        let url = Url::parse(&public.http("/")).map_err(|e| format!("PUBLIC_URL: {e}"))?;
        Ok((public, url))
    });
    let (public, url) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // a password that somebody put into it is nobody's business
            let told = if configured.contains('@') { "there is a user in it".to_owned() } else { error };
            let advice = "set it to an address like https://calls.example.com";
            let wrong = Finding::wrong(what, told).advise(advice);
            return Examined { findings: vec![wrong], clock: None };
        }
    };
    let place = Place::of(&url);
    let (resolved, certificate, (answer, clock)) =
        tokio::join!(resolved(&place), certificate(&url, &place), answer(&public));
    Examined { findings: vec![scheme(&url), resolved, certificate, answer], clock }
}

/// Where to connect.
struct Place {
    host: String,
    port: u16,
}

impl Place {
    fn of(url: &Url) -> Self {
        // an address of IPv6 stands in brackets
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Self { host, port: url.port_or_known_default().unwrap_or(443) }
    }

    fn is_here(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

fn scheme(url: &Url) -> Finding {
    let what = "PUBLIC_URL";
    let shown = url.as_str();
    if Place::of(url).is_here() {
        return Finding::warn(what, format!("{shown} is this machine, which Twilio cannot reach"))
            .advise("for calls by telephone, set the address of a tunnel or a proxy with a public name");
    }
    match (url.scheme(), url.port_or_known_default()) {
        ("https", Some(443)) => Finding::ok(what, shown),
        ("https", _) => Finding::warn(what, shown)
            .advise("Twilio asks for port 443 where streams go; others are not known to work"),
        _ => Finding::wrong(what, format!("{shown} is not encrypted, and Twilio opens no such streams"))
            .advise("put a proxy or a tunnel before the server that ends TLS, and set its https address"),
    }
}

async fn resolved(place: &Place) -> Finding {
    let what = "its name";
    let found = match timeout(BOUND, lookup_host((place.host.as_str(), place.port))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            let advice = "enter the name at whoever keeps its DNS, or start the tunnel that gives it";
            return Finding::wrong(what, format!("{} is not found: {error}", place.host)).advise(advice);
        }
        Err(_) => {
            return Finding::wrong(
                what,
                format!("no answer about {} within {} s", place.host, BOUND.as_secs()),
            )
            .advise("check this machine's resolver");
        }
    };
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let shown: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    let shown = format!("{} is {}", place.host, shown.join(", "));
    match addresses.iter().all(|ip| is_private(*ip)) && !place.is_here() {
        true => Finding::warn(what, format!("{shown}: nobody outside reaches that"))
            .advise("the public DNS has to give a public address, also if this network has another one"),
        false => Finding::ok(what, shown),
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified()
        }
    }
}

async fn certificate(url: &Url, place: &Place) -> Finding {
    let what = "its certificate";
    if url.scheme() != "https" {
        return Finding::none(what, "none: the address is not https");
    }
    let expiry = match timeout(BOUND, expiry(place)).await {
        Ok(Ok(expiry)) => expiry,
        Ok(Err(error)) => {
            let advice = "Twilio takes what browsers take: a certificate for this very name, sent with those \
                          between it and a known authority; Let's Encrypt gives them";
            return Finding::wrong(what, format!("{error:#}")).advise(advice);
        }
        Err(_) => {
            return Finding::wrong(what, format!("no handshake within {} s", BOUND.as_secs()))
                .advise("check what listens there, and what a firewall lets in");
        }
    };
    let Some(expiry) = expiry else {
        return Finding::ok(what, "trusted");
    };
    let found = format!("trusted, until {}", expiry.strftime("%Y-%m-%d"));
    match expiry.duration_since(Timestamp::now()).unsigned_abs() < RENEWED {
        true => Finding::warn(what, found).advise("renew it, and see why that did not happen by itself"),
        false => Finding::ok(what, found),
    }
}

/// Connects as Twilio would. When the certificate expires; none: nothing tells.
async fn expiry(place: &Place) -> anyhow::Result<Option<Timestamp>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?;
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_verifier(verifier.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(place.host.clone()).context("that is no name of a server")?;
    let socket = TcpStream::connect((place.host.as_str(), place.port)).await.context("no connection")?;
    let connected = TlsConnector::from(Arc::new(tls)).connect(name.clone(), socket).await;
    let stream = connected.map_err(|error| anyhow!(in_words(&error)))?;
    let (_, connection) = stream.get_ref();
    let Some([own, between @ ..]) = connection.peer_certificates() else { return Ok(None) };
    // asked about a day on which it is certainly no longer good, the verifier says since when
    let far = UnixTime::since_unix_epoch(FAR);
    match verifier.verify_server_cert(own, between, &name, &[], far) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok(i64::try_from(not_after.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok()))
        }
        _ => Ok(None),
    }
}

/// Why a handshake failed.
fn in_words(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(wrong)) => match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not good yet, by this machine's clock".into()
            }
            CertificateError::UnknownIssuer => {
                "no known authority vouches for it: it is self-signed, or those between are not sent along"
                    .into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another name".into()
            }
            other => other.to_string(),
        },
        Some(other) => other.to_string(),
        None => format!("the handshake failed: {error}"),
    }
}

/// Who answers there.
async fn answer(public: &PublicAddress) -> (Finding, Option<SignedDuration>) {
    let what = "who answers there";
    let url = public.http("/health");
    let finding = match ask(&url).await {
        Answer::Cordboard { version, clock } => {
            let finding = match version == env!("CARGO_PKG_VERSION") {
                true => Finding::ok(what, format!("Cordboard {version}")),
                false => Finding::warn(what, format!("Cordboard {version}, and this is another version"))
                    .advise("see where the address leads, or update the server there"),
            };
            return (finding, clock);
        }
        Answer::Other(told) => Finding::wrong(what, format!("something else: {told}"))
            .advise("let the proxy or the tunnel pass every path on to this server, unchanged"),
        Answer::Nobody(reason) => Finding::wrong(what, reason).advise(
            "start the server, and the tunnel or the proxy before it; some networks cannot reach their own \
             public address: then try from elsewhere",
        ),
    };
    (finding, None)
}

/// What a route of health is answered with.
pub enum Answer {
    Cordboard { version: String, clock: Option<SignedDuration> },
    Other(String),
    Nobody(String),
}

/// Asks for `/health`.
pub async fn ask(url: &str) -> Answer {
    let asking = async {
        let response = client::http()?.get(url).send().await.map_err(reqwest::Error::without_url)?;
        let (status, clock) = (response.status(), clock(response.headers()));
        let text = response.text().await.unwrap_or_default();
        anyhow::Ok((status, clock, text))
    };
    let (status, clock, text) = match timeout(BOUND, asking).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Answer::Nobody(format!("{error:#}")),
        Err(_) => return Answer::Nobody(format!("no answer within {} s", BOUND.as_secs())),
    };
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let version = json.get("version").and_then(Value::as_str);
    match version.filter(|_| status.is_success() && json.get("services").is_some()) {
        Some(version) => Answer::Cordboard { version: version.to_owned(), clock },
        None => Answer::Other(format!("{status}, and not the health of a Cordboard")),
    }
}

/// How far our clock is ahead of theirs.
fn clock(headers: &HeaderMap) -> Option<SignedDuration> {
    let date = headers.get(DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(date).ok().map(ahead_of)
}
