//! Who stands in for whom: the providers of one kind, in the order in which they are wanted.

use super::Slot;
use std::sync::Arc;
use std::time::Instant;

/// The first of them that can be asked is; none in it: nobody does this.
#[derive(Clone, Default)]
pub struct Chain(Vec<Arc<Slot>>);

impl Chain {
    pub fn new(slots: Vec<Arc<Slot>>) -> Self {
        Self(slots)
    }

    pub fn first(&self) -> Option<&Arc<Slot>> {
        self.0.first()
    }

    pub fn get(&self, at: usize) -> Option<&Arc<Slot>> {
        self.0.get(at)
    }

    pub fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whose turn it is in a call in which `failed` have failed lately. If it is nobody's, whoever failed
    /// least lately is better than nobody.
    pub fn choose(&self, now: Instant, failed: &[usize]) -> usize {
        self.pick(failed, |slot| slot.breaker.allows(now))
    }

    /// Whose turn it would be.
    pub fn peek(&self, now: Instant, failed: &[usize]) -> usize {
        self.pick(failed, |slot| slot.breaker.would_allow(now))
    }

    fn pick(&self, failed: &[usize], allows: impl Fn(&Slot) -> bool) -> usize {
        let untried = |at: &usize| !failed.contains(at);
        let all = || 0..self.0.len();
        let allowed = |at: &usize| self.0.get(*at).is_some_and(|slot| allows(slot));
        all()
            .find(|at| untried(at) && allowed(at))
            .or_else(|| all().find(untried))
            .or_else(|| failed.first().copied())
            .unwrap_or_default()
    }

    /// In the order in which they are wanted, for a person.
    pub fn names(&self) -> String {
        match self.0.is_empty() {
            true => "none".into(),
            false => self.0.iter().map(|slot| slot.id()).collect::<Vec<_>>().join(", "),
        }
    }
}
