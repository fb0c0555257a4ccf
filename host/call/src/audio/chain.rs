//! Whether another provider is tried in place of one that failed (DESIGN, rule 8).
//!
//! The operator may name several, one to be tried after the other; which of them is opened is for
//! the driver to say. A lone one is opened once more if its failure may pass. Of several, each may
//! fail once within the time in which a chain counts as one attempt to go on, for whatever reason:
//! another may have the key, the credit or the language that this one had not.

use crate::{Failure, Moment};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Chain {
    providers: usize,
    /// failures that lie further apart have nothing to do with each other
    within: Duration,
    failures: VecDeque<Moment>,
}

impl Chain {
    /// `silence`: after which a provider has failed; a chain whose every provider is silent until
    /// then must come to its end all the same.
    pub(super) fn new(providers: u32, within: Duration, silence: Duration) -> Self {
        let all_silent = silence.saturating_mul(providers.saturating_add(1));
        Self {
            providers: providers.max(1) as usize,
            within: within.max(all_silent),
            failures: VecDeque::new(),
        }
    }

    /// There are others than the one in hand.
    pub(super) fn has_several(&self) -> bool {
        self.providers > 1
    }

    /// The provider in hand has failed. Whether the next is opened.
    pub(super) fn goes_on(&mut self, now: Moment, failure: &Failure) -> bool {
        while self.failures.front().is_some_and(|failed| *failed + self.within <= now) {
            self.failures.pop_front();
        }
        let another_may_do_better = self.providers > 1 || failure.is_passing();
        let goes_on = another_may_do_better && self.failures.len() < self.providers;
        if goes_on {
            self.failures.push_back(now);
        }
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    const WITHIN: Duration = Duration::from_secs(20);
    const SILENCE: Duration = Duration::from_secs(5);

    fn at(seconds: u64) -> Moment {
        Moment::since_start(Duration::from_secs(seconds))
    }

    fn passing() -> Failure {
        Failure::new(Cause::Busy, "simulated")
    }

    fn refused() -> Failure {
        Failure::new(Cause::Denied, "simulated")
    }

    #[test]
    fn a_lone_provider_is_opened_once_more_if_that_may_help() {
        let mut chain = Chain::new(1, WITHIN, SILENCE);
        assert!(!chain.goes_on(at(0), &refused()));
        assert!(chain.goes_on(at(1), &passing()));
        assert!(!chain.goes_on(at(20), &passing()));
        assert!(chain.goes_on(at(21), &passing()), "that was long ago");
    }

    #[test]
    fn of_several_each_may_fail_once_for_whatever_reason() {
        let mut chain = Chain::new(2, WITHIN, SILENCE);
        assert!(chain.goes_on(at(0), &refused()));
        assert!(chain.goes_on(at(1), &passing()));
        assert!(!chain.goes_on(at(2), &passing()));
    }

    #[test]
    fn a_long_chain_of_silent_ones_is_not_gone_round_for_ever() {
        let mut chain = Chain::new(6, WITHIN, SILENCE);
        let opened = (1..100).take_while(|n| chain.goes_on(at(5 * n), &passing())).count();
        assert_eq!(opened, 6);
    }
}
