//! Is somebody speaking? One answer for every 32 ms of telephone audio.
//!
//! A [`Detector`] gives a probability and nothing else: how long a probability must last before it
//! counts as speech is the policy of whoever asks.

/// Samples in one step: 32 ms at 8000 Hz.
pub const WINDOW: usize = 256;

/// Hears one stream, window after window.
pub trait Detector: Send {
    /// The probability, 0 to 1, that this window holds speech. Windows follow each other without
    /// gaps.
    fn step(&mut self, window: &[i16; WINDOW]) -> f32;
}

/// Loud enough, compared with the quietest that was heard lately.
///
/// It takes any sound for speech; it is right for a quiet line and for tests.
#[derive(Clone, Debug)]
pub struct Energy {
    floor: f32,
}

/// Never speech below this level, in dB relative to full scale.
const FAINT: f32 = -48.0;
/// Speech stands out from the floor by this many dB.
const ABOVE_FLOOR: f32 = 15.0;
/// The floor follows what becomes louder by this many dB a window (1.6 dB a second), so that a
/// long word does not raise it.
const RISE: f32 = 0.05;

impl Default for Energy {
    fn default() -> Self {
        Self { floor: -60.0 }
    }
}

impl Detector for Energy {
    fn step(&mut self, window: &[i16; WINDOW]) -> f32 {
        let level = level(window);
        self.floor = if level < self.floor { (self.floor + level) / 2.0 } else { self.floor + RISE };
        self.floor = self.floor.clamp(-75.0, -40.0);
        let threshold = (self.floor + ABOVE_FLOOR).max(FAINT);
        // ten decibels from certainly not to certainly
        ((level - threshold) / 10.0 + 0.5).clamp(0.0, 1.0)
    }
}

/// Root mean square, in dB relative to full scale; −100 for digital silence.
pub fn level(samples: &[i16]) -> f32 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    let mean = energy / samples.len().max(1) as f64;
    (10.0 * (mean / f64::from(1u32 << 30)).log10()).max(-100.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32) -> [i16; WINDOW] {
        std::array::from_fn(|n| (amplitude * (n as f32 * 0.3).sin()) as i16)
    }

    #[test]
    fn levels_are_relative_to_full_scale() {
        assert_eq!(level(&[0; 160]), -100.0);
        let full: Vec<i16> = (0..8000).map(|n| if n % 2 == 0 { 32_767 } else { -32_767 }).collect();
        assert!(level(&full).abs() < 0.01);
        assert!((level(&tone(327.67)) + 43.0).abs() < 0.2); // a sine is 3 dB below its peak
    }

    #[test]
    fn a_voice_stands_out_of_silence_and_of_steady_noise() {
        for noise in [0.0, 60.0, 250.0] {
            let mut detector = Energy::default();
            for _ in 0..300 {
                detector.step(&tone(noise));
            }
            assert!(detector.step(&tone(noise)) < 0.5, "noise {noise} is not speech");
            for n in 0..100 {
                assert!(detector.step(&tone(8000.0)) > 0.5, "word over noise {noise}, window {n}");
            }
            assert!(detector.step(&tone(noise)) < 0.5, "noise {noise} after the word");
        }
    }
}
