//! The ear that only pretends: a level meter notices that somebody speaks, and a script says what.
//!
//! No recogniser, no other process, next to no work: a hundred streams in real time cost less than a
//! tenth of one core, most of it for their sockets. Where utterances begin and end is found in the
//! audio, in the time of the audio, in steps of 10 ms; what is said in them, in the script.
//! `endpointing` has no effect here: the script's own gap is what ends an utterance.

use super::parameters::Parameters;
use super::stream::{Decoder, Heard, Kind, Segment, Timeline, seconds, steps};
use crate::speech::Word;
use crate::speech::endpointing::{Endpointing, STEP, Step};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is understood of one utterance: all that is said between two pauses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptedLine {
    /// One after the other while the voice lasts, as far as there is time for them.
    pub interims: Vec<String>,
    /// The final, exactly as it is to be written.
    pub text: String,
}

impl ScriptedLine {
    /// A line whose interims grow word by word.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let words: Vec<&str> = text.split_whitespace().collect();
        let beginning = |words: &[&str]| bare(&words.join(" ")).to_owned();
        let interims = (1..=words.len()).filter_map(|n| words.get(..n)).map(beginning).collect();
        Self { interims, text }
    }

    /// A sentence that is said with pauses in it: each piece is an utterance and becomes a final of
    /// its own, and only the last one ends like a sentence.
    pub fn in_pieces<P: AsRef<str>>(pieces: &[P]) -> Vec<Self> {
        let mut lines: Vec<Self> = pieces.iter().map(|piece| Self::new(piece.as_ref())).collect();
        if let Some((_, others)) = lines.split_last_mut() {
            for line in others {
                line.text.truncate(bare(&line.text).len());
            }
        }
        lines
    }
}

impl From<&str> for ScriptedLine {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

pub(super) struct Scripted {
    parameters: Parameters,
    interim_every: u64,
    lines: Arc<[ScriptedLine]>,
    /// How many utterances have ended.
    utterances: usize,
    decoder: Decoder,
    /// Samples in a step.
    window: usize,
    /// Less than a step.
    pending: Vec<i16>,
    endpointing: Endpointing,
    timeline: Timeline,
    /// Some while somebody speaks.
    utterance: Option<Utterance>,
    /// The last step with a voice in it, and when it arrived.
    voice: (u64, Instant),
}

/// In steps since the start of the stream.
struct Utterance {
    start: u64,
    next_interim: u64,
    interims: usize,
}

impl Scripted {
    pub(super) fn new(
        parameters: Parameters,
        interim_every: Duration,
        lines: Arc<[ScriptedLine]>,
        gap: Duration,
    ) -> Self {
        Self {
            interim_every: steps(interim_every).max(1),
            lines,
            utterances: 0,
            decoder: Decoder::new(parameters.encoding),
            window: parameters.sample_rate.samples_in(STEP).max(1),
            pending: Vec::new(),
            endpointing: Endpointing::new(gap),
            timeline: Timeline::new(parameters.utterance_end),
            parameters,
            utterance: None,
            voice: (0, Instant::now()),
        }
    }

    /// What is heard in bytes that arrived just now.
    pub(super) fn audio(&mut self, bytes: &[u8], now: Instant) -> Vec<Heard> {
        let samples = self.decoder.decode(bytes);
        self.pending.extend(samples);
        let pending = std::mem::take(&mut self.pending);
        let mut windows = pending.chunks_exact(self.window);
        let mut heard = Vec::new();
        for window in &mut windows {
            self.timeline.now += 1;
            self.step(window, now, &mut heard);
        }
        self.pending = windows.remainder().to_vec();
        heard
    }

    /// Settles what was said so far, whether or not the speaker paused.
    pub(super) fn flush(&mut self, kind: Kind) -> Segment {
        self.endpointing.cut();
        self.end(kind).unwrap_or_else(|| self.timeline.settle(Vec::new(), kind))
    }

    /// How much audio was heard, in seconds.
    pub(super) fn duration(&self) -> f64 {
        seconds(self.timeline.now)
    }

    fn step(&mut self, window: &[i16], arrived: Instant, heard: &mut Vec<Heard>) {
        let now = self.timeline.now;
        match self.endpointing.step(window) {
            Step::Silence => self.timeline.silence(heard),
            Step::Started(steps_ago) => {
                self.voice = (now, arrived);
                let start = now.saturating_sub(steps_ago.into());
                self.utterance =
                    Some(Utterance { start, next_interim: now + self.interim_every, interims: 0 });
                if self.parameters.vad_events {
                    heard.push(Heard::SpeechStarted { at: seconds(start) });
                }
            }
            Step::Speech if self.endpointing.pause() > 0 => {}
            Step::Speech => {
                self.voice = (now, arrived);
                heard.extend(self.interim().map(Heard::Segment));
            }
            Step::Ended => {
                heard.extend(self.end(Kind::Endpoint).map(Heard::Segment));
                self.timeline.silence(heard);
            }
        }
    }

    fn interim(&mut self) -> Option<Segment> {
        let now = self.timeline.now;
        let due = |utterance: &&mut Utterance| now >= utterance.next_interim;
        let utterance = self.utterance.as_mut().filter(due)?;
        utterance.next_interim = now + self.interim_every;
        let line = line(&self.lines, self.utterances).filter(|_| self.parameters.interim_results)?;
        let text = line.interims.get(utterance.interims)?.clone();
        utterance.interims += 1;
        let words = words(&text, utterance.start, now);
        Some(Segment { written: Some(text), ..self.timeline.segment(words, Kind::Interim) })
    }

    /// The final of the utterance, if there is one.
    fn end(&mut self, kind: Kind) -> Option<Segment> {
        let utterance = self.utterance.take()?;
        let text = line(&self.lines, self.utterances).map(|line| line.text.clone()).unwrap_or_default();
        self.utterances += 1;
        let (voice_ended, voice_arrived) = self.voice;
        let words = words(&text, utterance.start, voice_ended);
        Some(Segment {
            written: Some(text),
            voice_arrived: Some(voice_arrived),
            ..self.timeline.settle(words, kind)
        })
    }
}

/// After the last line comes the first again.
fn line(lines: &[ScriptedLine], utterance: usize) -> Option<&ScriptedLine> {
    lines.get(utterance.checked_rem(lines.len())?)
}

/// The words of a text, evenly spread over the time in which it was said.
fn words(text: &str, start: u64, end: u64) -> Vec<Word> {
    let spoken: Vec<String> = text.split_whitespace().filter_map(spoken).collect();
    let each = (seconds(end) - seconds(start)) / spoken.len().max(1) as f64;
    let at = |n: usize| seconds(start) + each * n as f64;
    let word = |(n, word)| Word { word, start: at(n), end: at(n + 1), confidence: 0.99 };
    spoken.into_iter().enumerate().map(word).collect()
}

/// A word as a recogniser has it; None for a lonely mark.
pub(super) fn spoken(written: &str) -> Option<String> {
    let word = written.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    Some(word).filter(|word| !word.is_empty())
}

/// Without what ends a sentence or clause.
fn bare(text: &str) -> &str {
    text.trim_end_matches(['.', '!', '?', ',', ';', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripted(lines: &[&str]) -> Scripted {
        let query =
            [("model", "m"), ("encoding", "mulaw"), ("sample_rate", "8000"), ("interim_results", "true")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let Ok((parameters, _)) = Parameters::parse(&query) else { panic!("the query is right") };
        let lines = lines.iter().map(|text| ScriptedLine::new(*text)).collect();
        Scripted::new(parameters, Duration::from_millis(200), lines, Duration::from_millis(100))
    }

    fn voice(milliseconds: usize) -> Vec<u8> {
        let samples = (0..milliseconds * 8).map(|n| (8000.0 * (n as f32 * 0.3).sin()) as i16);
        samples.map(audio::g711::encode).collect()
    }

    #[test]
    fn the_delay_of_a_final_counts_from_the_arrival_of_the_voice() {
        let mut scripted = scripted(&["Yes."]);
        let begun = Instant::now();
        let at = |milliseconds: u64| begun + Duration::from_millis(milliseconds);
        for frame in 1..=10 {
            scripted.audio(&voice(20), at(frame * 20));
        }
        for frame in 11..15 {
            assert_eq!(scripted.audio(&[audio::g711::SILENCE; 160], at(frame * 20)), []);
        }
        let heard = scripted.audio(&[audio::g711::SILENCE; 160], at(300));
        let [Heard::Segment(last)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!(last.kind, Kind::Endpoint);
        assert_eq!(last.voice_arrived, Some(at(200)));
    }

    #[test]
    fn a_script_without_lines_hears_utterances_without_words() {
        let mut scripted = scripted(&[]);
        let heard = scripted.audio(&[voice(300), vec![audio::g711::SILENCE; 1600]].concat(), Instant::now());
        let [Heard::Segment(last)] = &heard[..] else { panic!("{heard:?}") };
        assert_eq!((&last.words, last.kind), (&vec![], Kind::Endpoint));
    }

    #[test]
    fn only_the_last_piece_of_a_sentence_ends_like_one() {
        let texts = |lines: Vec<ScriptedLine>| lines.into_iter().map(|line| line.text).collect::<Vec<_>>();
        let pieces = ScriptedLine::in_pieces(&["Well,", "my soup.", "It was cold."]);
        assert_eq!(pieces[2].interims, ["It", "It was", "It was cold"]);
        assert_eq!(texts(pieces), ["Well", "my soup", "It was cold."]);
    }
}
