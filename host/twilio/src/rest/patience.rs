//! How long the client waits, and how often it tries.
//!
//! What was never sent, and what Twilio turned away unread (429), is tried again for every request. What
//! may have been done (a lost connection, a 5xx, an answer that nobody can read) is tried once more, and
//! only for requests that do the same twice as once. A call is never made twice.

use super::error::RestError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug)]
pub struct Patience {
    /// To connect: 5 s.
    pub connect: Duration,
    /// From the beginning of one request to the end of its answer: 10 s.
    pub request: Duration,
    /// So often at most, the first time included: 4.
    pub tries: u32,
    /// The pause after the first try, which doubles from then on: 500 ms.
    pub first_pause: Duration,
    /// No pause is longer, but for one that Twilio asks for: 4 s.
    pub longest_pause: Duration,
    /// No try begins later than this after the first: 8 s. A server that asks for a longer pause is not
    /// asked again; the error says how long it wants.
    pub all: Duration,
    pub jitter: Jitter,
}

/// Which share of a pause's second half is waited, from 0 to 1, so that not everybody comes back at
/// once. Random; a test brings its own.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

/// Whether a request may be made again that may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    Never,
    /// To do it twice is to do it once.
    Harmless,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(10),
            tries: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(4),
            all: Duration::from_secs(8),
            jitter: Jitter::new(fastrand::f64),
        }
    }
}

impl Patience {
    /// Tries until it is done, or there is no sense in trying, or too much time has gone by.
    pub(super) async fn run<T, F>(&self, repeat: Repeat, once: impl Fn() -> F) -> Result<T, RestError>
    where
        F: Future<Output = Result<T, RestError>>,
    {
        let began = Instant::now();
        let mut tries = 0;
        let mut unclear = None;
        loop {
            let error = match once().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            tries += 1;
            let pause = match sense(&error) {
                Sense::None => return Err(error),
                Sense::Unclear if repeat == Repeat::Never || unclear.is_some() => return Err(error),
                Sense::Undone | Sense::Unclear => self.pause(tries, began.elapsed(), error.retry_after()),
            };
            tracing::debug!(%error, tries, ?pause, "Twilio did not do it");
            if error.may_have_been_done() {
                unclear = Some(error.clone());
            }
            match pause {
                Some(pause) => sleep(pause).await,
                // that nothing came of the last try says nothing about the first
                None => return Err(unclear.unwrap_or(error)),
            }
        }
    }

    /// The pause after so many tries, if there is to be another one.
    fn pause(&self, tries: u32, elapsed: Duration, retry_after: Option<Duration>) -> Option<Duration> {
        if tries >= self.tries {
            return None;
        }
        let doubled = self.first_pause.saturating_mul(1 << (tries - 1).min(16));
        let half = doubled.min(self.longest_pause) / 2;
        let pause = half + self.jitter.of(half);
        // on top of what Twilio asks for: others were told the same
        let pause = pause.saturating_add(retry_after.unwrap_or_default());
        (elapsed.saturating_add(pause) <= self.all).then_some(pause)
    }
}

impl Jitter {
    pub fn new(share: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(share))
    }

    fn of(&self, length: Duration) -> Duration {
        let share = (self.0)().clamp(0.0, 1.0);
        // what is no number is no share
        Duration::try_from_secs_f64(length.as_secs_f64() * share).unwrap_or_default()
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

/// Whether there is any in trying again.
enum Sense {
    None,
    /// Nothing was done.
    Undone,
    /// It may have been done.
    Unclear,
}

fn sense(error: &RestError) -> Sense {
    match error {
        RestError::NotSent { .. } | RestError::Refused { status: 429, .. } => Sense::Undone,
        error if error.may_have_been_done() => Sense::Unclear,
        _ => Sense::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn patience(share: f64) -> Patience {
        Patience { jitter: Jitter::new(move || share), ..Patience::default() }
    }

    fn not_sent() -> RestError {
        RestError::NotSent { doing: "calling".into(), reason: "refused".into() }
    }

    fn lost() -> RestError {
        RestError::OutcomeUnknown { doing: "calling".into(), reason: "reset".into() }
    }

    fn refused(status: u16, retry_after: Option<u64>) -> RestError {
        RestError::Refused {
            doing: "calling".into(),
            status,
            code: None,
            message: String::new(),
            more_info: None,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// Goes wrong in these ways, and then well: how often it was tried, how long that took, how it went.
    async fn play(repeat: Repeat, wrong: Vec<RestError>) -> (usize, Duration, Result<(), RestError>) {
        let began = Instant::now();
        let count = RefCell::new(0);
        let wrong = RefCell::new(wrong.into_iter());
        let once = || {
            *count.borrow_mut() += 1;
            let next = wrong.borrow_mut().next();
            async move { next.map_or(Ok(()), Err) }
        };
        let done = patience(1.0).run(repeat, once).await;
        (count.into_inner(), began.elapsed(), done)
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_is_tried_four_times_with_pauses_that_double() {
        let (tries, time, done) = play(Repeat::Never, (0..9).map(|_| not_sent()).collect()).await;
        assert_eq!((tries, time), (4, MS(500 + 1000 + 2000)));
        assert!(matches!(done, Err(RestError::NotSent { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_requests_at_once_clear_up() {
        let (tries, time, done) = play(Repeat::Never, vec![refused(429, None), refused(429, None)]).await;
        assert_eq!((tries, time), (3, MS(1500)));
        assert!(done.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_may_have_been_made_is_not_made_again() {
        for error in [lost, || refused(500, None), || refused(503, Some(0))] {
            let (tries, time, done) = play(Repeat::Never, vec![error()]).await;
            assert_eq!((tries, time), (1, MS(0)));
            assert!(done.is_err());
        }
        let (tries, _, done) = play(Repeat::Never, vec![refused(429, None), lost()]).await;
        assert_eq!(tries, 2);
        assert!(matches!(done, Err(RestError::OutcomeUnknown { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_harmless_is_repeated_once() {
        let (tries, _, done) = play(Repeat::Harmless, vec![lost()]).await;
        assert_eq!((tries, done.is_ok()), (2, true));
        let (tries, _, done) = play(Repeat::Harmless, vec![refused(502, None), lost(), lost()]).await;
        assert_eq!(tries, 2);
        assert!(matches!(done, Err(RestError::OutcomeUnknown { .. })));
        let (tries, _, done) = play(Repeat::Harmless, vec![lost(), not_sent(), refused(429, None)]).await;
        assert_eq!((tries, done.is_ok()), (4, true));
        let (tries, _, done) = play(Repeat::Harmless, vec![lost(), not_sent(), not_sent(), not_sent()]).await;
        assert_eq!(tries, 4);
        assert!(matches!(done, Err(RestError::OutcomeUnknown { .. })), "the first may have been done");
    }

    #[tokio::test(start_paused = true)]
    async fn what_twilio_refuses_for_good_is_not_tried_again() {
        for status in [400, 401, 403, 404, 307] {
            let (tries, _, done) = play(Repeat::Harmless, vec![refused(status, Some(1))]).await;
            assert_eq!((tries, done.is_err()), (1, true));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_twilio_asks_for_is_made() {
        let (tries, time, done) = play(Repeat::Never, vec![refused(429, Some(3))]).await;
        assert_eq!((tries, time, done.is_ok()), (2, MS(3500), true));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_eight_seconds() {
        let (tries, time, done) = play(Repeat::Never, vec![refused(429, Some(60))]).await;
        assert_eq!((tries, time), (1, MS(0)));
        assert_eq!(done.unwrap_err().retry_after(), Some(Duration::from_secs(60)));
        let (tries, time, _) = play(Repeat::Never, (0..9).map(|_| refused(429, Some(3))).collect()).await;
        assert_eq!((tries, time), (3, MS(3500 + 4000)));
        let (tries, _, _) = play(Repeat::Never, vec![refused(429, Some(u64::MAX))]).await;
        assert_eq!(tries, 1);
    }

    #[test]
    fn at_least_half_of_a_pause_is_waited_whatever_the_jitter() {
        let pause = |share, tries| patience(share).pause(tries, Duration::ZERO, None).unwrap();
        assert_eq!([pause(0.0, 1), pause(0.5, 1), pause(1.0, 1)], [MS(250), MS(375), MS(500)]);
        assert_eq!([pause(0.0, 3), pause(1.0, 3)], [MS(1000), MS(2000)]);
        assert_eq!([pause(f64::NAN, 1), pause(-7.0, 1), pause(7.0, 1)], [MS(250), MS(250), MS(500)]);
        let many = Patience { tries: u32::MAX, ..patience(1.0) };
        assert_eq!(many.pause(4_000_000, Duration::ZERO, None), Some(MS(4000)));
    }

    #[test]
    fn the_usual_jitter_is_a_share() {
        let jitter = Patience::default().jitter;
        let shares: Vec<_> = (0..100).map(|_| jitter.of(MS(1000))).collect();
        assert!(shares.iter().all(|share| *share <= MS(1000)));
        assert!(shares.iter().any(|share| share != &shares[0]));
    }
}
