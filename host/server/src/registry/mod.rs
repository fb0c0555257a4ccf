//! The calls that this host knows: those that are announced, live, and over since a while.
//!
//! A call has Twilio's name, its CallSid, or, while Twilio has not told that yet, one of ours; it is
//! found under both. What Twilio says of a call that is not known here is kept all the same: it may
//! come before the stream, or after the end.

mod event;
mod known;
mod sharing;
mod view;

pub use event::{Event, What};
pub use known::{ANNOUNCED, Attached, Control, Dialled, Known, Live, Next, NotLive, Order, Pending};
pub use sharing::{Changes, Entry, Phase};
pub use view::{View, departure_name, direction_name, direction_of};

use call::persona::Direction;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use twilio::webhook::Webhook;

/// A call that is over is known for so long.
const KEPT: Duration = Duration::from_secs(3600);
/// Of those that are over, so many are known.
const MOST_OVER: usize = 10_000;
/// After so many new ones, those that need not be known any more are looked for.
const TIDY_EVERY: usize = 256;

#[derive(Default)]
pub struct Registry {
    index: Mutex<Index>,
    /// where other nodes are told; empty: there are none
    changes: OnceLock<Changes>,
}

#[derive(Default)]
struct Index {
    /// by Twilio's name and by ours
    calls: HashMap<String, Arc<Known>>,
    inserted: usize,
}

impl Registry {
    /// From now on other nodes are told what changes.
    pub fn share(&self, changes: Changes) {
        // a second time changes nothing
        let _ = self.changes.set(changes);
    }

    /// The call of this name, Twilio's or ours.
    pub fn find(&self, name: &str) -> Option<Arc<Known>> {
        self.index().calls.get(name).cloned()
    }

    /// The call that Twilio speaks of, also if it was not known; `own`: what we called it in the URL.
    /// None: Twilio does not say which call.
    pub fn told(&self, webhook: &Webhook, own: Option<&str>) -> Option<Arc<Known>> {
        let mut index = self.index();
        let sid = webhook.call_sid.as_deref();
        let known = [own, sid].into_iter().flatten().find_map(|name| index.calls.get(name).cloned());
        // a name of ours that is not known is another node's, or was before a restart
        let name = sid.or(own)?;
        let known = known.unwrap_or_else(|| {
            let known = Known::new(name, direction(webhook), self.changes.get());
            index.insert(name, known)
        });
        if let Some(sid) = sid
            && known.set_sid(sid)
        {
            index.calls.insert(sid.to_owned(), known.clone());
        }
        drop(index);
        known.learn(webhook);
        Some(known)
    }

    /// A call that we are about to place.
    pub fn dial(&self, name: &str, dialled: Dialled) -> Arc<Known> {
        let known = Known::new(name, Direction::Outbound, self.changes.get());
        known.dialled(dialled);
        self.index().insert(name, known)
    }

    /// Twilio's name for it has become known.
    pub fn bind(&self, known: &Arc<Known>, sid: &str) {
        if known.set_sid(sid) {
            self.index().calls.insert(sid.to_owned(), known.clone());
        }
    }

    /// A stream says that it is this call's.
    pub fn streamed(&self, sid: &str, direction: Direction) -> Arc<Known> {
        let mut index = self.index();
        match index.calls.get(sid) {
            Some(known) => known.clone(),
            None => index.insert(sid, Known::new(sid, direction, self.changes.get())),
        }
    }

    /// A call that another node had is this one's, unless it is already.
    pub fn take_over(&self, entry: &Entry) -> Arc<Known> {
        let mut index = self.index();
        let here = entry.names().find_map(|name| index.calls.get(name));
        // of two requests at once the second finds what the first has made of it
        if let Some(here) = here.filter(|here| here.is_settled() || here.epoch() > entry.epoch) {
            return here.clone();
        }
        let known = index.insert(&entry.view.id, Known::taken_over(entry, self.changes.get()));
        for name in entry.names() {
            index.calls.insert(name.to_owned(), known.clone());
        }
        drop(index);
        known.changed();
        known
    }

    /// Another node has it.
    pub fn release(&self, known: &Arc<Known>) {
        self.index().calls.retain(|_, other| !Arc::ptr_eq(other, known));
    }

    /// Every call, each once, the oldest first.
    pub fn all(&self) -> Vec<Arc<Known>> {
        let index = self.index();
        let mut calls: Vec<Arc<Known>> = index
            .calls
            .iter()
            .filter(|(name, known)| **name == known.id)
            .map(|(_, known)| known.clone())
            .collect();
        drop(index);
        calls.sort_by_key(|known| known.created);
        calls
    }

    /// How many calls there are, with those whose stream is about to come.
    pub fn count(&self) -> usize {
        self.index().how_many(Known::takes_a_place)
    }

    /// How many were begun from the console, and nobody has come to hold them.
    pub fn waiting_in_console(&self) -> usize {
        self.index().how_many(Known::waits_in_console)
    }

    /// How many calls have a conversation.
    pub fn live(&self) -> usize {
        self.index().how_many(Known::is_live)
    }

    /// Whether Twilio is about to ask what follows on a stream that has ended so recently.
    pub fn awaits_questions(&self, within: Duration) -> bool {
        self.index().how_many(|known| known.awaits_question(within)) > 0
    }

    /// Twilio's names for the calls that we placed and that nobody has picked up yet.
    pub fn ringing(&self) -> Vec<String> {
        self.index().calls.values().filter_map(|known| known.rings()).collect()
    }

    /// How many of our own making there are.
    pub fn placed(&self) -> usize {
        self.index().how_many(Known::is_placed)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // a map that somebody left in the middle of an insertion is still a map
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// Each call once, though it may have two names.
    fn how_many(&self, of: impl Fn(&Known) -> bool) -> usize {
        self.calls.iter().filter(|(name, known)| **name == known.id && of(known)).count()
    }

    fn insert(&mut self, name: &str, known: Known) -> Arc<Known> {
        self.inserted = self.inserted.wrapping_add(1);
        if self.inserted.is_multiple_of(TIDY_EVERY) {
            self.tidy();
        }
        let known = Arc::new(known);
        self.calls.insert(name.to_owned(), known.clone());
        known
    }

    /// Forgets what has been over for long, and the oldest where there are too many.
    fn tidy(&mut self) {
        let now = jiff::Timestamp::now();
        let age = |known: &Known| {
            let over = known.forgettable_since()?;
            Some(Duration::try_from(now.duration_since(over)).unwrap_or_default())
        };
        self.calls.retain(|_, known| age(known).is_none_or(|age| age < KEPT));
        if self.calls.values().filter(|known| age(known).is_some()).count() > MOST_OVER {
            let mut over: Vec<(Duration, String)> =
                self.calls.iter().filter_map(|(name, known)| Some((age(known)?, name.clone()))).collect();
            over.sort_unstable_by(|a, b| b.cmp(a));
            // a good part of them at once: sorting is not for every call
            for (_, name) in over.iter().take(over.len() - MOST_OVER / 2) {
                self.calls.remove(name);
            }
        }
    }
}

fn direction(webhook: &Webhook) -> Direction {
    direction_of(webhook.direction.as_ref().is_some_and(twilio::status::Direction::is_outbound))
}
