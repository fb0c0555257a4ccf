//! Loudness against what was quiet lately.

use super::{Detector, WINDOW, level};

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

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(amplitude: f32) -> [i16; WINDOW] {
        std::array::from_fn(|n| (amplitude * (n as f32 * 0.3).sin()) as i16)
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
