//! What is plugged in where, and how that changes while calls run.
//!
//! A [`Slot`] is one use of a component: the voice of some routes, a persona with the settings of one of
//! them. What is in it, a [`Plug`], is exchanged at once for everybody; a call moves to the new one where
//! it can without losing anything (`calls/providers`), and keeps the one that it has until then.
//!
//! - `loading.rs`: what routes and calls want, each loaded once
//! - `swapping.rs`: another build in the place of one that calls use; the way back
//! - `folder.rs`: builds that appear in the folder of components
//! - `share.rs`: which calls try a new build first
//! - `trial.rs`: whether a new build is worse than the one before it
//! - `chain.rs`: who stands in for whom
//! - `breaker.rs`: who is not asked for a while
//! - `report.rs`: all this, for those who want to see it

mod breaker;
mod chain;
mod folder;
mod loading;
mod report;
mod share;
mod swapping;
mod trial;

pub use breaker::Breaker;
pub use chain::Chain;
pub use folder::watch;
pub use loading::Loader;
pub use report::{Component, report};
pub use share::{Share, Who};
pub use swapping::{Swapped, Unswapped, read};

use crate::personas::Named;
use crate::vitals::Vital;
use arc_swap::ArcSwap;
use components::Generation;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use trial::Trial;

/// One use of a component.
pub struct Slot {
    /// what it goes by: the component's id, or the name that the operator gave this use of it
    name: String,
    named: Named,
    plugged: ArcSwap<Plugged>,
    pub vital: Arc<Vital>,
    pub breaker: Breaker,
}

/// What is in a slot.
#[derive(Clone)]
struct Plugged {
    current: Arc<Plug>,
    /// tried by some of the calls
    canary: Option<(Arc<Plug>, Share)>,
    /// what `current` replaced, while it may turn out to have been better
    previous: Option<Arc<Plug>>,
}

/// A build of the component, ready for sessions.
pub struct Plug {
    pub generation: Arc<Generation>,
    /// counts those of its slot, from 1
    pub number: u32,
    pub since: jiff::Timestamp,
    trial: Trial,
    calls: AtomicU32,
    /// calls that cannot leave it, and why
    pinned: Mutex<BTreeMap<String, String>>,
}

impl Slot {
    fn new(named: Named, generation: Arc<Generation>, vital: Arc<Vital>) -> Self {
        let name = generation.id().to_owned();
        let current = Arc::new(Plug::new(generation, 1));
        let plugged = Plugged { current, canary: None, previous: None };
        plugged.in_use().for_each(|generation| generation.expect_sessions(true));
        let plugged = ArcSwap::from_pointee(plugged);
        Self { name, named, plugged, vital, breaker: Breaker::default() }
    }

    pub fn id(&self) -> &str {
        &self.name
    }

    /// What new calls get that try nothing new.
    pub fn current(&self) -> Arc<Plug> {
        self.plugged.load().current.clone()
    }

    /// What this call gets.
    pub fn pick(&self, who: &Who) -> Arc<Plug> {
        let plugged = self.plugged.load();
        match &plugged.canary {
            Some((canary, share)) if share.takes(who) => canary.clone(),
            _ => plugged.current.clone(),
        }
    }

    /// Whether this call would get it now. Costs next to nothing: it is asked all the time.
    pub fn is_picked(&self, plug: &Arc<Plug>, who: &Who) -> bool {
        let plugged = self.plugged.load();
        match &plugged.canary {
            Some((canary, share)) if share.takes(who) => Arc::ptr_eq(canary, plug),
            _ => Arc::ptr_eq(&plugged.current, plug),
        }
    }

    /// From here on this is in it. Only of what calls get is anything made before they need it: not of what is
    /// kept to go back to, nor of what calls are about to leave.
    fn put(&self, plugged: Plugged) {
        let plugged = Arc::new(plugged);
        let before = self.plugged.swap(plugged.clone());
        for generation in before.in_use() {
            if plugged.in_use().all(|kept| !Arc::ptr_eq(kept, generation)) {
                generation.expect_sessions(false);
            }
        }
        plugged.in_use().for_each(|generation| generation.expect_sessions(true));
    }
}

impl Plugged {
    /// What calls get that come now.
    fn in_use(&self) -> impl Iterator<Item = &Arc<Generation>> {
        let canary = self.canary.iter().map(|(canary, _)| canary);
        [&self.current].into_iter().chain(canary).map(|plug| &plug.generation)
    }
}

impl Plug {
    fn new(generation: Arc<Generation>, number: u32) -> Self {
        Self {
            generation,
            number,
            since: jiff::Timestamp::now(),
            trial: Trial::default(),
            calls: AtomicU32::new(0),
            pinned: Mutex::default(),
        }
    }

    /// A session of it is opened.
    pub fn opens(&self) -> &Arc<Generation> {
        self.trial.began();
        &self.generation
    }

    /// A call cannot leave it, and why.
    pub fn pin(&self, call: &str, why: &str) {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.insert(call.to_owned(), why.to_owned());
    }
}

/// A call has it in use.
pub struct Using {
    plug: Arc<Plug>,
    call: String,
}

impl Using {
    pub fn new(plug: Arc<Plug>, call: &str) -> Self {
        plug.calls.fetch_add(1, Ordering::Relaxed);
        Self { plug, call: call.to_owned() }
    }
}

impl std::ops::Deref for Using {
    type Target = Arc<Plug>;

    fn deref(&self) -> &Arc<Plug> {
        &self.plug
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        self.plug.calls.fetch_sub(1, Ordering::Relaxed);
        self.plug.pinned.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.call);
    }
}
