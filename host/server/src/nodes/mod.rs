//! Several servers that answer for the same calls.
//!
//! Each call is held by one node, the one that has its stream. What the others need to know of it stands
//! in Redis, for an hour: any node answers for any call, by passing the request on to the node that holds
//! it, and a stream that comes to another node than its webhook did is taken there.
//!
//! - `link.rs`: the Redis server, and whether it is there
//! - `shelf.rs`: what stands in it, and where
//! - `heart.rs`: which nodes there are, and what becomes of the calls of one that is gone
//! - `writing.rs`: what the others are told of the calls here
//! - `naming.rs`: which call a request is about
//! - `passing.rs`: requests that another node has to answer
//!
//! A call waits for this half a second at most, when it begins, and never later. Which of two nodes is right about a call is decided by its epoch,
//! which grows each time it goes from one to another.

mod heart;
mod link;
mod naming;
mod passing;
mod shelf;
mod writing;

pub use passing::pass_on;

use crate::access::random;
use crate::app::{App, Shared};
use crate::config;
use crate::registry::{Changes, Entry, Known, Phase, View};
use crate::vitals::Trouble;
use anyhow::{Context, bail};
use link::{HURRIED, Link, UNHURRIED};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// A stream whose call is not known anywhere is waited for so long: another node may just be writing it.
const JUST_WRITING: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(15);
/// Connecting to another node.
const CONNECT: Duration = Duration::from_secs(2);
/// What remains to be told when this node leaves is told within this time.
const LEAVE: Duration = Duration::from_secs(3);

/// One of the servers, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Node {
    /// for people
    pub name: String,
    /// where the others reach it
    pub address: String,
    /// calls
    pub live: usize,
    pub started: String,
}

/// What is done when a node is gone: its id, and the calls that it held.
type Lost = Box<dyn Fn(&str, &[String]) + Send + Sync>;

pub struct Nodes {
    /// random, new at each start
    pub id: String,
    name: String,
    /// as configured
    address: Option<String>,
    /// since this node listens
    here: OnceLock<Node>,
    link: Link,
    http: reqwest::Client,
    known: Mutex<Neighbours>,
    lost: OnceLock<Lost>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The nodes that there are, this one too.
#[derive(Default)]
struct Neighbours {
    /// by id
    living: HashMap<String, Node>,
    /// what their addresses resolve to
    resolved: HashMap<String, Vec<IpAddr>>,
    looked: Option<Instant>,
}

/// Where a call is.
pub enum Whereabouts {
    /// here, or nobody can tell
    Here,
    Nowhere,
    At(Box<(Node, Entry)>),
    /// its node is gone
    Lost(Box<Entry>),
}

impl Nodes {
    /// None: this server is alone.
    pub fn set_up(config: &config::Nodes) -> anyhow::Result<Option<Self>> {
        let Some(url) = &config.redis else { return Ok(None) };
        let link = Link::open(url)?;
        let id = format!("{:016x}", u64::from_be_bytes(random::<8>()?));
        let address = config.address.as_deref().map(base).transpose()?;
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            // each on a connection of its own: one that is refused says that nothing was asked
            .pool_max_idle_per_host(0)
            .tcp_nodelay(true)
            .build()?;
        Ok(Some(Self {
            name: config.name.clone().unwrap_or_else(|| id.clone()),
            id,
            address,
            here: OnceLock::new(),
            link,
            http,
            known: Mutex::default(),
            lost: OnceLock::new(),
            tasks: Mutex::default(),
        }))
    }

    /// What is done, once among all nodes, when a node is gone without a word: its id, and the names of
    /// the calls that it held. It must not take long.
    pub fn on_node_lost(&self, lost: impl Fn(&str, &[String]) + Send + Sync + 'static) {
        // the first one counts
        let _ = self.lost.set(Box::new(lost));
    }

    /// These calls of this node, by Twilio's names where it has any, are lost.
    fn tell_lost(&self, node: &str, calls: &[String]) {
        if let Some(tell) = self.lost.get().filter(|_| !calls.is_empty()) {
            tell(node, calls);
        }
    }

    /// How Redis is: `ok` or `failing`, and why.
    pub fn state(&self) -> (&'static str, Option<Trouble>) {
        self.link.state()
    }

    /// From now on this node, which listens there, is one of several. What to tell a person about it.
    pub async fn join(self: &Arc<Self>, app: &Shared, listening: SocketAddr) -> anyhow::Result<String> {
        let address = match &self.address {
            Some(address) => address.clone(),
            None if listening.ip().is_unspecified() => bail!(
                "with REDIS_URL the other nodes have to reach this one, and {listening} is no address for \
                 that: set CORDBOARD_NODE_ADDRESS, or `nodes.address`, to one that they reach, such as \
                 http://10.0.0.3:{}",
                listening.port()
            ),
            None => format!("http://{listening}"),
        };
        let started = jiff::Timestamp::now().to_string();
        let node = Node { name: self.name.clone(), address: address.clone(), live: 0, started };
        let _ = self.here.set(node);
        let (changes, changed) = Changes::new(&self.name);
        app.registry.share(changes);
        self.beat(app).await;
        let tasks = [
            tokio::spawn(heart::beat(self.clone(), app.clone())),
            tokio::spawn(writing::write(self.clone(), app.clone(), changed)),
        ];
        self.tasks().extend(tasks);
        let shared = match self.link.is_well() {
            true => "shares its calls by Redis",
            false => "is alone until Redis can be reached",
        };
        Ok(format!("Node {} {shared}; other nodes reach it at {address}", self.name))
    }

    /// This node goes, and says so: others do not have to find out.
    pub async fn leave(&self, app: &App) {
        for task in self.tasks().drain(..) {
            task.abort();
        }
        if !self.link.is_well() {
            return;
        }
        let leaving = async {
            self.write_what_changed(app).await;
            self.link.ask(UNHURRIED, |link| shelf::sign_out(link, self.id.clone())).await
        };
        if tokio::time::timeout(LEAVE, leaving).await.is_err() {
            tracing::warn!("Redis does not answer in time; other nodes will find out that this one is gone");
        }
    }

    /// Where the call of one of these names is. `given_out`: the name is one of ours, which some node has
    /// given out, so it is there, or about to be.
    pub async fn whereabouts(&self, names: &[String], given_out: bool) -> Whereabouts {
        let begun = Instant::now();
        loop {
            if !self.link.is_well() {
                return Whereabouts::Here;
            }
            let found = self.link.ask(HURRIED, |link| shelf::find(link, names.to_vec())).await;
            let Some(found) = found else { return Whereabouts::Here };
            match found {
                Some(entry) if entry.node == self.id => return Whereabouts::Here,
                Some(entry) => return self.node_of(entry).await,
                None if given_out && begun.elapsed() < JUST_WRITING => tokio::time::sleep(LOOK).await,
                None => return Whereabouts::Nowhere,
            }
        }
    }

    async fn node_of(&self, entry: Entry) -> Whereabouts {
        let known = self.neighbours().living.get(&entry.node).cloned();
        if let Some(node) = known {
            return Whereabouts::At(Box::new((node, entry)));
        }
        // it may be new
        let found = self.link.ask(HURRIED, |link| shelf::node(link, entry.node.clone())).await;
        match found {
            None => Whereabouts::Here,
            Some(Some(node)) => Whereabouts::At(Box::new((node, entry))),
            Some(None) => Whereabouts::Lost(Box::new(entry)),
        }
    }

    /// Whether a node has no heartbeat, also if it had one a moment ago.
    async fn is_gone(&self, id: &str) -> bool {
        let found = self.link.ask(HURRIED, |link| shelf::node(link, id.to_owned())).await;
        let gone = matches!(found, Some(None));
        if gone {
            self.neighbours().living.remove(id);
        }
        gone
    }

    /// Whether this token is used for the first time. Where Redis is away nobody but this node can tell.
    pub async fn redeem(&self, token: &str) -> bool {
        if !self.link.is_well() {
            return true;
        }
        self.link.ask(HURRIED, |link| shelf::redeem(link, token.to_owned())).await.unwrap_or(true)
    }

    /// Every call that any node has, the oldest first; `here`: those that are known here. `all`: also
    /// those that are over.
    pub async fn calls(&self, here: Vec<Arc<Known>>, all: bool, brief: bool) -> Vec<View> {
        let there = match self.link.is_well() {
            true => self.link.ask(UNHURRIED, |link| shelf::calls(link, all)).await.unwrap_or_default(),
            false => Vec::new(),
        };
        let mut calls: BTreeMap<String, (u64, View)> =
            here.iter().map(|known| (known.id.clone(), (known.epoch(), known.seen(brief)))).collect();
        let living: Vec<String> = self.neighbours().living.keys().cloned().collect();
        for mut entry in there.into_iter().filter(|entry| entry.node != self.id) {
            if !living.contains(&entry.node) && matches!(entry.stage, Phase::Live | Phase::Announced) {
                entry.lose();
            }
            let later = calls.get(&entry.view.id).is_none_or(|(epoch, _)| *epoch <= entry.epoch);
            if later {
                if brief {
                    entry.view.conversation.clear();
                    entry.view.kept.clear();
                }
                calls.insert(entry.view.id.clone(), (entry.epoch, entry.view));
            }
        }
        let mut calls: Vec<View> = calls.into_values().map(|(_, view)| view).collect();
        calls.sort_by(|one, other| one.created_at.cmp(&other.created_at));
        calls
    }

    fn neighbours(&self) -> MutexGuard<'_, Neighbours> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address of a node, as paths are put behind it.
fn base(address: &str) -> anyhow::Result<String> {
    let wrong = || {
        format!(
            "CORDBOARD_NODE_ADDRESS, or `nodes.address`: {address:?} is not where a node is reached; it looks \
             like http://10.0.0.3:8765"
        )
    };
    let parsed = url::Url::parse(address.trim()).with_context(wrong)?;
    let plain = parsed.path() == "/" && parsed.query().is_none() && parsed.username().is_empty();
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() || !plain {
        bail!(wrong());
    }
    Ok(parsed.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn a_node_is_reached_by_http_at_a_host_and_a_port_and_nothing_else() {
        assert_eq!(base("http://10.0.0.3:8765/").unwrap(), "http://10.0.0.3:8765");
        assert_eq!(base(" https://node-1.internal ").unwrap(), "https://node-1.internal");
        for wrong in ["10.0.0.3:8765", "ws://10.0.0.3", "http://a/b", "http://u@a", "node", ""] {
            assert!(base(wrong).is_err(), "{wrong:?}");
        }
    }
}
