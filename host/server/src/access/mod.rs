//! Who may do what.
//!
//! - Twilio's webhooks and sockets are known by their signatures, and sockets also by a token that we
//!   gave out.
//! - Everything else that concerns calls needs a key with a role.
//! - Without Twilio's auth token nothing can be told from anything, so only this machine itself may use
//!   the server (`address.rs` says what that means).
//!
//! `problem.rs` is how a refusal looks, `webhook.rs` and `guard.rs` are the checks as routes use them.

mod address;
mod guard;
mod problem;
mod rates;
mod roles;
mod tokens;
mod webhook;

pub use address::{PublicAddress, is_local, target};
pub use tokens::GOOD_FOR;

pub use guard::{Caller, Controller, Exchanger, KeyHolder, Reader, count, is_welcome};
pub use problem::Problem;
pub use roles::{ALL as API_KEY, Role};
pub use webhook::{CALL, CALLED, FromTwilio, STEP, TRANSFER, body_of};

use crate::config::{Loaded, Network};
use address::is_local_host;
use anyhow::{Context, anyhow};
use axum::http::{HeaderMap, StatusCode};
use components::grant::Operator;
use rates::Rates;
use roles::ApiKeys;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokens::Tokens;
use twilio::signature::{self, AuthToken, Body, Keys, SETTINGS_HEADER, SIGNATURE_HEADER, SharedKey};

const AUTH_TOKEN: &str = "TWILIO_AUTH_TOKEN";
const SHARED_KEY: &str = "TWILIO_WEBHOOK_SHARED_KEY";
/// Signs tokens; where it is not set, a secret that follows from the auth token, which all nodes have.
const SECRET: &str = "CORDBOARD_SECRET";

/// Variables of ours that hold secrets.
pub const SECRETS: [&str; 12] = [
    AUTH_TOKEN,
    "TWILIO_API_KEY",
    "TWILIO_API_SECRET",
    SHARED_KEY,
    SECRET,
    API_KEY,
    "CORDBOARD_API_KEY_READ",
    "CORDBOARD_API_KEY_CONTROL",
    "CORDBOARD_API_KEY_CALL",
    "CORDBOARD_API_KEY_COMPONENTS",
    "SUPABASE_KEY",
    crate::traces::HEADERS,
];

/// How Twilio is known.
enum Twilio {
    Signs(Box<Keys>),
    /// not at all: the operator does not want signatures checked
    Believed,
    /// not at all: there is no auth token
    Unknown,
}

pub struct Access {
    twilio: Twilio,
    /// streams have to be this account's
    pub account_sid: Option<String>,
    keys: ApiKeys,
    pub tokens: Tokens,
    rates: Rates,
    public: Option<PublicAddress>,
    /// where Twilio reached us for a call that came in
    learned: Mutex<Option<PublicAddress>>,
    /// Twilio's place is taken by something on this machine
    twilio_is_local: bool,
    trusted: Vec<Network>,
    /// these, and the other nodes
    proxies: RwLock<Arc<[Network]>>,
    origins: Vec<String>,
}

impl Access {
    pub fn set_up(loaded: &Loaded) -> anyhow::Result<Self> {
        let config = &loaded.config;
        let variable = |name| loaded.variable(name).map(|value: String| value.trim().to_owned());
        let auth_token = variable(AUTH_TOKEN);
        let twilio = match &auth_token {
            _ if !config.twilio.signatures => Twilio::Believed,
            None => Twilio::Unknown,
            Some(token) => {
                let auth_token = AuthToken::new(token).context(AUTH_TOKEN)?;
                let shared_key = variable(SHARED_KEY).map(|key| SharedKey::new(&key)).transpose();
                Twilio::Signs(Box::new(Keys { auth_token, shared_key: shared_key.context(SHARED_KEY)? }))
            }
        };
        // what signs tokens signs nothing else
        let secret = match (variable(SECRET), auth_token) {
            (Some(secret), _) => secret.into_bytes(),
            (None, Some(token)) => format!("cordboard tokens {token}").into_bytes(),
            (None, None) => random::<32>()?.to_vec(),
        };
        for origin in &config.server.origins {
            let parsed = url::Url::parse(origin).map_err(|e| anyhow!("`server.origins`: {origin:?}: {e}"))?;
            if parsed.origin().ascii_serialization() != origin.trim_end_matches('/') {
                let like = parsed.origin().ascii_serialization();
                return Err(anyhow!("`server.origins`: {origin:?} is no origin; it looks like {like:?}"));
            }
        }
        let public = config.server.public_url.as_deref().map(PublicAddress::parse).transpose();
        Ok(Self {
            twilio,
            account_sid: config.twilio.account_sid.clone(),
            keys: ApiKeys::read(loaded)?,
            tokens: Tokens::new(&secret).context("no token can be signed")?,
            rates: Rates::per_minute(config.server.requests_per_minute),
            public: public.map_err(|wrong| anyhow!(wrong))?,
            learned: Mutex::default(),
            twilio_is_local: config.twilio.base_url.as_deref().is_some_and(|url| {
                PublicAddress::parse(url).is_ok_and(|address| is_local_host(address.host()))
            }),
            trusted: config.server.trusted_proxies.clone(),
            proxies: RwLock::new(config.server.trusted_proxies.as_slice().into()),
            origins: config.server.origins.clone(),
        })
    }

    /// Whether Twilio can be told from others, or need not be. Where it cannot, nothing can follow on a
    /// call's stream, since nobody could be believed who asks for it.
    pub fn knows_twilio(&self) -> bool {
        !matches!(self.twilio, Twilio::Unknown)
    }

    /// What a person should know about it at start.
    pub fn warning(&self) -> Option<String> {
        match &self.twilio {
            Twilio::Unknown => Some(format!(
                "Only this machine can call: {AUTH_TOKEN} is not set, so Twilio cannot be told from others"
            )),
            Twilio::Believed => Some(
                "Signatures are not checked: whoever reaches this address can call at your expense".into(),
            ),
            Twilio::Signs(_) if self.keys.is_empty() => Some(format!(
                "Calls can be placed, seen and controlled by nobody: set {API_KEY} to a key of your own"
            )),
            Twilio::Signs(_) => None,
        }
    }

    /// Where this server is reached, as far as the configuration or this request tells.
    pub fn address(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<PublicAddress, Problem> {
        let asked = || PublicAddress::asked(peer, headers, &self.proxies());
        self.public.clone().or_else(asked).ok_or_else(|| {
            let text = "the address of this server is not known: send a Host header, or set PUBLIC_URL";
            Problem::new(StatusCode::BAD_REQUEST, text)
        })
    }

    fn proxies(&self) -> Arc<[Network]> {
        self.proxies.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other nodes are at these addresses: what they pass on is taken as from a proxy.
    pub fn set_nodes(&self, nodes: impl IntoIterator<Item = IpAddr>) {
        let nodes = nodes.into_iter().map(|ip| Network(ip.to_canonical().into()));
        let proxies: Arc<[Network]> = self.trusted.iter().copied().chain(nodes).collect();
        *self.proxies.write().unwrap_or_else(PoisonError::into_inner) = proxies;
    }

    /// What this peer says of somebody else's request is believed.
    pub fn is_proxy(&self, peer: SocketAddr) -> bool {
        address::is_trusted(peer.ip(), &self.proxies())
    }

    /// Who asks, behind our proxies.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        address::client(peer, headers, &self.proxies())
    }

    fn learn(&self, address: &PublicAddress) {
        if !is_local_host(address.host()) {
            *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.clone());
        }
    }

    /// Where Twilio can reach us about a call that we place: as configured; else as it did when a call
    /// came in; else as whoever asks did, if that is not from this machine.
    fn reachable(&self, peer: SocketAddr, headers: &HeaderMap) -> Result<PublicAddress, Problem> {
        let learned = || self.learned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(address) = self.public.clone().or_else(learned) {
            return Ok(address);
        }
        let asked = self.address(peer, headers)?;
        match is_local_host(asked.host()) && !self.twilio_is_local {
            false => Ok(asked),
            true => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Twilio has to reach this server about the call, and its address is not known: set PUBLIC_URL",
            )),
        }
    }

    /// The configured address.
    pub fn public(&self) -> Option<&PublicAddress> {
        self.public.as_ref()
    }

    /// Whether Twilio made this request: `urls` are what it may have asked for.
    fn check_signature(&self, urls: &[String], body: Body<'_>, headers: &HeaderMap) -> Result<(), Problem> {
        let keys = match &self.twilio {
            Twilio::Signs(keys) => keys,
            Twilio::Believed => return Ok(()),
            Twilio::Unknown => {
                return Err(Problem::forbidden(format!(
                    "this server has no {AUTH_TOKEN}, so it cannot tell Twilio from others and answers only \
                     its own machine; set it, and start again"
                )));
            }
        };
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (signature, settings) = (header(SIGNATURE_HEADER), header(SETTINGS_HEADER));
        let check =
            |url: &String| signature::verify(keys, &signature::Request { url, body, signature, settings });
        let mut refused = Ok(());
        for url in urls {
            match check(url) {
                Ok(()) => return Ok(()),
                // the first is what was most probably meant
                Err(e) => refused = refused.and(Err(e)),
            }
        }
        refused.map_err(|e| Problem::forbidden(e.to_string()))
    }

    /// Whether Twilio asked for this socket.
    pub fn check_socket(&self, peer: SocketAddr, headers: &HeaderMap, target: &str) -> Result<(), Problem> {
        let address = self.address(peer, headers)?;
        self.check_signature(&[address.socket(target)], Body::None, headers)
    }

    /// A request that nothing else bounds.
    pub fn count_request(&self, peer: SocketAddr, headers: &HeaderMap, route: &str) -> Result<(), Problem> {
        if is_local(peer, headers) {
            return Ok(());
        }
        let client = self.client(peer, headers);
        self.rates.check(client, route).map_err(|wait| {
            tracing::debug!(%client, route, "too many requests");
            // a second at least, or a client that waits would come too early
            let wait = wait.max(Duration::from_secs(1));
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many requests; wait as Retry-After says")
                .retry_after(wait)
        })
    }

    /// What is allowed to whoever asks: at least this. The error says what is missing.
    fn check_role(&self, peer: SocketAddr, headers: &HeaderMap, role: Role) -> Result<(), Problem> {
        match self.roles(peer, headers, role)?.contains(&role) {
            true => Ok(()),
            false => Err(Problem::forbidden(format!("this key has not the role {:?}", role.name()))),
        }
    }

    /// All that is allowed to whoever asks, who wants `role`.
    fn roles(&self, peer: SocketAddr, headers: &HeaderMap, role: Role) -> Result<BTreeSet<Role>, Problem> {
        let address = self.address(peer, headers).ok();
        if !address::is_welcome_origin(headers, address.as_ref(), &self.origins) {
            return Err(Problem::forbidden(
                "a page of this origin may not use this server; `server.origins` lists those that may",
            ));
        }
        let key = bearer(headers);
        if let Some(roles) = key.and_then(|key| self.keys.roles(key)) {
            return Ok(roles.clone());
        }
        if key.is_some() {
            return Err(Problem::unauthorized("this key is not known here"));
        }
        match self.twilio {
            Twilio::Unknown if is_local(peer, headers) => Ok(Role::EVERY.into()),
            Twilio::Unknown if self.keys.is_empty() => Err(Problem::forbidden(format!(
                "without {AUTH_TOKEN} and {API_KEY} this is answered to this machine only"
            ))),
            _ if self.keys.is_empty() => Err(Problem::forbidden(format!(
                "nobody has a key: set {API_KEY}, start again, and send it as Authorization: Bearer …"
            ))),
            _ => Err(Problem::unauthorized(format!(
                "a key with the role {:?} is needed, as Authorization: Bearer …",
                role.name()
            ))),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Something that nobody knows.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| anyhow!("the system gives no random numbers: {e}"))?;
    Ok(bytes)
}
