//! From one sample rate to another: a whole clip, or a stream as it comes.
//!
//! Both are band-limited, and nothing is shifted in time. A clip takes the better filter; a stream's
//! is short, so that little has to be waited for.

use crate::SampleRate;
use rubato::audioadapter::Adapter;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Async, Fft, FixedAsync, FixedSync, Resampler};
use rubato::{SincInterpolationParameters, SincInterpolationType, WindowFunction};

/// The rates do not go together.
#[derive(Debug, thiserror::Error)]
#[error("cannot resample from {from} to {to} Hz: {reason}")]
pub struct ResampleError {
    from: u32,
    to: u32,
    reason: String,
}

/// The whole of `samples`, at another rate: as long as before, band-limited, without delay. An error if
/// a rate is not between 4 and 192 kHz: what two of them have little in common takes much memory.
pub fn clip(samples: &[i16], from: SampleRate, to: SampleRate) -> Result<Vec<i16>, ResampleError> {
    if from == to || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let failed = |reason: String| ResampleError { from: from.hertz(), to: to.hertz(), reason };
    if ![from, to].iter().all(|rate| RATES.contains(&rate.hertz())) {
        return Err(failed("sound has between 4000 and 192000 Hz".into()));
    }
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

/// One stream of mono sound at another rate, in pieces of any length.
///
/// What comes out is what would come out for all pieces in one, and sample n of it belongs to the time
/// n / `to`: the delay of the filter is taken out. It is waited for instead, 4 ms if the lower rate is
/// 8 kHz, and up to 2.5 ms more until a chunk is full; pieces of 20 ms fill theirs. The level is kept up
/// to 0.85 of half the lower rate (3.4 kHz of 8 kHz); what would be folded is 45 dB down at the half
/// and 70 dB from 5 % above it. However long it is, a stream takes a few kilobytes, and a hundred at
/// uneven ratios such as 44100 to 8000.
pub struct Stream {
    rates: Rates,
    /// none: the rates are the same
    filter: Option<Filter>,
    /// samples that came and that went
    taken: u64,
    given: u64,
}

impl Stream {
    /// An error if a rate is not between 4 and 192 kHz.
    pub fn new(from: SampleRate, to: SampleRate) -> Result<Self, ResampleError> {
        let failed = |reason: String| ResampleError { from: from.hertz(), to: to.hertz(), reason };
        if ![from, to].iter().all(|rate| RATES.contains(&rate.hertz())) {
            return Err(failed("a stream has between 4000 and 192000 Hz".into()));
        }
        let rates = Rates { from: from.hertz() as usize, to: to.hertz() as usize };
        let filter =
            (from != to).then(|| Filter::new(rates)).transpose().map_err(|e| failed(e.to_string()))?;
        Ok(Self { rates, filter, taken: 0, given: 0 })
    }

    /// The next samples. What is ready is put at the end of `out`.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let before = out.len();
        match &mut self.filter {
            None => out.extend(samples),
            Some(filter) => filter.push(samples.iter().copied().map(f32::from), out),
        }
        self.taken += samples.len() as u64;
        self.given += (out.len() - before) as u64;
    }

    /// The end: what was waited for comes out, so that everything together lasts as long as what came,
    /// to the nearest sample. The stream can be used again, for another sound.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        if let Some(filter) = &mut self.filter {
            let due = self.rates.lasting(self.taken).saturating_sub(self.given) as usize;
            let end = out.len() + due;
            filter.push(std::iter::repeat_n(0.0, self.rates.taps() + self.rates.chunk()), out);
            out.truncate(end);
            filter.restart(self.rates);
        }
        (self.taken, self.given) = (0, 0);
    }
}

/// From a poor telephone to a studio, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Length of the filter in samples of the lower rate: 8 ms of 8 kHz.
const TAPS: usize = 64;
/// Where the filter is 6 dB down, relative to half the lower rate.
const CUTOFF: f32 = 0.93;
/// A step of the filter is this part of a second.
const CHUNKS: usize = 400;
/// Places between two samples that are tabulated: all that the rates need, and if these are more, so
/// many, and what lies between them is interpolated.
const MOST_PLACES: usize = 512;
const INTERPOLATED: usize = 64;

#[derive(Clone, Copy)]
struct Rates {
    from: usize,
    to: usize,
}

impl Rates {
    fn chunk(self) -> usize {
        self.from / CHUNKS
    }

    /// The filter's length in samples that come; rubato wants a multiple of eight.
    fn taps(self) -> usize {
        (TAPS * self.from.max(self.to) / self.to).next_multiple_of(8)
    }

    /// How many samples go out for as many that came.
    fn lasting(self, taken: u64) -> u64 {
        let (from, to) = (self.from as u128, self.to as u128);
        ((u128::from(taken) * to + from / 2) / from) as u64
    }

    /// The smallest whole numbers with this ratio.
    fn lowest(self) -> (usize, usize) {
        let (mut a, mut b) = (self.from, self.to);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (self.from / a, self.to / a)
    }

    fn tabulated(self) -> usize {
        let (_, places) = self.lowest();
        if places > MOST_PLACES { INTERPOLATED } else { places }
    }

    /// How much silence to put in front, so that the filter's delay is a whole number of samples that
    /// go out, and this number.
    fn lead(self) -> (usize, usize) {
        let (step, places) = self.lowest();
        // rubato begins half the filter's length before the first sample, less one step and one place
        let delay = (self.taps() / 2 * places).saturating_sub(step + places / self.tabulated());
        let silence = (0..step).find(|n| (delay + n * places).is_multiple_of(step)).unwrap_or_default();
        (silence, (delay + silence * places) / step)
    }
}

struct Filter {
    resampler: Async<f32>,
    /// what does not fill a chunk yet
    chunk: Vec<f32>,
    resampled: Vec<f32>,
    /// samples that come out first and belong to the time before the stream
    early: usize,
}

impl Filter {
    fn new(rates: Rates) -> Result<Self, rubato::ResamplerConstructionError> {
        let interpolation = match rates.tabulated() {
            INTERPOLATED => SincInterpolationType::Cubic,
            _ => SincInterpolationType::Nearest,
        };
        let parameters = SincInterpolationParameters::new(rates.taps(), WindowFunction::Blackman)
            .f_cutoff(CUTOFF)
            .oversampling_factor(rates.tabulated())
            .interpolation(interpolation);
        let ratio = rates.to as f64 / rates.from as f64;
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, rates.chunk(), 1, FixedAsync::Input)?;
        let resampled = vec![0.0; resampler.output_frames_max()];
        let mut filter = Self { resampler, chunk: Vec::with_capacity(rates.chunk()), resampled, early: 0 };
        filter.restart(rates);
        Ok(filter)
    }

    fn restart(&mut self, rates: Rates) {
        self.resampler.reset();
        self.chunk.clear();
        let (silence, early) = rates.lead();
        self.early = early;
        // all that this gives is early
        self.push(std::iter::repeat_n(0.0, silence), &mut Vec::new());
    }

    fn push(&mut self, samples: impl Iterator<Item = f32>, out: &mut Vec<i16>) {
        for sample in samples {
            self.chunk.push(sample);
            if self.chunk.len() == self.resampler.input_frames_next() {
                let frames = self.step().unwrap_or_default();
                self.chunk.clear();
                let dropped = frames.min(self.early);
                self.early -= dropped;
                // to the nearest sample; `as` saturates
                out.extend(self.resampled.iter().take(frames).skip(dropped).map(|s| s.round() as i16));
            }
        }
    }

    /// Resamples a chunk. It fails for buffers of a wrong length only.
    fn step(&mut self) -> Option<usize> {
        let room = self.resampled.len();
        let input = InterleavedSlice::new(&self.chunk, 1, self.chunk.len()).ok()?;
        let mut output = InterleavedSlice::new_mut(&mut self.resampled, 1, room).ok()?;
        let (_, frames) = self.resampler.process_into_buffer(&input, &mut output, None).ok()?;
        Some(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TELEPHONE, detect::level};
    use std::f64::consts::TAU;

    const RATES: [u32; 10] = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 12_347];

    fn sine(hertz: f64, rate: u32, samples: usize) -> Vec<i16> {
        let at = |n: usize| 10_000.0 * (TAU * hertz * n as f64 / f64::from(rate)).sin();
        (0..samples).map(|n| at(n).round() as i16).collect()
    }

    fn stream(from: u32, to: u32) -> Stream {
        Stream::new(SampleRate::new(from).unwrap(), SampleRate::new(to).unwrap()).unwrap()
    }

    fn in_pieces(from: u32, to: u32, samples: &[i16], lengths: &[usize]) -> Vec<i16> {
        let mut stream = stream(from, to);
        let (mut rest, mut out) = (samples, Vec::new());
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*length).min(rest.len()));
            stream.push(piece, &mut out);
            rest = after;
        }
        stream.finish(&mut out);
        out
    }

    /// To and from the telephone, and what makes other ratios.
    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        let telephone = RATES.into_iter().flat_map(|rate| [(rate, 8_000), (8_000, rate)]);
        telephone.chain([(44_100, 48_000), (24_000, 16_000), (192_000, 4_000), (4_000, 192_000)])
    }

    #[test]
    fn a_tone_keeps_its_length_and_level_and_what_does_not_fit_the_band_is_gone() {
        let rate = SampleRate::new(22_050).unwrap();
        let kept = clip(&sine(1000.0, 22_050, 22_050), rate, TELEPHONE).unwrap();
        assert!(kept.len().abs_diff(8000) <= 1, "{} samples", kept.len());
        let middle = &kept[400..7600];
        assert!((level(middle) - level(&sine(1000.0, 22_050, 22_050))).abs() < 0.1);
        let aliased = clip(&sine(6000.0, 22_050, 22_050), rate, TELEPHONE).unwrap();
        assert!(level(&aliased[400..7600]) < -80.0, "{} dB", level(&aliased[400..7600]));
    }

    #[test]
    fn a_stream_in_odd_pieces_is_the_same_as_in_one() {
        for (from, to) in pairs() {
            let whole = sine(440.0, from, from as usize / 2);
            let at_once = in_pieces(from, to, &whole, &[whole.len()]);
            for lengths in [&[1][..], &[7, 160, 1, 0, 333, 20], &[4001, 3]] {
                assert!(in_pieces(from, to, &whole, lengths) == at_once, "{from} to {to} in {lengths:?}");
            }
        }
    }

    #[test]
    fn a_stream_is_the_ideal_tone_at_its_own_time_and_as_long() {
        for (from, to) in pairs() {
            let samples = from as usize + 17;
            let out = in_pieces(from, to, &sine(440.0, from, samples), &[160]);
            let length = samples as f64 * f64::from(to) / f64::from(from);
            assert!((out.len() as f64 - length).abs() <= 1.0, "{from} to {to}: {} samples", out.len());
            let ideal = sine(440.0, to, out.len());
            // at the ends the tone is cut off, which is no tone
            let edge = to as usize / 20;
            let middle = out.iter().zip(&ideal).skip(edge).take(out.len() - 2 * edge);
            let furthest = middle.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(furthest <= 12, "{from} to {to}: off by {furthest} of 10000");
        }
    }

    #[test]
    fn the_telephone_band_stays_and_what_does_not_fit_is_gone() {
        let level_of = |hertz: f64, from: u32, to: u32| {
            let out = in_pieces(from, to, &sine(hertz, from, from as usize), &[160]);
            level(&out[out.len() / 10..out.len() / 10 * 9]) - level(&sine(hertz, from, from as usize))
        };
        for rate in [16_000, 22_050, 24_000, 44_100, 48_000] {
            for hertz in [100.0, 1000.0, 3000.0, 3400.0] {
                for (from, to) in [(rate, 8_000), (8_000, rate)] {
                    let change = level_of(hertz, from, to);
                    assert!(change.abs() < 0.2, "{hertz} Hz from {from} to {to}: {change} dB");
                }
            }
            for (hertz, down) in [(4_000.0, -40.0), (4_200.0, -68.0), (5_000.0, -68.0), (7_000.0, -68.0)] {
                let change = level_of(hertz, rate, 8_000);
                assert!(change < down, "{hertz} Hz from {rate}: {change} dB");
            }
        }
    }

    #[test]
    fn little_is_waited_for() {
        for rate in [16_000, 22_050, 24_000, 48_000] {
            for (from, to) in [(rate, 8_000), (8_000, rate)] {
                let (mut stream, mut out) = (stream(from, to), Vec::new());
                for n in 1..=100 {
                    stream.push(&vec![0; from as usize / 50], &mut out);
                    let waited = f64::from(n) * 20.0 - out.len() as f64 / f64::from(to) * 1000.0;
                    assert!((0.0..7.0).contains(&waited), "{from} to {to}: {waited} ms");
                }
            }
        }
    }

    #[test]
    fn a_stream_can_be_used_again_and_one_of_the_same_rate_is_let_through() {
        let tone = sine(440.0, 24_000, 5000);
        let (mut stream, mut first, mut second) = (stream(24_000, 8_000), Vec::new(), Vec::new());
        stream.push(&tone, &mut first);
        stream.finish(&mut first);
        stream.push(&tone, &mut second);
        stream.finish(&mut second);
        assert_eq!(first, second);
        assert_eq!(in_pieces(8_000, 8_000, &tone, &[7]), tone);
    }

    #[test]
    fn a_rate_that_no_sound_has_is_refused() {
        let error = Stream::new(SampleRate::new(u32::MAX).unwrap(), TELEPHONE).err().unwrap();
        assert_eq!(
            error.to_string(),
            "cannot resample from 4294967295 to 8000 Hz: a stream has between 4000 and 192000 Hz"
        );
    }
}
