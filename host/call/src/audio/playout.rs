//! What was sent to the caller, and how much of it has been played.
//!
//! The far end buffers what it is sent and plays it without a pause. So that a caller who cuts in
//! is not talked over by a full buffer, only a small lead is kept in it; so that it never runs
//! dry, the lead is refilled well before it is used up. The first frame goes out at once.
//!
//! How much has been played is known twice: certainly, by the marks that the far end returns, and
//! approximately, because it cannot have played more than the time since it was sent allows.
//! Positions are bytes of µ-law, 8 to a millisecond.

use crate::Moment;
use crate::line::UtteranceId;
use std::collections::VecDeque;
use std::time::Duration;

/// One frame: 20 ms.
pub(super) const FRAME: usize = 160;

/// How long so many bytes sound.
pub(super) fn duration(bytes: usize) -> Duration {
    audio::TELEPHONE.duration_of(bytes)
}

fn bytes(time: Duration) -> usize {
    audio::TELEPHONE.samples_in(time)
}

#[derive(Clone, Copy, Debug)]
pub struct Lead {
    /// refilled when less than this is left in the far end's buffer
    pub low: Duration,
    /// and filled up to this
    pub high: Duration,
}

impl Default for Lead {
    fn default() -> Self {
        Self { low: Duration::from_millis(200), high: Duration::from_millis(400) }
    }
}

#[derive(Debug)]
pub(super) struct Playout {
    lead: Lead,
    /// the buffer is being filled: until it is full, what comes goes out at once
    filling: bool,
    /// all bytes sent so far, without those that a clear took back
    sent: usize,
    /// when the last of them will have been played
    ends: Moment,
    /// when what is sounding now began to sound
    began: Moment,
    /// counts the clears: a mark of an earlier generation says nothing
    generation: u32,
    last_mark: u32,
    marks: VecDeque<Mark>,
}

#[derive(Debug)]
struct Mark {
    name: String,
    utterance: UtteranceId,
    /// bytes of that utterance which lie before it
    position: usize,
}

impl Playout {
    pub(super) fn new(lead: Lead) -> Self {
        Self {
            lead,
            filling: true,
            sent: 0,
            ends: Moment::START,
            began: Moment::START,
            generation: 0,
            last_mark: 0,
            marks: VecDeque::new(),
        }
    }

    /// How many bytes may be sent now, whole frames of them; 0: not yet.
    pub(super) fn room(&self, now: Moment) -> usize {
        let buffered = self.ends.since(now);
        let room = bytes(self.lead.high.saturating_sub(buffered));
        let room = room - room % FRAME;
        if self.filling || buffered < self.lead.low { room } else { 0 }
    }

    /// When there will be room again.
    pub(super) fn room_at(&self) -> Moment {
        // an instant later than exactly `low`
        self.ends - self.lead.low + Duration::from_millis(1)
    }

    /// Whether there is less in the far end's buffer than there should be.
    fn is_low(&self, now: Moment) -> bool {
        self.ends.since(now) < self.lead.low
    }

    /// Notes that so many bytes go out now; the mark to send behind them.
    pub(super) fn send(
        &mut self,
        now: Moment,
        utterance: UtteranceId,
        count: usize,
        position: usize,
    ) -> String {
        self.filling |= self.is_low(now);
        self.sent += count;
        if !self.is_sounding(now) {
            self.began = now;
        }
        self.ends = self.ends.max(now) + duration(count);
        self.filling &= self.ends.since(now) + duration(FRAME) <= self.lead.high;
        self.last_mark += 1;
        let name = format!("{}-{}", self.generation, self.last_mark);
        self.marks.push_back(Mark { name: name.clone(), utterance, position });
        name
    }

    /// All bytes sent so far.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    /// How many of them can have been played.
    pub(super) fn played(&self, now: Moment) -> usize {
        self.sent.saturating_sub(bytes(self.ends.since(now)))
    }

    /// When everything sent so far will have been played.
    pub(super) fn ends(&self) -> Moment {
        self.ends
    }

    /// Whether the caller hears something now.
    pub(super) fn is_sounding(&self, now: Moment) -> bool {
        self.ends > now
    }

    /// Since when, without a pause.
    pub(super) fn sounding_since(&self, now: Moment) -> Option<Moment> {
        self.is_sounding(now).then_some(self.began)
    }

    /// A mark came back: this utterance was played up to this position. None if the mark is not
    /// one of this generation.
    pub(super) fn acknowledged(&mut self, name: &str) -> Option<(UtteranceId, usize)> {
        let at = self.marks.iter().position(|mark| mark.name == name)?;
        let mark = self.marks.drain(..=at).next_back()?;
        Some((mark.utterance, mark.position))
    }

    /// The far end forgets what it has not played.
    pub(super) fn clear(&mut self, now: Moment) {
        self.sent = self.played(now);
        self.ends = self.ends.min(now);
        self.generation += 1;
        self.marks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const U: UtteranceId = UtteranceId(1);

    fn at(ms: u64) -> Moment {
        Moment::since_start(Duration::from_millis(ms))
    }

    #[test]
    fn the_first_frame_goes_at_once_then_the_lead_is_filled_and_kept() {
        let mut playout = Playout::new(Lead::default());
        let mut sent = Vec::new();
        let mut now = at(1000);
        let mut position = 0;
        while now < at(2000) {
            let mut room = playout.room(now);
            while room > 0 {
                let count = if playout.is_sounding(now) { room } else { FRAME };
                room -= count;
                position += count;
                playout.send(now, U, count, position);
                sent.push((now.to_string(), count / 8));
                let lead = playout.ends().since(now);
                assert!(lead <= Duration::from_millis(400), "{lead:?}");
            }
            now = playout.room_at();
        }
        assert_eq!(sent[0], ("1.000".into(), 20));
        assert_eq!(sent[1], ("1.000".into(), 380));
        assert_eq!(sent[2], ("1.201".into(), 200));
        assert_eq!(sent.len(), 6);
    }

    #[test]
    fn played_is_what_time_allows_and_starts_anew_when_the_buffer_ran_dry() {
        let mut playout = Playout::new(Lead::default());
        playout.send(at(0), U, 800, 800);
        assert_eq!(playout.played(at(40)), 320);
        assert_eq!(playout.played(at(500)), 800);
        playout.send(at(1000), U, 800, 1600);
        assert_eq!(playout.played(at(1050)), 1200);
    }

    #[test]
    fn marks_count_in_their_own_generation_only() {
        let mut playout = Playout::new(Lead::default());
        let first = playout.send(at(0), U, 160, 160);
        let second = playout.send(at(0), U, 800, 960);
        assert_eq!(playout.acknowledged(&first), Some((U, 160)));
        playout.clear(at(60));
        assert_eq!(playout.acknowledged(&second), None);
        assert_eq!(playout.played(at(60)), 480);
        assert_eq!(playout.played(at(9000)), 480);
        assert!(!playout.is_sounding(at(60)));
    }
}
