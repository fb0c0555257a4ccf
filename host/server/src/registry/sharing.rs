//! A call as other nodes know it, and how they are told.
//!
//! What changes is queued by the name of its call, and written by somebody else: a call never waits for
//! that. Where the queue is full the call is only marked, and found by whoever looks for marks.

use super::known::{Dialled, Next};
use super::view::View;
use crate::access::PublicAddress;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::mpsc;

/// So many calls can have changed that are not written yet.
const QUEUED: usize = 1024;
/// Why a call is over whose node is gone.
pub const LOST: &str = "lost";

/// All that another node needs to tell of a call, and to take it over.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Entry {
    /// the id of the node that holds it
    pub node: String,
    /// so often it went from one node to another; who has it from later is right
    pub epoch: u64,
    pub stage: Phase,
    /// of a call that is not over without its conversation
    pub view: View,
    pub dialled: Dialled,
    pub placed: bool,
    /// in Twilio's words; none: it has told nothing
    pub progress: Option<String>,
    pub continues: bool,
    pub address: Option<PublicAddress>,
    pub next: Option<Next>,
    pub cut: bool,
    /// its conversation has begun anew once
    pub anew: bool,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Told,
    Announced,
    Live,
    Over,
}

impl Entry {
    /// Twilio's name for the call, or, where it has told none, ours.
    pub fn name(&self) -> String {
        self.view.call_sid.clone().unwrap_or_else(|| self.view.id.clone())
    }

    /// Every name that it has.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let sid = self.view.call_sid.as_deref().filter(|sid| *sid != self.view.id);
        std::iter::once(self.view.id.as_str()).chain(sid)
    }

    /// Its node is gone, and its conversation with it.
    pub fn lose(&mut self) {
        if self.stage == Phase::Over {
            return;
        }
        self.stage = Phase::Over;
        self.epoch = self.epoch.saturating_add(1);
        self.view.live = false;
        self.view.speaking = None;
        self.view.end_time = Some(jiff::Timestamp::now().to_string());
        self.view.departure = Some(LOST.to_owned());
    }
}

/// Where calls say that they have changed.
#[derive(Clone)]
pub struct Changes {
    /// this node, for people
    node: Arc<str>,
    queue: mpsc::Sender<String>,
}

impl Changes {
    pub fn new(node: &str) -> (Self, mpsc::Receiver<String>) {
        let (queue, changed) = mpsc::channel(QUEUED);
        (Self { node: node.into(), queue }, changed)
    }

    pub(super) fn node(&self) -> String {
        self.node.to_string()
    }

    pub(super) fn tell(&self, id: &str) {
        // full: the call is marked
        let _ = self.queue.try_send(id.to_owned());
    }
}
