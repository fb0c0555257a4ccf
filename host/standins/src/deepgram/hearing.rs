//! The ear that understands: one stream of audio, turned into what PocketSphinx hears in it.

use super::parameters::Parameters;
use super::stream::{Decoder, Heard, Kind, Segment, Timeline, seconds, steps};
use crate::speech::endpointing::{Endpointing, LEAD, Step, WINDOW};
use crate::speech::{Error, Recogniser, Upsampler, Word};
use std::collections::VecDeque;
use std::time::Duration;

/// The pause that settles words when endpointing is off.
const UNASKED_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Hearing {
    parameters: Parameters,
    interim_every: u64,
    recogniser: Recogniser,
    decoder: Decoder,
    upsampler: Upsampler,
    endpointing: Endpointing,
    /// 16 kHz samples, less than a step.
    pending: Vec<i16>,
    /// The last steps before a voice is detected.
    lead: VecDeque<Vec<i16>>,
    /// Some while somebody speaks.
    utterance: Option<Utterance>,
    timeline: Timeline,
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
            decoder: Decoder::new(parameters.encoding),
            upsampler: Upsampler::new(parameters.sample_rate)?,
            endpointing: Endpointing::new(parameters.endpointing.unwrap_or(UNASKED_PAUSE)),
            interim_every: steps(interim_every).max(1),
            timeline: Timeline::new(parameters.utterance_end),
            parameters,
            recogniser,
            pending: Vec::new(),
            lead: VecDeque::new(),
            utterance: None,
        })
    }

    /// What is heard in the next bytes of the stream.
    pub(super) async fn audio(&mut self, bytes: &[u8]) -> Result<Vec<Heard>, Error> {
        let samples = self.decoder.decode(bytes);
        self.pending.extend(self.upsampler.push(&samples)?);
        let pending = std::mem::take(&mut self.pending);
        let mut windows = pending.chunks_exact(WINDOW);
        let mut heard = Vec::new();
        for window in &mut windows {
            self.timeline.now += 1;
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
                let so_far = self.recogniser.so_far().await?;
                let whole = self.recogniser.end().await?;
                self.in_stream(&utterance, if whole.is_empty() { so_far } else { whole })
            }
        };
        self.endpointing.cut();
        Ok(self.timeline.settle(words, kind))
    }

    /// How much audio was heard, in seconds.
    pub(super) fn duration(&self) -> f64 {
        seconds(self.timeline.now)
    }

    async fn step(&mut self, window: &[i16], heard: &mut Vec<Heard>) -> Result<(), Error> {
        match self.endpointing.step(window) {
            Step::Silence => {
                self.lead.push_back(window.to_vec());
                if self.lead.len() > LEAD {
                    self.lead.pop_front();
                }
                self.timeline.silence(heard);
            }
            Step::Started(steps_ago) => self.begin(window, steps_ago, heard).await?,
            Step::Speech => {
                self.recogniser.hear(window).await?;
                self.interim(heard).await?;
            }
            Step::Ended => {
                self.recogniser.hear(window).await?;
                let words = self.recogniser.end().await?;
                if let Some(utterance) = self.utterance.take() {
                    let words = self.in_stream(&utterance, words);
                    let wanted = self.parameters.endpointing.is_some();
                    let kind = if wanted { Kind::Endpoint } else { Kind::Settled };
                    heard.push(Heard::Segment(self.timeline.settle(words, kind)));
                }
                self.timeline.silence(heard);
            }
        }
        Ok(())
    }

    async fn begin(&mut self, window: &[i16], steps_ago: u32, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let now = self.timeline.now;
        let lead: Vec<i16> = self.lead.drain(..).flatten().chain(window.iter().copied()).collect();
        let start = now.saturating_sub((lead.len() / WINDOW) as u64);
        self.utterance = Some(Utterance { start, next_interim: now + self.interim_every });
        self.recogniser.begin().await?;
        self.recogniser.hear(&lead).await?;
        if self.parameters.vad_events {
            heard.push(Heard::SpeechStarted { at: seconds(now.saturating_sub(steps_ago.into())) });
        }
        Ok(())
    }

    async fn interim(&mut self, heard: &mut Vec<Heard>) -> Result<(), Error> {
        let Some(utterance) = &mut self.utterance else { return Ok(()) };
        if !self.parameters.interim_results || self.timeline.now < utterance.next_interim {
            return Ok(());
        }
        utterance.next_interim = self.timeline.now + self.interim_every;
        let words = self.recogniser.so_far().await?;
        if let Some(utterance) = self.utterance.as_ref().filter(|_| !words.is_empty()) {
            let words = self.in_stream(utterance, words);
            heard.push(Heard::Segment(self.timeline.segment(words, Kind::Interim)));
        }
        Ok(())
    }

    /// Words with times in the stream instead of in the utterance.
    fn in_stream(&self, utterance: &Utterance, words: Vec<Word>) -> Vec<Word> {
        let offset = seconds(utterance.start);
        words.into_iter().map(|w| Word { start: w.start + offset, end: w.end + offset, ..w }).collect()
    }
}
