//! Whether a request is Twilio's: the signature that its webhooks and stream upgrades carry.
//!
//! Source: Twilio, "Webhooks security", and what its own validators accept (twilio-python 9.13). What
//! is signed is the URL as Twilio requested it, letter for letter, and behind it the parameters of a
//! form; any other body is vouched for by its hash in the URL's query. The port is the exception:
//! Twilio may sign a URL with its port or without, whichever it requested. Nothing else of a URL is
//! made equal: not the scheme, not the case of the host, not a slash at its end.
//!
//! Not here: what our own URL is. Behind a proxy only the operator knows that. And no time: Twilio
//! signs none, so a request that was overheard is as good the second time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// Carries the signature, as base64.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";
/// Says that it was made with a shared key: `key=webhooks_sharedkey_…,algorithm=HMAC_SHA256`.
pub const SETTINGS_HEADER: &str = "X-Twilio-Webhooks-Signature-Settings";

const BODY_HASH: &str = "bodySHA256";

/// A request that says it is Twilio's.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// As Twilio requested it: `https://` for a webhook, `wss://` for the upgrade of a stream, then the
    /// public host and the path and query of the request, undecoded.
    pub url: &'a str,
    pub body: Body<'a>,
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
    /// The value of [`SETTINGS_HEADER`].
    pub settings: Option<&'a str>,
}

#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing that anybody will read: a GET, the upgrade of a stream.
    None,
    /// All parameters of a form that was posted, decoded, in any order. Those of the query are not
    /// among them.
    Form(&'a [(String, String)]),
    /// Any other body, as it came.
    Raw(&'a [u8]),
}

/// What Twilio signs with.
#[derive(Clone, Debug)]
pub struct Keys {
    pub auth_token: AuthToken,
    /// Needed if webhooks are set to be signed with one; Twilio then says so in [`SETTINGS_HEADER`].
    pub shared_key: Option<SharedKey>,
}

impl From<AuthToken> for Keys {
    fn from(auth_token: AuthToken) -> Self {
        Self { auth_token, shared_key: None }
    }
}

/// The account's auth token; the secret of an API key signs nothing.
#[derive(Clone)]
pub struct AuthToken(Hmac<Sha1>);

/// The secret of a shared key for webhooks.
#[derive(Clone)]
pub struct SharedKey(Hmac<Sha256>);

/// With an empty key, everybody could sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key that is empty or has white space in it; copy it from Twilio's console")]
pub struct UnusableKey;

/// Why a request is not taken for Twilio's. What the signature should have been is not in here, and
/// nothing of the query or the parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("a request without {SIGNATURE_HEADER}; Twilio signs all of its requests")]
    Missing,
    #[error("a signature that is not the base64 of {bytes} bytes, as {algorithm} makes them")]
    Malformed { algorithm: &'static str, bytes: usize },
    #[error(
        "a signature by the algorithm {0:?}, which is unknown here; Twilio's are HMAC_SHA1 and HMAC_SHA256"
    )]
    UnknownAlgorithm(String),
    #[error("a signature made with a shared key, and none is configured")]
    NoSharedKey,
    #[error("checking a signature of {0:?}, which is no http, https, ws or wss URL with a host")]
    Url(String),
    #[error(
        "a signature that is not that of a request to {url:?} with {parameters} parameters; if it is \
         Twilio's, compare this URL with the one configured there, and check the {key}"
    )]
    Mismatch { url: String, parameters: usize, key: &'static str },
    #[error("a body that is no form, and no {BODY_HASH} in the URL: nothing vouches for the body")]
    NoBodyHash,
    #[error("a body that is not the one whose {BODY_HASH} is in the URL")]
    OtherBody,
}

/// Whether Twilio made this request. Without an error it did; the time this takes tells nothing about
/// the right signature.
pub fn verify(keys: &Keys, request: &Request<'_>) -> Result<(), SignatureError> {
    let signature = request.signature.filter(|text| !text.is_empty()).ok_or(SignatureError::Missing)?;
    match algorithm(request.settings)? {
        Algorithm::Sha1 => matches(&keys.auth_token.0, SHA1, signature, request)?,
        Algorithm::Sha256 => {
            let key = keys.shared_key.as_ref().ok_or(SignatureError::NoSharedKey)?;
            matches(&key.0, SHA256, signature, request)?;
        }
    }
    match request.body {
        Body::None | Body::Form(_) => Ok(()),
        Body::Raw(body) => vouched_for(request.url, body),
    }
}

/// What stands in the query of a URL, as `bodySHA256`, when a body is sent there that is no form.
pub fn body_sha256(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl AuthToken {
    pub fn new(token: &str) -> Result<Self, UnusableKey> {
        keyed(token).map(Self)
    }

    /// As Twilio does it, for whoever plays its part. A body that is no form has its hash in the URL
    /// already ([`body_sha256`]), and no parameters.
    pub fn sign(&self, url: &str, parameters: &[(String, String)]) -> String {
        STANDARD.encode(mac(&self.0, &signed_text(url, parameters)).finalize().into_bytes())
    }
}

impl SharedKey {
    pub fn new(secret: &str) -> Result<Self, UnusableKey> {
        keyed(secret).map(Self)
    }

    /// As [`AuthToken::sign`]; such a request has a [`SETTINGS_HEADER`].
    pub fn sign(&self, url: &str, parameters: &[(String, String)]) -> String {
        STANDARD.encode(mac(&self.0, &signed_text(url, parameters)).finalize().into_bytes())
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken(…)")
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(…)")
    }
}

fn keyed<M: KeyInit>(key: &str) -> Result<M, UnusableKey> {
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(UnusableKey);
    }
    M::new_from_slice(key.as_bytes()).map_err(|_| UnusableKey)
}

enum Algorithm {
    Sha1,
    Sha256,
}

/// Without the header, or without an algorithm in it, the auth token signs.
fn algorithm(settings: Option<&str>) -> Result<Algorithm, SignatureError> {
    let settings = settings.unwrap_or_default().split(',').filter_map(|setting| setting.split_once('='));
    let named = |(name, value): (&str, &str)| (name.trim() == "algorithm").then(|| value.trim().to_owned());
    match settings.filter_map(named).find(|name| !name.is_empty()) {
        None => Ok(Algorithm::Sha1),
        Some(name) if name.eq_ignore_ascii_case("HMAC_SHA1") => Ok(Algorithm::Sha1),
        Some(name) if name.eq_ignore_ascii_case("HMAC_SHA256") => Ok(Algorithm::Sha256),
        Some(name) => Err(SignatureError::UnknownAlgorithm(name.chars().take(40).collect())),
    }
}

/// An algorithm, in the words of an error.
struct Described {
    algorithm: &'static str,
    bytes: usize,
    key: &'static str,
}

const SHA1: Described = Described { algorithm: "HMAC_SHA1", bytes: 20, key: "auth token" };
const SHA256: Described = Described { algorithm: "HMAC_SHA256", bytes: 32, key: "shared key" };

/// Whether the signature is that of one of the texts that Twilio may have signed.
fn matches<M: Mac + Clone>(
    keyed: &M,
    described: Described,
    signature: &str,
    request: &Request<'_>,
) -> Result<(), SignatureError> {
    let Described { algorithm, bytes, key } = described;
    let signature = STANDARD.decode(signature).ok().filter(|signature| signature.len() == bytes);
    let signature = signature.ok_or(SignatureError::Malformed { algorithm, bytes })?;
    let url = Url::of(request.url)?;
    // `verify_slice` compares in constant time
    if signed_texts(&url, request.body).iter().any(|text| mac(keyed, text).verify_slice(&signature).is_ok()) {
        return Ok(());
    }
    let parameters = if let Body::Form(parameters) = request.body { parameters.len() } else { 0 };
    Err(SignatureError::Mismatch { url: url.for_display(), parameters, key })
}

fn signed_texts(url: &Url<'_>, body: Body<'_>) -> Vec<String> {
    let parameters = if let Body::Form(parameters) = body { parameters } else { &[] };
    let mut texts: Vec<_> =
        url.spellings(url.target).iter().map(|spelling| signed_text(spelling, parameters)).collect();
    // Twilio does not say what it signs if a socket's URL has a query. Its own agents take the query
    // for parameters.
    if let (true, Body::None, Some((path, query))) = (url.is_socket(), body, url.target.split_once('?')) {
        let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        texts.extend(url.spellings(path).iter().map(|spelling| signed_text(spelling, &parameters)));
    }
    texts
}

/// Sorted by code point, nothing between names and values; what is there twice counts once.
fn signed_text(url: &str, parameters: &[(String, String)]) -> String {
    let sorted: BTreeSet<_> = parameters.iter().collect();
    sorted.iter().fold(url.to_owned(), |text, (name, value)| text + name + value)
}

fn mac<M: Mac + Clone>(keyed: &M, text: &str) -> M {
    keyed.clone().chain_update(text)
}

/// The URL was signed; so it vouches for the body whose hash it carries.
fn vouched_for(url: &str, body: &[u8]) -> Result<(), SignatureError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut query = form_urlencoded::parse(query.as_bytes());
    let (_, hash) = query.find(|(name, _)| name == BODY_HASH).ok_or(SignatureError::NoBodyHash)?;
    if hash == body_sha256(body) { Ok(()) } else { Err(SignatureError::OtherBody) }
}

/// The parts of a URL that matter here, as they were written.
struct Url<'a> {
    scheme: &'a str,
    /// with credentials, if it has any
    host: &'a str,
    port: Option<&'a str>,
    /// path and query
    target: &'a str,
}

impl<'a> Url<'a> {
    fn of(url: &'a str) -> Result<Self, SignatureError> {
        let parts = url.split_once("://").map(|(scheme, rest)| {
            let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            let port = authority.rsplit_once(':').filter(|(_, port)| is_number(port));
            let (host, port) = port.map_or((authority, None), |(host, port)| (host, Some(port)));
            Self { scheme, host, port, target }
        });
        let known =
            |url: &Self| matches!(url.scheme, "http" | "https" | "ws" | "wss") && !url.host.is_empty();
        parts.filter(known).ok_or_else(|| {
            // neither the query nor credentials
            let shown = url.split('?').next().and_then(|url| url.rsplit('@').next()).unwrap_or_default();
            SignatureError::Url(shown.chars().take(100).collect())
        })
    }

    fn is_socket(&self) -> bool {
        matches!(self.scheme, "ws" | "wss")
    }

    /// With the port and without. A URL that has none has its scheme's, never another URL's.
    fn spellings(&self, target: &str) -> Vec<String> {
        let ports = match (self.port, self.scheme) {
            (Some(port), _) => vec![port],
            (None, "https") => vec!["443"],
            // Twilio's own validators take 80 for the port of everything that is not https
            (None, "wss") => vec!["443", "80"],
            (None, _) => vec!["80"],
        };
        let Self { scheme, host, .. } = self;
        let with_port = ports.iter().map(|port| format!("{scheme}://{host}:{port}{target}"));
        std::iter::once(format!("{scheme}://{host}{target}")).chain(with_port).collect()
    }

    /// Without credentials and query: those are nobody's business.
    fn for_display(&self) -> String {
        let host = self.host.rsplit('@').next().unwrap_or_default();
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = self.target.split(['?', '#']).next().unwrap_or_default();
        format!("{}://{host}{port}{path}", self.scheme)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
