//! From one sample rate to another, a whole clip at a time.

use crate::SampleRate;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler, audioadapter::Adapter};

/// The rates do not go together.
#[derive(Debug, thiserror::Error)]
#[error("cannot resample from {from} to {to} Hz: {reason}")]
pub struct ResampleError {
    from: u32,
    to: u32,
    reason: String,
}

/// The whole of `samples`, at another rate: as long as before, band-limited, without delay.
pub fn clip(samples: &[i16], from: SampleRate, to: SampleRate) -> Result<Vec<i16>, ResampleError> {
    if from == to || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let failed = |reason: String| ResampleError { from: from.hertz(), to: to.hertz(), reason };
    let chunk = from.hertz() as usize / 50;
    let mut resampler =
        Fft::<f32>::new(from.hertz() as usize, to.hertz() as usize, chunk.max(1), 1, FixedSync::Input)
            .map_err(|e| failed(e.to_string()))?;
    let scaled = samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    let input = InterleavedOwned::new_from(scaled, 1, samples.len()).map_err(|e| failed(e.to_string()))?;
    let output = resampler.process_all(&input, samples.len(), None).map_err(|e| failed(e.to_string()))?;
    Ok((0..output.frames())
        .filter_map(|n| output.read_sample(0, n))
        // a float becomes the nearest sample; `as` saturates
        .map(|s| (s * 32_768.0).round() as i16)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TELEPHONE, detect::level};

    fn sine(hertz: f32, rate: u32) -> Vec<i16> {
        (0..rate)
            .map(|n| (10_000.0 * (std::f32::consts::TAU * hertz * n as f32 / rate as f32).sin()) as i16)
            .collect()
    }

    #[test]
    fn a_tone_keeps_its_length_and_level_and_what_does_not_fit_the_band_is_gone() {
        let rate = SampleRate::new(22_050).unwrap();
        let kept = clip(&sine(1000.0, 22_050), rate, TELEPHONE).unwrap();
        assert!(kept.len().abs_diff(8000) <= 1, "{} samples", kept.len());
        let middle = &kept[400..7600];
        assert!((level(middle) - level(&sine(1000.0, 22_050))).abs() < 0.1);
        let aliased = clip(&sine(6000.0, 22_050), rate, TELEPHONE).unwrap();
        assert!(level(&aliased[400..7600]) < -80.0, "{} dB", level(&aliased[400..7600]));
    }
}
