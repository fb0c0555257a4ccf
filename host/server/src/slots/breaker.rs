//! A circuit breaker: a provider that fails call after call is not asked for a while, where another can
//! stand in for it. Then one call tries it again; if that goes well, everybody does.

use call::{Cause, Failure};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row, with nothing that went well in between.
const IN_A_ROW: u32 = 3;
/// How long it is not asked then; twice as long after every trial that fails.
const FIRST_REST: Duration = Duration::from_secs(10);
/// Nobody who wants to be left alone is asked again at once.
const FIRST_WISH: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(300);
/// A component that breaks so often within so long is evicted.
const BREAKS: usize = 5;
const BREAKS_WITHIN: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Breaker {
    /// something is wrong: readable without waiting
    troubled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// failures in a row
    failures: u32,
    /// none: it is asked
    rest: Option<Rest>,
    /// when it broke
    breaks: VecDeque<Instant>,
}

struct Rest {
    until: Instant,
    length: Duration,
    /// one call tries it
    trying: bool,
    reason: String,
    evicted: bool,
}

/// Why somebody is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resting {
    pub reason: String,
    /// it broke too often itself
    pub evicted: bool,
    /// until it is tried again; none: it is being tried, or the next call tries it
    pub left: Option<Duration>,
}

impl Breaker {
    /// Whether it may be asked. Of those who ask once its rest is over, the first tries it.
    pub fn allows(&self, now: Instant) -> bool {
        if !self.troubled.load(Ordering::Relaxed) {
            return true;
        }
        let mut state = self.state();
        let Some(rest) = &mut state.rest else { return true };
        if now < rest.until {
            return false;
        }
        // the others wait for the verdict, and for another trial if there is none
        (rest.until, rest.trying) = (now + rest.length, true);
        true
    }

    /// Whether it might be asked, without asking it.
    pub fn would_allow(&self, now: Instant) -> bool {
        !self.troubled.load(Ordering::Relaxed)
            || self.state().rest.as_ref().is_none_or(|rest| now >= rest.until)
    }

    /// It did what it is for. What a session that was open before does well says nothing of those that are
    /// opened now: only a trial ends a rest.
    pub fn works(&self) {
        if self.troubled.load(Ordering::Relaxed) {
            let mut state = self.state();
            state.failures = 0;
            if state.rest.as_ref().is_none_or(|rest| rest.trying) {
                state.rest = None;
                self.troubled.store(false, Ordering::Relaxed);
            }
        }
    }

    /// It failed, which its vendor may be to blame for.
    pub fn fails(&self, now: Instant, failure: &Failure) {
        let mut state = self.state();
        self.troubled.store(true, Ordering::Relaxed);
        state.failures = state.failures.saturating_add(1);
        // a vendor that says when it wants to be asked again is not asked before
        let wished = failure.retry_after;
        // and one that does not know our key will not know it in the next call
        let hopeless = matches!(failure.cause, Cause::Denied | Cause::Misconfigured);
        if state.rest.is_some() || state.failures >= IN_A_ROW || hopeless || wished.is_some() {
            state.begin_rest(now, wished, failure.to_string(), false);
        }
    }

    /// It broke: it trapped, or took what it must not.
    pub fn breaks(&self, now: Instant, how: &str) {
        let mut state = self.state();
        self.troubled.store(true, Ordering::Relaxed);
        state.failures = state.failures.saturating_add(1);
        state.breaks.push_back(now);
        while state.breaks.front().is_some_and(|first| *first + BREAKS_WITHIN < now) {
            state.breaks.pop_front();
        }
        let evicted = state.breaks.len() >= BREAKS;
        if evicted || state.rest.is_some() || state.failures >= IN_A_ROW {
            let reason = match evicted {
                true => format!("it broke {} times within a minute, last: {how}", state.breaks.len()),
                false => how.to_owned(),
            };
            state.begin_rest(now, evicted.then_some(LONGEST_REST), reason, evicted);
        }
    }

    /// Another build is in its place: what was known of it does not count any more.
    pub fn forget(&self) {
        *self.state() = State::default();
        self.troubled.store(false, Ordering::Relaxed);
    }

    /// Why it is not asked; none: it is.
    pub fn resting(&self, now: Instant) -> Option<Resting> {
        let state = self.state();
        let rest = state.rest.as_ref()?;
        let left = rest.until.checked_duration_since(now).filter(|left| !left.is_zero());
        Some(Resting { reason: rest.reason.clone(), evicted: rest.evicted, left })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin_rest(&mut self, now: Instant, wished: Option<Duration>, reason: String, evicted: bool) {
        let length = match (&self.rest, wished) {
            (_, Some(wished)) => wished.max(FIRST_WISH),
            (Some(rest), None) if rest.trying || rest.until <= now => rest.length * 2,
            // sessions that were open when it was told of first
            (Some(_), None) => return,
            (None, None) => FIRST_REST,
        };
        let length = length.min(LONGEST_REST);
        let evicted = evicted || self.rest.as_ref().is_some_and(|rest| rest.evicted);
        // what is over later stays so
        let before = self.rest.as_ref().filter(|rest| !rest.trying).map(|rest| rest.until);
        let until = before.map_or(now + length, |before| before.max(now + length));
        self.rest = Some(Rest { until, length, trying: false, reason, evicted });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn three_failures_in_a_row_and_it_rests_then_one_call_tries_it() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let away = Failure::new(Cause::Unreachable, "no route");
        breaker.fails(start, &away);
        breaker.fails(start, &away);
        breaker.works();
        breaker.fails(start, &away);
        breaker.fails(start, &away);
        assert!(breaker.allows(start), "it worked in between");
        breaker.fails(start, &away);
        assert!(!breaker.allows(start + seconds(9)));
        assert_eq!(breaker.resting(start + seconds(9)).unwrap().left, Some(seconds(1)));
        assert!(breaker.allows(start + seconds(10)));
        assert!(!breaker.allows(start + seconds(10)), "one tries it, the others wait");
        breaker.works();
        assert!(breaker.allows(start + seconds(10)));
        assert_eq!(breaker.resting(start + seconds(10)), None);
    }

    #[test]
    fn a_trial_that_fails_makes_the_rest_longer() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let away = Failure::new(Cause::Unreachable, "no route");
        for _ in 0..3 {
            breaker.fails(start, &away);
        }
        // a session that was open all the time
        breaker.fails(start + seconds(1), &away);
        assert!(breaker.allows(start + seconds(10)));
        breaker.fails(start + seconds(11), &away);
        assert!(!breaker.allows(start + seconds(30)));
        assert!(breaker.allows(start + seconds(31)));
        // nothing is heard of that trial
        assert!(!breaker.allows(start + seconds(50)));
        assert!(breaker.allows(start + seconds(51)));
    }

    #[test]
    fn it_is_not_asked_before_it_wants_to_be_and_not_with_a_key_that_it_refused() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let busy = Failure { retry_after: Some(seconds(30)), ..Failure::new(Cause::Busy, "429") };
        breaker.fails(start, &busy);
        assert!(!breaker.allows(start + seconds(29)));
        // one that was open all the time
        breaker.works();
        assert!(!breaker.allows(start + seconds(29)));
        assert!(breaker.would_allow(start + seconds(30)) && breaker.allows(start + seconds(30)));
        breaker.works();
        breaker.fails(start, &Failure::new(Cause::Denied, "401"));
        assert!(!breaker.allows(start + seconds(1)));
    }

    #[test]
    fn what_keeps_breaking_is_evicted_until_another_build_comes() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for at in 0..5 {
            // what other sessions do well meanwhile does not count
            breaker.works();
            breaker.breaks(start + seconds(at), "it trapped: unreachable");
        }
        let resting = breaker.resting(start + seconds(6)).unwrap();
        assert!(resting.evicted && resting.reason.contains("broke 5 times"), "{resting:?}");
        breaker.works();
        assert!(!breaker.allows(start + seconds(200)));
        breaker.forget();
        assert!(breaker.allows(start + seconds(200)));
        // a minute apart is not keeping on
        for at in 0..5 {
            breaker.works();
            breaker.breaks(start + seconds(300 + 61 * at), "it trapped: unreachable");
        }
        assert_eq!(breaker.resting(start + seconds(700)), None);
    }
}
