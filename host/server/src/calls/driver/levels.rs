//! How loud caller and agent are, as it is heard on the line: what is sent ahead counts when it is played.

use super::Driver;
use crate::registry::{Event, What};
use call::Moment;
use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

/// One value is for so much.
const STEP: Duration = Duration::from_millis(20);
/// µ-law, 8 kHz.
const BYTES: usize = 160;
/// So many values are told at once.
const TOLD: usize = 10;
/// What nobody asked for in so long is not told afterwards.
const STALE: Duration = Duration::from_secs(2);
/// Frames tremble by so many.
const AHEAD: usize = 5;
/// Silence, in decibels below full scale.
const SILENCE: f32 = -60.0;

/// Square of a sample, full scale being 1.
static POWER: LazyLock<[f32; 256]> = LazyLock::new(|| {
    let sample = |byte: u8| f32::from(audio::g711::decode(byte)) / 32768.0;
    std::array::from_fn(|byte| u8::try_from(byte).map(|byte| sample(byte).powi(2)).unwrap_or_default())
});

#[derive(Default)]
pub(super) struct Levels {
    /// of the first value in both; none: nobody watched so far
    since: Option<Moment>,
    caller: VecDeque<u8>,
    /// also what is still to be played
    agent: VecDeque<u8>,
}

impl Driver<'_> {
    /// To those who want to see how loud it is.
    pub(super) fn show_levels(&mut self, now: Moment) {
        if let Some((what, age)) = self.levels.take(now) {
            let at = (jiff::Timestamp::now() - age).to_string();
            self.known.publish_levels(Event { at, what });
        }
    }
}

impl Levels {
    pub(super) fn caller(&mut self, now: Moment, audio: &[u8]) {
        let passed = self.passed(now);
        // a frame is told when it is over
        let gap = passed.saturating_sub(self.caller.len() + audio.len().div_ceil(BYTES));
        self.caller.extend(std::iter::repeat_n(0, gap));
        self.caller.extend(audio.chunks(BYTES).map(loudness));
        // what was held up comes all at once, and in its place silence was told
        let ahead = self.caller.len().saturating_sub(passed + AHEAD);
        self.caller.drain(..ahead.min(self.caller.len()));
    }

    pub(super) fn agent(&mut self, now: Moment, audio: &[u8]) {
        let gap = self.passed(now).saturating_sub(self.agent.len());
        self.agent.extend(std::iter::repeat_n(0, gap));
        self.agent.extend(audio.chunks(BYTES).map(loudness));
    }

    /// What was not played is not.
    pub(super) fn clear(&mut self, now: Moment) {
        let passed = self.passed(now);
        self.agent.truncate(passed);
    }

    /// What there is to tell, and how old its end is.
    pub(super) fn take(&mut self, now: Moment) -> Option<(What, Duration)> {
        let passed = self.passed(now);
        if passed < TOLD {
            return None;
        }
        let first = |levels: &mut VecDeque<u8>| -> Vec<u8> {
            let there = levels.len().min(TOLD);
            let mut first: Vec<u8> = levels.drain(..there).collect();
            first.resize(TOLD, 0);
            first
        };
        let (caller, agent) = (first(&mut self.caller), first(&mut self.agent));
        let told = STEP * TOLD as u32;
        self.since = self.since.map(|since| since + told);
        let age = self.since.map(|since| now.since(since)).unwrap_or_default();
        Some((What::Levels { step_ms: STEP.as_millis() as u32, caller, agent }, age))
    }

    /// Whole steps since the first value.
    fn passed(&mut self, now: Moment) -> usize {
        let since = *self.since.get_or_insert(now);
        if now.since(since) > STALE {
            *self = Self { since: Some(now), ..Self::default() };
            return 0;
        }
        (now.since(since).as_millis() / STEP.as_millis()) as usize
    }
}

/// 0: silence, 100: full scale, even in decibels.
fn loudness(audio: &[u8]) -> u8 {
    let power: f32 = audio.iter().filter_map(|byte| POWER.get(usize::from(*byte))).sum();
    let decibels = 10.0 * (power / audio.len().max(1) as f32).max(1e-9).log10();
    (100.0 * (1.0 - decibels / SILENCE)).clamp(0.0, 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Moment {
        Moment::since_start(Duration::from_millis(milliseconds))
    }

    fn tone(frames: usize) -> Vec<u8> {
        let sample = |n: usize| ((n as f32 * 0.4).sin() * 16000.0) as i16;
        audio::g711::encode_all(&(0..frames * BYTES).map(sample).collect::<Vec<_>>())
    }

    fn told(levels: &mut Levels, now: Moment) -> (Vec<u8>, Vec<u8>) {
        match levels.take(now) {
            Some((What::Levels { caller, agent, .. }, _)) => (caller, agent),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn silence_is_nothing_and_full_scale_is_a_hundred() {
        assert_eq!(loudness(&[0xFF; BYTES]), 0);
        assert_eq!(loudness(&[]), 0);
        let loudest = audio::g711::encode_all(&[i16::MAX; BYTES]);
        assert!(loudness(&loudest) >= 99, "{}", loudness(&loudest));
        assert!((70..95).contains(&loudness(&tone(1))), "{}", loudness(&tone(1)));
    }

    #[test]
    fn what_is_sent_ahead_counts_when_it_is_played_and_what_is_cleared_does_not() {
        let mut levels = Levels::default();
        assert!(levels.take(at(0)).is_none());
        // 400 ms of speech are sent at once, and cut off after 260
        levels.agent(at(40), &tone(20));
        for frame in 1..=10 {
            levels.caller(at(frame * 20), &[0xFF; BYTES]);
        }
        let (caller, agent) = told(&mut levels, at(200));
        assert_eq!(caller, [0; 10]);
        assert_eq!(
            agent.iter().map(|level| *level > 50).collect::<Vec<_>>(),
            [[false; 2].as_slice(), &[true; 8]].concat()
        );
        assert!(levels.take(at(200)).is_none());
        levels.clear(at(300));
        for frame in 11..=20 {
            levels.caller(at(frame * 20), &tone(1));
        }
        let (caller, agent) = told(&mut levels, at(400));
        assert!(caller.iter().all(|level| *level > 50), "{caller:?}");
        assert_eq!(agent.iter().filter(|level| **level > 50).count(), 5, "{agent:?}");
    }

    #[test]
    fn a_stall_and_its_burst_leave_both_sides_in_step() {
        let mut levels = Levels::default();
        levels.caller(at(0), &[]);
        levels.agent(at(0), &tone(60));
        // nothing for a second, then all of it at once, and on
        for _ in 0..50 {
            levels.caller(at(1000), &[0xFF; BYTES]);
        }
        for frame in 51..=60 {
            levels.caller(at(frame * 20), &tone(1));
        }
        let told: Vec<(Vec<u8>, Vec<u8>)> = (0..6).map(|_| told(&mut levels, at(1200))).collect();
        assert!(levels.take(at(1200)).is_none());
        assert!(levels.caller.len() <= AHEAD, "{}", levels.caller.len());
        assert!(told[5].0.iter().filter(|level| **level > 50).count() >= 5, "{:?}", told[5]);
        assert!(told[..4].iter().all(|(caller, _)| caller.iter().all(|level| *level == 0)), "{told:?}");
        // and what comes faster than it can be said is not kept
        for _ in 0..10_000 {
            levels.caller(at(1200), &tone(1));
        }
        assert!(levels.caller.len() <= AHEAD, "{}", levels.caller.len());
    }

    #[test]
    fn frames_that_are_missing_leave_a_hole_and_a_long_pause_none() {
        let mut levels = Levels::default();
        levels.caller(at(0), &[]);
        levels.caller(at(160), &tone(1));
        levels.caller(at(200), &tone(2));
        let (caller, _) = told(&mut levels, at(200));
        assert_eq!(caller.iter().filter(|level| **level > 0).count(), 3, "{caller:?}");
        assert_eq!(caller[6], 0, "{caller:?}");
        levels.caller(at(60_000), &tone(1));
        assert!(levels.take(at(60_000)).is_none());
    }
}
