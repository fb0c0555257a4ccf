//! A simulated voice: takes a while to begin, speaks at [`PACE`], and may come to a bad end.

use super::{PACE, ms};
use call::line::UtteranceId;
use call::{Cause, Failure, Word, tts};
use std::collections::HashMap;
use std::time::Duration;

pub struct Voice {
    pub first_audio: Duration,
    /// says where its words lie
    pub timings: bool,
    /// takes everything and gives nothing
    pub silent: bool,
    /// what becomes of the voices, one after the other; one that is not named here is well
    pub fates: Vec<Fate>,
    /// which of them speaks
    pub session: usize,
    /// characters of each utterance that it has spoken
    spoken: HashMap<UtteranceId, usize>,
    /// words that it has spoken
    words: usize,
    /// words that sound for themselves: each has its own sample
    known: Vec<String>,
}

/// What becomes of a voice.
#[derive(Clone, Debug)]
pub enum Fate {
    IsWell,
    /// is well, and does not say where its words lie
    IsTerse,
    /// speaks so many words and half of the next, and then fails
    BreaksOff(usize),
    /// speaks so many words, and then fails
    Fails(usize, Failure),
    /// speaks so many words, and then nothing
    Stalls(usize),
    /// says that it has spoken all, and has not spoken
    GivesNothing,
    /// gives sound without end
    Floods,
}

/// So many words can sound for themselves.
const SAMPLES: u8 = 0x40;
/// And so sounds a part of one.
const HALF_A_WORD: u8 = 0x50;
/// A word of a voice of which nothing is to be told.
const ANY_WORD: u8 = 0x20;

impl Default for Voice {
    fn default() -> Self {
        Self {
            first_audio: ms(50),
            timings: true,
            silent: false,
            fates: Vec::new(),
            session: 0,
            spoken: HashMap::new(),
            words: 0,
            known: Vec::new(),
        }
    }
}

impl Voice {
    pub(super) fn open_again(&mut self) {
        self.session += 1;
        self.spoken.clear();
        self.words = 0;
    }

    /// What it gives for this piece.
    pub(super) fn speak(&mut self, utterance: UtteranceId, text: &str, last: bool) -> Vec<tts::Effect> {
        let fate = self.fates.get(self.session).cloned().unwrap_or(Fate::IsWell);
        let until = match fate {
            Fate::IsWell | Fate::IsTerse => usize::MAX,
            Fate::Fails(words, _) | Fate::Stalls(words) | Fate::BreaksOff(words) => words,
            Fate::GivesNothing | Fate::Floods => 0,
        };
        let mut effects = Vec::new();
        for word in text.split_inclusive(' ') {
            if self.words >= until {
                if matches!(fate, Fate::BreaksOff(_)) {
                    let data = vec![HALF_A_WORD; samples(word) / 2];
                    effects.push(tts::Effect::Audio { utterance, data });
                }
                break;
            }
            effects.extend(self.word(utterance, word, !matches!(fate, Fate::IsTerse)));
        }
        let ends = self.words >= until;
        match fate {
            Fate::BreaksOff(_) if ends => {
                let failure = Failure::new(Cause::Unreachable, "closed in the middle");
                effects.push(tts::Effect::Failed(failure));
            }
            Fate::Fails(_, failure) if ends => effects.push(tts::Effect::Failed(failure)),
            Fate::Floods => effects.push(tts::Effect::Audio { utterance, data: vec![0xF0; 8_000 * 120] }),
            Fate::Stalls(_) if ends => {}
            _ => effects.extend(last.then_some(tts::Effect::Finished(utterance))),
        }
        effects
    }

    fn word(&mut self, utterance: UtteranceId, word: &str, told: bool) -> Vec<tts::Effect> {
        self.words += 1;
        let spoken = self.spoken.entry(utterance).or_default();
        let start = PACE * *spoken as u32;
        *spoken += word.chars().count();
        let end = PACE * (*spoken - usize::from(word.ends_with(' '))) as u32;
        let sample = if self.fates.is_empty() { ANY_WORD } else { self.known.len() as u8 };
        assert!(sample < SAMPLES, "more words than samples");
        if !self.fates.is_empty() {
            self.known.push(word.to_owned());
        }
        let mut effects = vec![tts::Effect::Audio { utterance, data: vec![sample; samples(word)] }];
        let word = Word { text: word.trim().into(), start, end };
        if self.timings && told && !word.text.is_empty() {
            effects.push(tts::Effect::Timing { utterance, word });
        }
        effects
    }

    /// The words that sound to their end in this, in order.
    pub(super) fn words_in(&self, played: impl Iterator<Item = u8>) -> String {
        let mut heard: Vec<(u8, usize)> = Vec::new();
        for sample in played.filter(|sample| *sample < SAMPLES) {
            match heard.last_mut().filter(|(last, _)| *last == sample) {
                Some((_, length)) => *length += 1,
                None => heard.push((sample, 1)),
            }
        }
        let whole = |(sample, length): &(u8, usize)| {
            let word = self.known[usize::from(*sample)].trim();
            // the blank behind it is no part of it
            (*length >= samples(word)).then_some(word)
        };
        heard.iter().filter_map(whole).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn is_half_a_word(sample: u8) -> bool {
        sample == HALF_A_WORD
    }
}

fn samples(word: &str) -> usize {
    word.chars().count() * PACE.as_millis() as usize * 8
}
