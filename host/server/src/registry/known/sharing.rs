//! A call that is shared with other nodes: what they are told of it, and how it is taken over.

use super::standing::Standing;
use super::{Facts, Known, Stage};
use crate::registry::sharing::{Changes, Entry, LOST, Phase};
use crate::registry::view::departure_of;
use call::persona::Direction;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use twilio::progress::Progress;
use twilio::status::{AnsweredBy, Status};

/// What others know of how a call stands.
const LIVE: &str = "live";

/// Whether others have been told what there is to tell.
#[derive(Default)]
pub(super) struct Shared {
    pub changes: Option<Changes>,
    unwritten: AtomicBool,
}

impl Shared {
    pub fn with(changes: Option<&Changes>) -> Self {
        Self { changes: changes.cloned(), unwritten: AtomicBool::new(false) }
    }
}

impl Known {
    /// There is something that other nodes should know.
    pub(in crate::registry) fn changed(&self) {
        if let Some(changes) = &self.shared.changes
            && !self.shared.unwritten.swap(true, Ordering::AcqRel)
        {
            changes.tell(&self.id);
        }
    }

    pub fn set_unwritten(&self) {
        self.shared.unwritten.store(true, Ordering::Release);
    }

    /// What is written from now on includes everything so far.
    pub fn set_written(&self) {
        self.shared.unwritten.store(false, Ordering::Release);
    }

    pub fn is_unwritten(&self) -> bool {
        self.shared.unwritten.load(Ordering::Acquire)
    }

    /// It is decided which node has it: there is, or was, a conversation here, or it is over.
    pub fn is_settled(&self) -> bool {
        matches!(self.facts().stage, Stage::Live(_) | Stage::Over)
    }

    /// Its stream may come to another node.
    pub fn may_be_taken(&self) -> bool {
        let idle = matches!(self.facts().stage, Stage::Told | Stage::Announced(_));
        idle && !self.is_stale()
    }

    /// What other nodes are told. `node`: the id of this one.
    pub fn entry(&self, node: &str) -> Entry {
        let mut view = self.view();
        let facts = self.facts();
        let stage = match facts.stage {
            Stage::Told => Phase::Told,
            Stage::Announced(_) => Phase::Announced,
            Stage::Live(_) => Phase::Live,
            Stage::Over => Phase::Over,
        };
        view.speaking = None;
        if stage != Phase::Over {
            // what changes all the time is told by whoever holds the call, as its words are
            view.state_since = None;
            if stage == Phase::Live {
                LIVE.clone_into(&mut view.state);
            }
            view.conversation.clear();
        }
        Entry {
            node: node.to_owned(),
            epoch: facts.epoch,
            stage,
            view,
            dialled: facts.dialled.clone(),
            placed: facts.placed,
            progress: facts.progress.status().map(Status::to_string),
            continues: facts.continues,
            address: facts.address.clone(),
            next: facts.next.clone(),
            cut: facts.cut,
            anew: facts.anew,
        }
    }

    /// It is this node's, whatever stands in the registry under this epoch.
    pub fn set_later_than(&self, epoch: u64) {
        let mut facts = self.facts();
        facts.epoch = facts.epoch.max(epoch.saturating_add(1));
    }

    pub fn epoch(&self) -> u64 {
        self.facts().epoch
    }

    /// A call that another node had.
    pub(in crate::registry) fn taken_over(entry: &Entry, changes: Option<&Changes>) -> Self {
        let view = &entry.view;
        let direction = match view.direction.as_str() {
            "outbound" => Direction::Outbound,
            _ => Direction::Inbound,
        };
        let time = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let mut known = Self::new(&view.id, direction, changes);
        known.created = view.created_at.parse().unwrap_or(known.created);
        let over = time(&view.end_time);
        let progress = entry.progress.as_deref().map(|word| Progress::from(Status::from(word)));
        let facts = known.facts.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        *facts = Facts {
            sid: view.call_sid.clone(),
            direction,
            dialled: entry.dialled.clone(),
            placed: entry.placed,
            // whose it is was not told: it cannot come back here
            console: view.console.then(String::new),
            progress: progress.unwrap_or_default(),
            answered_by: view.answered_by.as_deref().map(AnsweredBy::from),
            duration: None,
            stage: match entry.stage {
                Phase::Told => Stage::Told,
                Phase::Announced => Stage::Announced(Instant::now()),
                Phase::Live | Phase::Over => Stage::Over,
            },
            line: None,
            continues: entry.continues,
            next: entry.next.clone(),
            pending: None,
            address: entry.address.clone(),
            asked: false,
            cut: entry.cut,
            returns: 0,
            returning: false,
            returned: None,
            attached: time(&view.start_time),
            over,
            departure: view.departure.as_deref().and_then(departure_of),
            lost: view.departure.as_deref() == Some(LOST),
            anew: entry.anew,
            epoch: entry.epoch.saturating_add(1),
            outcome: view.outcome.clone(),
            kept: view.kept.clone(),
            conversation: view.conversation.clone(),
            standing: Standing::default(),
            events: None,
        };
        known
    }

    /// The node that held it is gone.
    pub fn is_lost(&self) -> bool {
        self.facts().lost
    }

    /// The conversation begins once more, here. Whether it may: once.
    pub fn begin_anew(&self) -> bool {
        let mut facts = self.facts();
        if facts.anew {
            return false;
        }
        facts.anew = true;
        facts.revive();
        drop(facts);
        self.changed();
        true
    }
}

impl Facts {
    /// A call whose node is gone goes on.
    pub(super) fn revive(&mut self) {
        if std::mem::take(&mut self.lost) {
            self.over = None;
            self.attached = None;
            self.stage = Stage::Told;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Dialled, Registry};
    use call::persona::Departure;

    /// As another node reads it.
    fn told(known: &Known, node: &str) -> Entry {
        serde_json::from_str(&serde_json::to_string(&known.entry(node)).unwrap()).unwrap()
    }

    fn placed(registry: &Registry) -> Entry {
        let details = Dialled {
            to: "+15555550101".into(),
            initial_message: Some("Your order is ready.".into()),
            parameters: [("order".to_owned(), "42".to_owned())].into(),
            ..Dialled::default()
        };
        let known = registry.dial("out-1", details);
        registry.bind(&known, "CA1");
        told(&known, "first")
    }

    #[test]
    fn a_call_that_is_taken_over_is_known_as_it_was_by_both_names_and_later() {
        let entry = placed(&Registry::default());
        let registry = Registry::default();
        let known = registry.take_over(&entry);
        for name in ["out-1", "CA1"] {
            assert!(registry.find(name).is_some_and(|found| std::sync::Arc::ptr_eq(&found, &known)));
        }
        assert_eq!(known.call_details().initial_message.as_deref(), Some("Your order is ready."));
        assert_eq!(known.call_details().parameters["order"], "42");
        let mut again = told(&known, "second");
        assert_eq!((again.epoch, again.placed), (entry.epoch + 1, true));
        // whoever has it by now is not taken over by what was
        known.ended(Departure::Script);
        again.lose();
        assert!(!registry.take_over(&again).is_lost());
        registry.release(&known);
        assert!(registry.find("out-1").is_none() && registry.find("CA1").is_none());
    }

    #[test]
    fn what_twilio_says_twice_at_once_of_a_call_whose_node_is_gone_is_one_taking_over() {
        let (mut entry, registry) = (placed(&Registry::default()), Registry::default());
        entry.stage = Phase::Live;
        entry.lose();
        let known = registry.take_over(&entry);
        assert!(known.begin_anew());
        assert!(std::sync::Arc::ptr_eq(&known, &registry.take_over(&entry)) && !known.is_lost());
    }

    #[test]
    fn a_call_whose_node_is_gone_begins_anew_once() {
        let mut entry = placed(&Registry::default());
        for allowed in [true, false] {
            entry.stage = Phase::Live;
            entry.lose();
            let known = Registry::default().take_over(&entry);
            assert!(known.is_lost() && known.over_since().is_some());
            assert_eq!(known.view().departure.as_deref(), Some(LOST));
            assert_eq!(known.begin_anew(), allowed);
            assert_eq!(known.is_lost(), !allowed);
            entry = told(&known, "second");
        }
    }
}
