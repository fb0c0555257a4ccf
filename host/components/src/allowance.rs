//! How much of a processor a session may take over time.
//!
//! The limit of one call alone would let a session that is called all the time take a processor for
//! itself: with timers, with requests that answer at once, with a voice that says nothing but that
//! there is more. So a session gains a quarter of the time that goes by, and keeps at most five times
//! what one call may take. It begins with that much, for what a language's runtime does at first.

use std::time::{Duration, Instant};

/// It gains one part of so many of the time that goes by.
const SHARE: u32 = 4;
/// What is not taken is kept up to so many calls.
const CALLS: u32 = 5;

pub(crate) struct Allowance {
    most: Duration,
    /// what of it is taken at the moment; more than all of it where the last call was too long
    taken: Duration,
    since: Instant,
}

impl Allowance {
    /// `call`: what one call may take.
    pub(crate) fn new(call: Duration, now: Instant) -> Self {
        Self { most: call * CALLS, taken: Duration::ZERO, since: now }
    }

    /// What may be taken at this moment.
    pub(crate) fn left(&mut self, now: Instant) -> Duration {
        let gained = now.saturating_duration_since(self.since) / SHARE;
        self.taken = self.taken.saturating_sub(gained);
        self.since = now;
        self.most.saturating_sub(self.taken)
    }

    pub(crate) fn take(&mut self, computed: Duration) {
        self.taken = self.taken.saturating_add(computed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Duration = Duration::from_millis(50);

    /// When one is ended of which each call computes for so long, and is followed by such a pause;
    /// none: it is not, in all this time.
    fn ends_after(computes: Duration, pause: Duration, time: Duration) -> Option<Duration> {
        let began = Instant::now();
        let mut allowance = Allowance::new(CALL, began);
        let mut passed = Duration::ZERO;
        while passed < time {
            if allowance.left(began + passed).is_zero() {
                return Some(passed);
            }
            passed += computes;
            allowance.take(computes);
            passed += pause;
        }
        None
    }

    #[test]
    fn one_that_computes_all_the_time_is_ended_soon() {
        let ended = ends_after(Duration::from_millis(5), Duration::ZERO, Duration::from_secs(60)).unwrap();
        assert!(ended < Duration::from_millis(500), "{ended:?}");
        // not for long, but all the time: a timer of ten milliseconds
        let ms = Duration::from_millis;
        assert!(ends_after(ms(6), ms(4), ms(60_000)).is_some_and(|ended| ended < ms(1000)));
    }

    #[test]
    fn a_quarter_of_the_time_and_a_burst_are_no_trouble() {
        let ms = Duration::from_millis;
        assert_eq!(ends_after(ms(2), ms(8), ms(600_000)), None);
        assert_eq!(ends_after(ms(49), ms(200), ms(600_000)), None);
        assert_eq!(ends_after(ms(49), Duration::ZERO, ms(240)), None, "five calls at their limit");
    }
}
