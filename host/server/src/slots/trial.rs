//! Whether a new build is worse than the one before it. For a while after it was plugged in, what breaks
//! or fails in it is counted; too much of that, and the one before it comes back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A build that has done well for so long stays.
const LASTS: Duration = Duration::from_secs(600);
/// So much that goes wrong can be chance.
const CHANCE: u32 = 3;
/// And so many of a hundred sessions.
const PERCENT: u32 = 10;

/// How a build does.
pub(super) struct Trial {
    /// with its first session
    began: OnceLock<Instant>,
    sessions: AtomicU32,
    failures: AtomicU32,
    last: Mutex<Option<String>>,
}

impl Default for Trial {
    fn default() -> Self {
        let (sessions, failures) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { began: OnceLock::new(), sessions, failures, last: Mutex::default() }
    }
}

impl Trial {
    /// A session of it was opened.
    pub(super) fn began(&self) {
        self.began.get_or_init(Instant::now);
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    /// Something went wrong; whether that is too much by now.
    pub(super) fn failed(&self, why: &str) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
        let is_new = self.began.get().is_none_or(|began| began.elapsed() < LASTS);
        is_new && is_too_much(failures, self.sessions.load(Ordering::Relaxed))
    }

    /// Sessions, how many of them failed, and how the last of these did.
    pub(super) fn so_far(&self) -> (u32, u32, Option<String>) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.sessions.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed), last)
    }
}

fn is_too_much(failures: u32, sessions: u32) -> bool {
    failures >= CHANCE && failures.saturating_mul(100) >= sessions.saturating_mul(PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_are_chance_and_a_tenth_of_all_sessions_is_not() {
        assert!(!is_too_much(2, 2));
        assert!(is_too_much(3, 3));
        assert!(is_too_much(3, 30));
        assert!(!is_too_much(3, 31));
        assert!(is_too_much(40, 400));
        let trial = Trial::default();
        for _ in 0..5 {
            trial.began();
        }
        let verdicts: Vec<bool> = (0..3).map(|_| trial.failed("it trapped")).collect();
        assert_eq!(verdicts, [false, false, true]);
        assert_eq!(trial.so_far(), (5, 3, Some("it trapped".into())));
    }
}
