//! What other nodes are told of the calls here: by one task, so that no call waits for it.

use super::link::UNHURRIED;
use super::{Nodes, shelf};
use crate::app::{App, Shared};
use crate::registry::{Entry, Known, Phase};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// So often it is looked for what could not be written.
const SWEEP: Duration = Duration::from_secs(3);
/// So often a live call is written again, that it is not forgotten within its hour.
const REFRESH: Duration = Duration::from_secs(600);

/// Writes calls as they change, until the host stops.
pub async fn write(nodes: Arc<Nodes>, app: Shared, mut changed: mpsc::Receiver<String>) {
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refreshed = Instant::now();
    loop {
        tokio::select! {
            biased;
            _ = sweep.tick() => {
                if refreshed.elapsed() >= REFRESH {
                    refreshed = Instant::now();
                    app.registry.all().iter().filter(|known| known.is_live()).for_each(|known| known.set_unwritten());
                }
                nodes.write_what_changed(&app).await;
            }
            id = changed.recv() => {
                let Some(id) = id else { return };
                if let Some(known) = app.registry.find(&id).filter(|known| known.is_unwritten()) {
                    nodes.write_call(&app, &known).await;
                }
            }
        }
    }
}

impl Nodes {
    /// What could not be written before, and what another node may have taken meanwhile.
    pub(super) async fn write_what_changed(&self, app: &App) {
        for known in app.registry.all() {
            if known.is_unwritten() || known.may_be_taken() {
                self.write_call(app, &known).await;
            }
        }
    }

    /// Tells the others of a call as it is. Where Redis is away it stays marked.
    async fn write_call(&self, app: &App, known: &Arc<Known>) {
        // one that has no name of its own any more was released
        if !self.link.is_well() || app.registry.find(&known.id).is_none() {
            known.set_unwritten();
            return;
        }
        known.set_written();
        let Some(held) = self.put(known.entry(&self.id)).await else {
            known.set_unwritten();
            return;
        };
        let Some(held) = held else { return };
        if !known.is_live() {
            tracing::debug!(call_sid = known.id, node = held.node, "another node has this call");
            return app.registry.release(known);
        }
        let is_taken = held.stage == Phase::Live && self.neighbours().living.contains_key(&held.node);
        if is_taken {
            tracing::warn!(call_sid = known.id, node = held.node, "two nodes have a stream of this call");
            return;
        }
        // we were believed to be gone; its line is here all the same
        known.set_later_than(held.epoch);
        if self.put(known.entry(&self.id)).await.is_none() {
            known.set_unwritten();
        }
    }

    /// None: Redis is away. Some(Some): another node has it, as this says.
    pub(super) async fn put(&self, entry: Entry) -> Option<Option<Entry>> {
        self.link.ask(UNHURRIED, |link| shelf::write(link, entry)).await
    }
}
