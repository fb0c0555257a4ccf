//! Between the line's sound and a component's.
//!
//! The line carries µ-law at 8000. A component whose vendor knows only something else says so in its
//! manifest, and the host converts: the caller's sound on its way to a recogniser, a voice's on its
//! way to the line. Nothing is converted for a component that takes the telephone's own.

use crate::manifest::{Encoding, Sound};
use audio::resample::{ResampleError, Stream};
use audio::{SampleRate, TELEPHONE, g711};
use call::line::UtteranceId;
use std::collections::BTreeMap;

/// The caller's sound for a recogniser.
pub struct Outward(Option<(Stream, Encoding)>);

/// A voice's sound for the line. Its utterances are converted one by one, so that none of them ends
/// in another.
pub struct Inward {
    /// none: it is the line's own already
    from: Option<(SampleRate, Encoding)>,
    open: BTreeMap<UtteranceId, Utterance>,
}

struct Utterance {
    stream: Stream,
    /// the first half of a sample whose other half has not come
    half: Option<u8>,
}

impl Outward {
    pub fn new(sound: Sound) -> Result<Self, ResampleError> {
        if sound.is_telephone() {
            return Ok(Self(None));
        }
        Ok(Self(Some((Stream::new(TELEPHONE, sound.rate())?, sound.encoding))))
    }

    /// The next piece; it may be empty, if not enough has come for a whole sample.
    pub fn convert(&mut self, mulaw: Vec<u8>) -> Vec<u8> {
        let Some((stream, encoding)) = &mut self.0 else { return mulaw };
        let mut samples = Vec::new();
        stream.push(&g711::decode_all(&mulaw), &mut samples);
        match encoding {
            Encoding::Mulaw => g711::encode_all(&samples),
            Encoding::Pcm16 => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        }
    }
}

impl Inward {
    /// Fails where the rate is none that can be converted.
    pub fn new(sound: Sound) -> Result<Self, ResampleError> {
        let from = (!sound.is_telephone()).then(|| (sound.rate(), sound.encoding));
        if let Some((rate, _)) = from {
            Stream::new(rate, TELEPHONE)?;
        }
        Ok(Self { from, open: BTreeMap::new() })
    }

    /// The host wants this one. A voice that speaks of another makes nothing grow here.
    pub fn begin(&mut self, utterance: UtteranceId) {
        let Some((rate, _)) = self.from else { return };
        // it was possible when the session was opened
        if let Ok(stream) = Stream::new(rate, TELEPHONE) {
            self.open.insert(utterance, Utterance { stream, half: None });
        }
    }

    /// The next piece of an utterance; it may be empty, as it is of one that is not begun or is over.
    pub fn convert(&mut self, utterance: UtteranceId, data: Vec<u8>) -> Vec<u8> {
        let Some((_, encoding)) = self.from else { return data };
        let Some(open) = self.open.get_mut(&utterance) else { return Vec::new() };
        let samples = match encoding {
            Encoding::Mulaw => g711::decode_all(&data),
            Encoding::Pcm16 => open.samples(data),
        };
        let mut converted = Vec::new();
        open.stream.push(&samples, &mut converted);
        g711::encode_all(&converted)
    }

    /// What is left of an utterance that is finished.
    pub fn finish(&mut self, utterance: UtteranceId) -> Vec<u8> {
        let Some(mut open) = self.open.remove(&utterance) else { return Vec::new() };
        let mut rest = Vec::new();
        open.stream.finish(&mut rest);
        g711::encode_all(&rest)
    }

    /// Nothing more of it is wanted.
    pub fn forget(&mut self, utterance: UtteranceId) {
        self.open.remove(&utterance);
    }
}

impl Utterance {
    /// Whole samples; half a one waits for its other half.
    fn samples(&mut self, data: Vec<u8>) -> Vec<i16> {
        let bytes: Vec<u8> = self.half.take().into_iter().chain(data).collect();
        let mut pairs = bytes.chunks_exact(2);
        let samples = pairs.by_ref().filter_map(|pair| Some(i16::from_le_bytes(pair.try_into().ok()?)));
        let samples = samples.collect();
        self.half = pairs.remainder().first().copied();
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::detect::level;

    const PCM_24: Sound = Sound { encoding: Encoding::Pcm16, rate: 24_000, continues: false };

    fn sine(hertz: f32, rate: u32) -> Vec<i16> {
        let step = std::f32::consts::TAU * hertz / rate as f32;
        (0..rate).map(|n| (8_000.0 * (n as f32 * step).sin()) as i16).collect()
    }

    #[test]
    fn a_voice_at_24_khz_keeps_its_length_and_level_whatever_its_pieces() {
        let bytes: Vec<u8> = sine(440.0, 24_000).iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut inward = Inward::new(PCM_24).unwrap();
        let mut heard = Vec::new();
        inward.begin(UtteranceId(1));
        for piece in bytes.chunks(1001) {
            heard.extend(inward.convert(UtteranceId(1), piece.to_vec()));
        }
        heard.extend(inward.finish(UtteranceId(1)));
        assert!(heard.len().abs_diff(8000) <= 1, "{} samples", heard.len());
        let samples = g711::decode_all(&heard);
        assert!((level(&samples[400..7600]) - level(&sine(440.0, 8000))).abs() < 0.3);
    }

    #[test]
    fn utterances_do_not_run_into_each_other() {
        let mut inward = Inward::new(PCM_24).unwrap();
        inward.begin(UtteranceId(1));
        inward.convert(UtteranceId(1), vec![0x55; 999]);
        inward.forget(UtteranceId(1));
        assert!(inward.finish(UtteranceId(1)).is_empty());
        inward.begin(UtteranceId(2));
        let silence = inward.convert(UtteranceId(2), vec![0; 4800]);
        assert!(silence.iter().all(|sample| *sample == g711::SILENCE), "nothing of the first is in it");
    }

    #[test]
    fn a_voice_that_speaks_of_utterances_that_nobody_began_is_not_heard_and_leaves_nothing() {
        let mut inward = Inward::new(PCM_24).unwrap();
        for utterance in 0..10_000 {
            assert!(inward.convert(UtteranceId(utterance), vec![1; 4800]).is_empty());
        }
        assert!(inward.open.is_empty());
    }

    #[test]
    fn a_recogniser_gets_the_rate_it_wants_and_the_telephones_own_is_left_alone() {
        let mut outward =
            Outward::new(Sound { encoding: Encoding::Pcm16, rate: 16_000, continues: false }).unwrap();
        let mut bytes = 0;
        for piece in g711::encode_all(&sine(440.0, 8000)).chunks(320) {
            bytes += outward.convert(piece.to_vec()).len();
        }
        // what is still in the filter comes with the next piece
        assert!((31_000..=32_000).contains(&bytes), "{bytes} bytes");
        let mut same = Outward::new(Sound::default()).unwrap();
        assert_eq!(same.convert(vec![1, 2, 3]), [1, 2, 3]);
    }
}
