//! What a recogniser that is opened again has to hear once more (DESIGN, rule 8): the audio since
//! the last words that are certain, and never more than the last few seconds.

use std::collections::VecDeque;
use std::time::Duration;

/// 5 s of µ-law.
const MOST: usize = 40_000;
/// Replayed in pieces of this many bytes.
const PIECE: usize = 800;

#[derive(Debug, Default)]
pub(super) struct Replay {
    kept: VecDeque<u8>,
    /// bytes given to recognisers since the call began
    given: usize,
    /// where the session in hand began to hear
    session: usize,
    /// until where its words are certain
    settled: usize,
}

impl Replay {
    /// This goes to the recogniser now.
    pub(super) fn give(&mut self, audio: &[u8]) {
        self.given += audio.len();
        self.kept.extend(audio);
        let surplus = self.kept.len().saturating_sub(MOST);
        self.kept.drain(..surplus);
    }

    /// A final came that reaches so far into the session's audio; none: as far as was heard. Whether
    /// that is further than the one before.
    pub(super) fn settle(&mut self, until: Option<Duration>) -> bool {
        let bytes = |until| ::audio::TELEPHONE.samples_in(until);
        let until = until.map_or(self.given, |until| self.session.saturating_add(bytes(until)));
        let further = until > self.settled;
        self.settled = self.settled.max(until.min(self.given));
        further
    }

    /// A new session begins: what it has to hear first, in order.
    pub(super) fn reopen(&mut self) -> Vec<Vec<u8>> {
        let unsettled = (self.given - self.settled).min(self.kept.len());
        self.session = self.given - unsettled;
        self.settled = self.session;
        let audio: Vec<u8> = self.kept.iter().skip(self.kept.len() - unsettled).copied().collect();
        audio.chunks(PIECE).map(<[u8]>::to_vec).collect()
    }

    /// How long ago, in audio, the last certain words ended.
    #[cfg(test)]
    fn unsettled(&self) -> Duration {
        ::audio::TELEPHONE.duration_of(self.given - self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_new_session_hears_what_no_final_covers() {
        let mut replay = Replay::default();
        replay.give(&[1; 8000]);
        replay.settle(Some(ms(600)));
        replay.give(&[2; 8000]);
        assert_eq!(replay.unsettled(), ms(1400));
        let again = replay.reopen().concat();
        assert_eq!(again.len(), 1400 * 8);
        assert_eq!((again[0], again[3200]), (1, 2));
        // the new session counts from its own first frame, which is the first of the replay
        replay.settle(Some(ms(1000)));
        assert_eq!(replay.reopen().concat().len(), 400 * 8);
    }

    #[test]
    fn no_more_than_five_seconds_are_kept() {
        let mut replay = Replay::default();
        for _ in 0..100 {
            replay.give(&[0; 8000]);
        }
        assert_eq!(replay.reopen().concat().len(), MOST);
    }

    #[test]
    fn a_final_that_does_not_say_how_far_it_reaches_covers_everything() {
        let mut replay = Replay::default();
        replay.give(&[0; 8000]);
        replay.settle(None);
        assert!(replay.reopen().is_empty());
        // one that claims to reach further than was heard is not believed
        replay.give(&[0; 800]);
        replay.settle(Some(ms(60_000)));
        replay.give(&[0; 800]);
        assert_eq!(replay.reopen().concat().len(), 800);
    }
}
