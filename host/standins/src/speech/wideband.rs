//! Telephone audio as PocketSphinx's model wants it: 16 kHz, and never digitally silent.

use super::Error;
use audio::SampleRate;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler, audioadapter::Adapter};

/// The rate of the recogniser's model, in Hz.
pub(super) const RATE: u32 = 16_000;

/// A stream at another rate, piece after piece.
pub(crate) struct Upsampler {
    hertz: u32,
    /// None for a stream that has the right rate.
    resampler: Option<Fft<f32>>,
    /// Less than a chunk, waiting for the rest.
    pending: Vec<f32>,
    /// What the resampler puts before the first sample, as far as it is not dropped yet.
    delay: usize,
}

impl Upsampler {
    pub(crate) fn new(from: SampleRate) -> Result<Self, Error> {
        let hertz = from.hertz();
        let chunk = (hertz as usize / 50).max(1);
        let resampler = if hertz == RATE {
            None
        } else {
            let fft = Fft::new(hertz as usize, RATE as usize, chunk, 1, FixedSync::Input);
            Some(fft.map_err(|e| Error::Rate { hertz, reason: e.to_string() })?)
        };
        let delay = resampler.as_ref().map_or(0, Resampler::output_delay);
        Ok(Self { hertz, resampler, pending: Vec::new(), delay })
    }

    /// What is complete after these samples: it comes in chunks of 20 ms, and later than it went in,
    /// but the first sample is the first.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Result<Vec<i16>, Error> {
        let Some(resampler) = &mut self.resampler else { return Ok(samples.to_vec()) };
        let failed = |reason: String| Error::Rate { hertz: self.hertz, reason };
        self.pending.extend(samples.iter().map(|s| f32::from(*s)));
        let mut wideband = Vec::with_capacity(samples.len() * RATE as usize / self.hertz as usize);
        let pending = std::mem::take(&mut self.pending);
        let mut chunks = pending.chunks_exact(resampler.input_frames_next());
        for chunk in &mut chunks {
            let input = InterleavedOwned::new_from(chunk.to_vec(), 1, chunk.len())
                .map_err(|e| failed(e.to_string()))?;
            let output = resampler.process(&input, None).map_err(|e| failed(e.to_string()))?;
            // a float becomes the nearest sample; `as` saturates
            let samples = (0..output.frames()).filter_map(|n| output.read_sample(0, n));
            wideband.extend(samples.map(|s| s.round() as i16));
        }
        self.pending = chunks.remainder().to_vec();
        let early = self.delay.min(wideband.len());
        self.delay -= early;
        wideband.drain(..early);
        Ok(wideband)
    }

    /// The end of a recording, which would otherwise stay inside.
    pub(crate) fn finish(&mut self) -> Result<Vec<i16>, Error> {
        match &self.resampler {
            None => Ok(Vec::new()),
            Some(resampler) => self.push(&vec![0; 2 * resampler.input_frames_next()]),
        }
    }
}

/// Faint white noise in proportion to the loudest sample so far.
///
/// The model was made from microphones: it is lost where there is no energy at all, as in the band
/// above the telephone's and in digital silence. Without the noise every third phrase is missed;
/// with it, and at this level, about one in a hundred.
pub(super) struct Noise {
    peak: f32,
    state: u32,
}

/// Below the loudest sample by this factor (42 dB).
const BELOW_PEAK: f32 = 130.0;
const FAINTEST: f32 = 10.0;
const LOUDEST: f32 = 250.0;

impl Noise {
    pub(super) fn new() -> Self {
        // the seed is fixed: the same audio is recognised alike every time
        Self { peak: 0.0, state: 0x9E37_79B9 }
    }

    pub(super) fn add_to(&mut self, samples: &[i16]) -> Vec<i16> {
        self.peak = samples.iter().map(|s| f32::from(*s).abs()).fold(self.peak, f32::max);
        let effective = (self.peak / BELOW_PEAK).clamp(FAINTEST, LOUDEST);
        // √3: the peak of evenly distributed noise with that effective value
        let amplitude = effective * 1.732;
        samples.iter().map(|s| (f32::from(*s) + amplitude * self.next()) as i16).collect()
    }

    /// Evenly distributed between −1 and 1 (xorshift).
    fn next(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as f32 / (u32::MAX / 2) as f32 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::detect::level;

    fn sine(hertz: f32, rate: u32) -> Vec<i16> {
        let step = std::f32::consts::TAU * hertz / rate as f32;
        (0..rate).map(|n| (10_000.0 * (step * n as f32).sin()) as i16).collect()
    }

    #[test]
    fn a_tone_that_arrives_in_frames_is_the_same_tone_at_16_khz() {
        let mut upsampler = Upsampler::new(audio::TELEPHONE).unwrap();
        let mut wideband = Vec::new();
        for frame in sine(1000.0, 8000).chunks(37) {
            wideband.extend(upsampler.push(frame).unwrap());
        }
        wideband.extend(upsampler.finish().unwrap());
        let expected = sine(1000.0, RATE);
        let error: Vec<i16> =
            expected.iter().zip(&wideband).map(|(a, b)| a - b).skip(1600).take(12_000).collect();
        assert!(level(&error) < -70.0, "{} dB apart", level(&error));
    }

    #[test]
    fn noise_stays_42_db_below_the_voice() {
        let voice = sine(440.0, RATE);
        let noisy = Noise::new().add_to(&voice);
        let noise: Vec<i16> = voice.iter().zip(&noisy).map(|(a, b)| b - a).collect();
        let below_peak = level(&noise) - 20.0 * (10_000.0_f32 / 32_768.0).log10();
        assert!((below_peak + 42.3).abs() < 0.5, "{below_peak} dB");
        assert!(level(&Noise::new().add_to(&[0; 1600])) > -80.0, "silence is never digital");
    }
}
