//! Which nodes there are: each says every few seconds that it is alive. One that has not for a while is
//! gone, and its calls are over; one of the others sees to them.

use super::link::UNHURRIED;
use super::{Node, Nodes, shelf};
use crate::app::Shared;
use crate::registry::{Entry, Phase};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

const BEAT: Duration = Duration::from_secs(3);
/// Redis has been there for so long before anybody is taken for gone: after it was away, nobody's
/// heartbeat is in it.
const SURE: Duration = Duration::from_secs(12);
/// Whoever passes something on and is not known is looked for so often at the most.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const RESOLVE: Duration = Duration::from_secs(1);

/// Beats until the host stops.
pub async fn beat(nodes: Arc<Nodes>, app: Shared) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        // the heart does not stand still while others are buried
        for lost in nodes.beat(&app).await {
            let (nodes, app) = (nodes.clone(), app.clone());
            tokio::spawn(async move { nodes.see_to(&app, &lost).await });
        }
    }
}

impl Nodes {
    /// Says that this node is alive, and looks who else is. The ids of those that surely are not.
    pub(super) async fn beat(&self, app: &Shared) -> Vec<String> {
        let Some(here) = self.here.get() else { return Vec::new() };
        let here = Node { live: app.registry.live(), ..here.clone() };
        let signed = self.link.ask(UNHURRIED, |link| shelf::sign_in(link, self.id.clone(), here)).await;
        let Some((new, nodes)) = signed else { return Vec::new() };
        if new {
            // Redis is new, or has forgotten us
            app.registry.all().iter().for_each(|known| known.set_unwritten());
        }
        let sure = self.link.well_for() >= SURE;
        let lost: Vec<String> =
            nodes.iter().filter(|(_, node)| node.is_none()).map(|(id, _)| id.clone()).collect();
        let mut living: HashMap<String, Node> =
            nodes.into_iter().filter_map(|(id, node)| Some((id, node?))).collect();
        if !sure {
            let before = self.neighbours().living.clone();
            for id in &lost {
                if let Some(node) = before.get(id) {
                    living.insert(id.clone(), node.clone());
                }
            }
        }
        self.believe(app, living).await;
        lost.into_iter().filter(|id| sure && *id != self.id).collect()
    }

    /// A request that a node passed on came from this peer: who that is is looked for, if it is not known.
    pub(super) async fn meet(&self, app: &Shared, peer: SocketAddr) {
        if app.access.is_proxy(peer) {
            return;
        }
        let again = {
            let mut known = self.neighbours();
            let again = known.looked.is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN);
            if again {
                known.looked = Some(Instant::now());
            }
            again
        };
        if again && self.link.is_well() {
            self.beat(app).await;
        }
    }

    /// These nodes are alive: what they pass on is taken from them as from a proxy.
    async fn believe(&self, app: &Shared, living: HashMap<String, Node>) {
        let mut resolved = self.neighbours().resolved.clone();
        resolved.retain(|address, _| living.values().any(|node| node.address == *address));
        let new =
            living.values().map(|node| &node.address).filter(|address| !resolved.contains_key(*address));
        let new = new.map(async |address| (address.clone(), resolve(address).await));
        let new = join_all(new).await;
        resolved.extend(new);
        app.access.set_nodes(resolved.values().flatten().copied());
        // one that could not be found is looked for again
        resolved.retain(|_, addresses| !addresses.is_empty());
        let mut known = self.neighbours();
        known.living = living;
        known.resolved = resolved;
    }

    /// Ends the calls of a node that is gone, if no other node does.
    async fn see_to(&self, app: &Shared, lost: &str) {
        let ours =
            self.link.ask(UNHURRIED, |link| shelf::sees_to(link, lost.to_owned(), self.id.clone())).await;
        if ours != Some(true) {
            return;
        }
        let Some(calls) = self.link.ask(UNHURRIED, |link| shelf::calls(link, false)).await else { return };
        let mut ended = Vec::new();
        for entry in calls.into_iter().filter(|entry| entry.node == lost) {
            let name = entry.name();
            match entry.stage {
                // it rings, and somebody has to be there when it is answered
                Phase::Told => drop(app.registry.take_over(&entry)),
                _ => match self.end(entry).await {
                    None => return,
                    Some(Ended::Here) => ended.push(name),
                    Some(Ended::GoesOn) => {}
                },
            }
        }
        if self.link.ask(UNHURRIED, |link| shelf::seen_to(link, lost.to_owned())).await.is_some() {
            self.tell_lost(lost, &ended);
        }
    }

    /// Has it stand in Redis that this call is over. None: Redis does not answer.
    async fn end(&self, mut entry: Entry) -> Option<Ended> {
        entry.lose();
        Some(match self.put(entry).await? {
            None => Ended::Here,
            Some(_) => Ended::GoesOn,
        })
    }
}

/// What has become of a call whose node is gone.
enum Ended {
    Here,
    /// another node has it by now
    GoesOn,
}

/// What the name of a node stands for.
async fn resolve(address: &str) -> Vec<IpAddr> {
    let Ok(url) = url::Url::parse(address) else { return Vec::new() };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Vec::new() };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(error)) => {
            tracing::warn!(address, "the address of a node cannot be found: {error}");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}
