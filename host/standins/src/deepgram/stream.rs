//! What every ear of the stand-in has in common: samples out of bytes, where the stream is, and
//! what of it is settled.
//!
//! Time here is the audio's own, in steps of 10 ms; there is no clock. Finals tile the stream: each
//! begins where the one before it ended.

use super::parameters::Encoding;
use crate::speech::Word;
use crate::speech::endpointing::STEP;
use std::time::Duration;
use tokio::time::Instant;

/// What the vendor tells its client. Times in seconds from the start of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    SpeechStarted { at: f64 },
    Segment(Segment),
    UtteranceEnd { last_word_end: f64 },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) start: f64,
    pub(super) duration: f64,
    pub(super) words: Vec<Word>,
    pub(super) kind: Kind,
    /// What the words are written as, where that is not for the formatting to decide.
    pub(super) written: Option<String>,
    /// When the last audio with a voice in it arrived, where that is what a final's delay counts from.
    pub(super) voice_arrived: Option<Instant>,
}

/// How settled a segment is, and what settled it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Will be replaced.
    Interim,
    /// The speaker paused.
    Endpoint,
    /// Long silence, or a pause where endpoints are not wanted.
    Settled,
    /// The client asked with `Finalize`.
    Finalized,
}

/// So often silence is reported, as a final without words.
const SILENCE_REPORTED: Duration = Duration::from_secs(5);

/// Where a stream is, in steps since its start.
pub(super) struct Timeline {
    pub(super) now: u64,
    /// Where the last final ended.
    settled: u64,
    /// The end of the last word that no `UtteranceEnd` followed yet.
    last_word_end: Option<f64>,
    /// The gap after the last word that is told.
    utterance_end: Option<Duration>,
}

impl Timeline {
    pub(super) fn new(utterance_end: Option<Duration>) -> Self {
        Self { now: 0, settled: 0, last_word_end: None, utterance_end }
    }

    /// What silence itself says: that the last word is long ago, or that nothing was said.
    pub(super) fn silence(&mut self, heard: &mut Vec<Heard>) {
        if let (Some(gap), Some(last)) = (self.utterance_end, self.last_word_end)
            && seconds(self.now) >= last + gap.as_secs_f64()
        {
            self.last_word_end = None;
            heard.push(Heard::UtteranceEnd { last_word_end: last });
        }
        if self.now - self.settled >= steps(SILENCE_REPORTED) {
            heard.push(Heard::Segment(self.settle(Vec::new(), Kind::Settled)));
        }
    }

    /// Everything up to now, as it will stay.
    pub(super) fn settle(&mut self, words: Vec<Word>, kind: Kind) -> Segment {
        if let Some(last) = words.last() {
            self.last_word_end = Some(last.end);
        }
        let segment = self.segment(words, kind);
        self.settled = self.now;
        segment
    }

    /// Everything up to now, as it is understood so far.
    pub(super) fn segment(&self, words: Vec<Word>, kind: Kind) -> Segment {
        let start = seconds(self.settled);
        let duration = seconds(self.now) - start;
        Segment { start, duration, words, kind, written: None, voice_arrived: None }
    }
}

pub(super) fn seconds(steps: u64) -> f64 {
    steps as f64 * STEP.as_secs_f64()
}

pub(super) fn steps(time: Duration) -> u64 {
    (time.as_millis() / STEP.as_millis()) as u64
}

/// Samples of a stream that may be cut anywhere.
pub(super) struct Decoder {
    encoding: Encoding,
    /// The first byte of a sample whose second one has not come.
    odd_byte: Option<u8>,
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, odd_byte: None }
    }

    pub(super) fn decode(&mut self, bytes: &[u8]) -> Vec<i16> {
        match self.encoding {
            Encoding::Mulaw => audio::g711::decode_all(bytes),
            Encoding::Linear16 => {
                let bytes: Vec<u8> = self.odd_byte.take().into_iter().chain(bytes.iter().copied()).collect();
                let (pairs, rest) = bytes.as_chunks::<2>();
                self.odd_byte = rest.first().copied();
                pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
            }
        }
    }
}
