//! The caller speaks over the agent (DESIGN, rule 3).
//!
//! A sound is no word yet: the agent waits as soon as it hears one, and goes on where it was if no
//! word comes of it. Words end the reply.

use super::background::CERTAIN;
use super::hearing::Run;
use super::wording;
use crate::Moment;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct BargeIn {
    /// A sound over the agent's speech must last this long before the agent waits.
    pub min_duration: Duration,
    /// So many words end the reply; fewer are kept, and are part of the next turn.
    pub min_words: usize,
    /// The agent goes on when no words come; else any sound ends the reply.
    pub resume: bool,
    /// How long words may take to come after the sound has ended.
    pub timeout: Duration,
    /// How long after the agent begins to speak a sound may be its own echo: then only words count.
    pub echo: Duration,
}

impl Default for BargeIn {
    fn default() -> Self {
        Self {
            min_duration: Duration::from_millis(64),
            min_words: 1,
            resume: true,
            timeout: Duration::from_secs(1),
            echo: Duration::from_millis(400),
        }
    }
}

/// A sound that never ends and never becomes words is none of the caller's: after this long the
/// agent speaks again.
pub(super) const LONGEST_WITHOUT_WORDS: Duration = Duration::from_secs(8);

impl BargeIn {
    /// Until when the agent waits for words because of this sound, if none come; none: it does not
    /// wait, or no longer.
    pub(super) fn waits_until(&self, now: Moment, run: Option<Run>, length: Duration) -> Option<Moment> {
        let counts = |run: &Run| !run.echo && run.stands_out >= CERTAIN && length >= self.min_duration;
        let run = run.filter(counts)?;
        let longest = run.began + LONGEST_WITHOUT_WORDS;
        let until = run.ended.map_or(longest, |ended| (ended + self.timeout).min(longest + self.timeout));
        (now < until).then_some(until)
    }

    /// Whether these words end the reply.
    pub(super) fn is_confirmed_by(&self, words: &str) -> bool {
        wording::count(words) >= self.min_words.max(1) && !wording::is_backchannel(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::since_start(Duration::from_millis(ms))
    }

    #[test]
    fn a_sound_is_waited_for_and_then_no_longer() {
        let barge_in = BargeIn::default();
        let run = |ended: Option<u64>| {
            Some(Run { began: at(1000), ended: ended.map(at), echo: false, stands_out: 20.0 })
        };
        let waits = |now, run, length| barge_in.waits_until(at(now), run, Duration::from_millis(length));
        assert_eq!(waits(1032, run(None), 32), None, "too short to be anything");
        assert_eq!(waits(1064, run(None), 64), Some(at(9000)));
        assert_eq!(waits(9000, run(None), 8000), None, "a sound without end is not waited for");
        assert_eq!(waits(1500, run(Some(1400)), 400), Some(at(2400)));
        assert_eq!(waits(2400, run(Some(1400)), 400), None);
        let echo = Some(Run { began: at(1000), ended: None, echo: true, stands_out: 20.0 });
        assert_eq!(waits(1100, echo, 100), None);
        let babble = Some(Run { began: at(1000), ended: None, echo: false, stands_out: 5.0 });
        assert_eq!(waits(1100, babble, 100), None);
    }

    #[test]
    fn humming_and_too_few_words_do_not_end_a_reply() {
        let barge_in = BargeIn { min_words: 2, ..BargeIn::default() };
        assert!(!barge_in.is_confirmed_by("wait"));
        assert!(barge_in.is_confirmed_by("wait a moment"));
        assert!(!BargeIn::default().is_confirmed_by("mm-hm"));
        assert!(BargeIn::default().is_confirmed_by("no"));
    }
}
