//! Is somebody speaking? One answer for every 32 ms of telephone audio.
//!
//! A [`Detector`] gives a probability and nothing else: how long a probability must last before it
//! counts as speech is the policy of whoever asks.

mod energy;
#[cfg(feature = "onnx")]
mod onnx;
mod silero;

pub use energy::Energy;
#[cfg(feature = "onnx")]
pub use onnx::{OnnxDetector, OnnxError, OnnxModel};
pub use silero::Silero;

/// Samples in one step: 32 ms at 8000 Hz.
pub const WINDOW: usize = 256;

/// Hears one stream, window after window.
pub trait Detector: Send {
    /// The probability, 0 to 1, that this window holds speech. Windows follow each other without
    /// gaps.
    fn step(&mut self, window: &[i16; WINDOW]) -> f32;
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

    #[test]
    fn levels_are_relative_to_full_scale() {
        assert_eq!(level(&[0; 160]), -100.0);
        let full: Vec<i16> = (0..8000).map(|n| if n % 2 == 0 { 32_767 } else { -32_767 }).collect();
        assert!(level(&full).abs() < 0.01);
        let tone: Vec<i16> = (0..256).map(|n| (327.67 * (n as f32 * 0.3).sin()) as i16).collect();
        assert!((level(&tone) + 43.0).abs() < 0.2); // a sine is 3 dB below its peak
    }
}
