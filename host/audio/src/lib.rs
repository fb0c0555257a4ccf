//! Samples, and what is computed from them: G.711, levels, voice detection, keypad tones, resampling,
//! WAV.
//!
//! Pure computation: nothing here knows what a call is, and nothing waits. The telephone's own
//! format is mono µ-law at 8000 samples a second ([`TELEPHONE`]); everything else is converted at
//! the edge.

#![forbid(unsafe_code)]

pub mod detect;
pub mod dtmf;
pub mod g711;
pub mod resample;
pub mod wav;

use std::time::Duration;

/// Samples per second, of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

/// The telephone's own rate, 8000 Hz.
pub const TELEPHONE: SampleRate = SampleRate(8000);

impl SampleRate {
    /// None for 0, which no audio has.
    pub const fn new(hertz: u32) -> Option<Self> {
        if hertz == 0 { None } else { Some(Self(hertz)) }
    }

    pub const fn hertz(self) -> u32 {
        self.0
    }

    /// How long so many samples last.
    pub fn duration_of(self, samples: usize) -> Duration {
        Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(self.0))
    }

    /// How many whole samples fit into this time.
    pub fn samples_in(self, time: Duration) -> usize {
        (time.as_nanos() * u128::from(self.0) / 1_000_000_000) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephone_frame_of_160_samples_lasts_20_ms() {
        assert_eq!(TELEPHONE.duration_of(160), Duration::from_millis(20));
        assert_eq!(TELEPHONE.samples_in(Duration::from_millis(20)), 160);
        assert_eq!(SampleRate::new(0), None);
    }
}
