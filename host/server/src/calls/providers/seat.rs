//! Who does a job in one call: one of a chain, in one of its builds; and who does it when that one fails.

use super::Around;
use crate::slots::{Chain, Plug, Slot, Using, Who};
use call::{Cause, Failure, Moment};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whoever failed so long ago may do better by now.
const LATELY: Duration = Duration::from_secs(20);

pub(super) struct Seat<'a> {
    chain: &'a Chain,
    at: usize,
    slot: Arc<Slot>,
    using: Using,
    /// who failed in this call, and when; the one that did so last is the last
    failed: Vec<(usize, Moment)>,
}

impl<'a> Seat<'a> {
    /// None: nobody does this.
    pub(super) fn new(chain: &'a Chain, who: &Who) -> Option<Self> {
        let at = chain.peek(Instant::now(), &[]);
        let slot = chain.get(at)?.clone();
        let using = Using::new(slot.pick(who), &who.call);
        Some(Self { chain, at, slot, using, failed: Vec::new() })
    }

    pub(super) fn id(&self) -> &str {
        self.slot.id()
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub(super) fn plug(&self) -> &Arc<Plug> {
        &self.using
    }

    /// Which of the chain.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether it is still what this call would get.
    pub(super) fn is_current(&self, who: &Who) -> bool {
        self.slot.is_picked(&self.using, who)
    }

    /// Takes whoever is to begin a session now.
    pub(super) fn take(&mut self, now: Moment, around: &mut Around<'a>, stage: &'static str) {
        let at = self.choose(now);
        let (old, old_plug) = (self.slot.clone(), self.using.clone());
        if let Some(slot) = self.chain.get(at) {
            (self.at, self.slot) = (at, slot.clone());
        }
        // every session counts
        self.using = Using::new(self.slot.pick(&around.who), &around.who.call);
        if old.id() != self.slot.id() {
            around.failed_over(stage, old.id(), self.slot.id());
        } else if !Arc::ptr_eq(&old_plug, &self.using) {
            around.exchanged(stage, self.slot.id(), &self.using);
        }
    }

    /// Who would take over if this one failed now; none: it is the only one.
    pub(super) fn next(&self, now: Moment) -> Option<(usize, Arc<Slot>)> {
        let mut failed = self.lately(now);
        failed.push(self.at);
        let at = self.chain.peek(Instant::now(), &failed);
        let slot = self.chain.get(at).filter(|_| at != self.at)?;
        Some((at, slot.clone()))
    }

    /// Goes on with another build of the same.
    pub(super) fn exchange(&mut self, using: Using) {
        self.using = using;
    }

    /// It did what it is for.
    pub(super) fn works(&self) {
        works(&self.slot);
    }

    /// It failed; `broke`: through its own fault, not its vendor's.
    pub(super) fn fails(&mut self, now: Moment, failure: &Failure, broke: Option<&str>, around: &Around<'a>) {
        self.failed.retain(|(at, _)| *at != self.at);
        self.failed.push((self.at, now));
        fails(&self.slot, &self.using, failure, broke, around);
    }

    /// It kept the call waiting for longer than it may, or did not finish: the call found out. Whoever is to
    /// blame, a new build that does so is no better than the one before.
    pub(super) fn was_silent(&mut self, now: Moment, what: &str, around: &Around<'a>) {
        self.fails(now, &Failure::new(Cause::Unreachable, what), None, around);
        around.loader.failed(&self.slot, &self.using, what);
    }

    fn choose(&self, now: Moment) -> usize {
        self.chain.choose(Instant::now(), &self.lately(now))
    }

    fn lately(&self, now: Moment) -> Vec<usize> {
        let lately = self.failed.iter().filter(|(_, when)| now.since(*when) < LATELY);
        lately.map(|(at, _)| *at).collect()
    }
}

/// It did what it is for.
pub(super) fn works(slot: &Slot) {
    slot.vital.works();
    slot.breaker.works();
}

/// It failed; `broke`: through its own fault, not its vendor's.
pub(super) fn fails(
    slot: &Slot,
    plug: &Arc<Plug>,
    failure: &Failure,
    broke: Option<&str>,
    around: &Around<'_>,
) {
    let why = failure.to_string();
    slot.vital.fails(&why);
    match broke {
        Some(how) => slot.breaker.breaks(Instant::now(), how),
        None => slot.breaker.fails(Instant::now(), failure),
    }
    // that its vendor is away, or does not want us, is no fault of the build
    let is_vendors = matches!(failure.cause, Cause::Unreachable | Cause::Busy | Cause::Denied);
    if broke.is_some() || !is_vendors {
        around.loader.failed(slot, plug, &why);
    }
}
