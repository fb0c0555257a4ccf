//! One stream of audio, turned into what was heard: beginnings, interims, finals, gaps.
//!
//! Time here is the audio's own, in steps of 10 ms; there is no clock. Finals tile the stream: each
//! begins where the one before it ended.

use super::parameters::{Encoding, Parameters};
use crate::speech::endpointing::{Endpointing, LEAD, STEP, Step, WINDOW};
use crate::speech::{Error, Recogniser, Upsampler, Word};
use std::collections::VecDeque;
use std::time::Duration;

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

/// The pause that settles words when endpointing is off.
const UNASKED_PAUSE: Duration = Duration::from_millis(500);
/// So often silence is reported, as a final without words.
const SILENCE_REPORTED: Duration = Duration::from_secs(5);

pub(super) struct Hearing {
    parameters: Parameters,
    interim_every: u64,
    recogniser: Recogniser,
    upsampler: Upsampler,
    endpointing: Endpointing,
    /// The first byte of a sample whose second one has not come.
    odd_byte: Option<u8>,
    /// 16 kHz samples, less than a step.
    pending: Vec<i16>,
    /// The last steps before a voice is detected.
    lead: VecDeque<Vec<i16>>,
    /// Some while somebody speaks.
    utterance: Option<Utterance>,
    /// Steps since the start of the stream.
    now: u64,
    /// Where the last final ended.
    settled: u64,
    /// The end of the last word that no `UtteranceEnd` followed yet.
    last_word_end: Option<f64>,
}

/// In steps since the start of the stream.
struct Utterance {
    start: u64,
    next_interim: u64,
}

impl Hearing {
    pub(super) fn new(
        parameters: Parameters,
        interim_every: Duration,
        recogniser: Recogniser,
    ) -> Result<Self, Error> {
        Ok(Self {
            upsampler: Upsampler::new(parameters.sample_rate)?,
            endpointing: Endpointing::new(parameters.endpointing.unwrap_or(UNASKED_PAUSE)),
            interim_every: steps(interim_every).max(1),
            parameters,
            recogniser,
            odd_byte: None,
            pending: Vec::new(),
            lead: VecDeque::new(),
            utterance: None,
            now: 0,
            settled: 0,
            last_word_end: None,
        })
    }

    /// What is heard in the next bytes of the stream.
    pub(super) async fn audio(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, Error> {
        let samples = self.decode(bytes);
        self.pending.extend(self.upsampler.push(&samples)?);
        let pending = std::mem::take(&mut self.pending);
        let mut windows = pending.chunks_exact(WINDOW);
        let mut heard = Vec::new();
        for window in &mut windows {
            self.now += 1;
            self.step(window, &mut heard).await?;
        }
        self.pending = windows.remainder().to_vec();
        Ok(heard)
    }

    /// Settles what was said so far, whether or not the speaker paused.
    pub(super) async fn flush(&mut self, kind: Kind) -> Result<Segment, Error> {
        let words = match self.utterance.take() {
            None => Vec::new(),
            Some(utterance) => {
                // the phrase may be unfinished, which the recogniser does not accept for an end
                let so_far = self.recogniser.so_far().await?.words;
                let whole = self.recogniser.end().await?.words;
                self.in_stream(&utterance, if whole.is_empty() { so_far } else { whole })
            }
        };
        self.endpointing.cut();
        Ok(self.settle(words, kind))
    }

    /// How much audio was heard, in seconds.
    pub(super) fn duration(&self) -> f64 {
        seconds(self.now)
    }

    fn decode(&mut self, bytes: &[u8]) -> Vec<i16> {
        match self.parameters.encoding {
            Encoding::Mulaw => audio::g711::decode_all(bytes),
            Encoding::Linear16 => {
                let bytes: Vec<u8> = self.odd_byte.take().into_iter().chain(bytes.iter().copied()).collect();
                let (pairs, rest) = bytes.as_chunks::<2>();
                self.odd_byte = rest.first().copied();
                pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
            }
        }
    }

    async fn step(&mut self, window: &[i16], heard: &mut Vec<Heard>) -> Result<(), Error> {
        match self.endpointing.step(window) {
            Step::Silence => {
                self.lead.push_back(window.to_vec());
                if self.lead.len() > LEAD {
                    self.lead.pop_front();
                }
                self.gap(heard);
            }
            Step::Started(steps_ago) => self.begin(window, steps_ago, heard).await?,
            Step::Speech => {
                self.recogniser.hear(window).await?;
                self.interim(heard).await?;
            }
            Step::Ended => {
                self.recogniser.hear(window).await?;
                let words = self.recogniser.end().await?.words;
                if let Some(utterance) = self.utterance.take() {
                    let words = self.in_stream(&utterance, words);
                    let wanted = self.parameters.endpointing.is_some();
                    let kind = if wanted { Kind::Endpoint } else { Kind::Settled };
                    heard.push(Heard::Segment(self.settle(words, kind)));
                }
                self.gap(heard);
            }
        }
        Ok(())
    }

    async fn begin(&mut self, window: &[i16], steps_ago: u32, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let lead: Vec<i16> = self.lead.drain(..).flatten().chain(window.iter().copied()).collect();
        let start = self.now.saturating_sub((lead.len() / WINDOW) as u64);
        self.utterance = Some(Utterance { start, next_interim: self.now + self.interim_every });
        self.recogniser.begin().await?;
        self.recogniser.hear(&lead).await?;
        if self.parameters.vad_events {
            heard.push(Heard::SpeechStarted { at: seconds(self.now.saturating_sub(steps_ago.into())) });
        }
        Ok(())
    }

    async fn interim(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let Some(utterance) = &mut self.utterance else { return Ok(()) };
        if !self.parameters.interim_results || self.now < utterance.next_interim {
            return Ok(());
        }
        utterance.next_interim = self.now + self.interim_every;
        let words = self.recogniser.so_far().await?.words;
        if let Some(utterance) = self.utterance.as_ref().filter(|_| !words.is_empty()) {
            let words = self.in_stream(utterance, words);
            heard.push(Heard::Segment(self.segment(words, Kind::Interim)));
        }
        Ok(())
    }

    /// What silence itself says: that the last word is long ago, or that nothing was said.
    fn gap(&mut self, heard: &mut Vec<Heard>) {
        if let (Some(gap), Some(last)) = (self.parameters.utterance_end, self.last_word_end)
            && seconds(self.now) >= last + gap.as_secs_f64()
        {
            self.last_word_end = None;
            heard.push(Heard::UtteranceEnd { last_word_end: last });
        }
        if self.now - self.settled >= steps(SILENCE_REPORTED) {
            heard.push(Heard::Segment(self.settle(Vec::new(), Kind::Settled)));
        }
    }

    fn settle(&mut self, words: Vec<Word>, kind: Kind) -> Segment {
        if let Some(last) = words.last() {
            self.last_word_end = Some(last.end);
        }
        let segment = self.segment(words, kind);
        self.settled = self.now;
        segment
    }

    fn segment(&self, words: Vec<Word>, kind: Kind) -> Segment {
        let start = seconds(self.settled);
        Segment { start, duration: seconds(self.now) - start, words, kind }
    }

    /// Words with times in the stream instead of in the utterance.
    fn in_stream(&self, utterance: &Utterance, words: Vec<Word>) -> Vec<Word> {
        let offset = seconds(utterance.start);
        words.into_iter().map(|w| Word { start: w.start + offset, end: w.end + offset, ..w }).collect()
    }
}

fn seconds(steps: u64) -> f64 {
    steps as f64 * STEP.as_secs_f64()
}

fn steps(time: Duration) -> u64 {
    (time.as_millis() / STEP.as_millis()) as u64
}
