//! What an answer to Twilio says: what there is to speak, as verbs, and what follows on it.

use crate::config;
use call::line::UtteranceId;
use call::persona::{Interruption, Manner};
use std::time::Duration;
use twilio::twiml::{Address, Gather, Prompt, Response, Say, SpeechTimeout};

/// Nobody speaks a character faster than this, and nobody more slowly.
const FASTEST: Duration = Duration::from_millis(45);
const SLOWEST: Duration = Duration::from_millis(75);
/// Until the first word is spoken.
const LAG: Duration = Duration::from_millis(500);
/// A key, and the silence after it.
const KEY: Duration = Duration::from_millis(500);
/// A key that nothing but itself finishes.
const ONE: u32 = 1;
/// Twilio takes no longer text in one `<Say>`, in characters.
const LONGEST_SAY: usize = 4000;

/// Something to be said or pressed, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) utterance: UtteranceId,
    pub(super) what: What,
    pub(super) manner: Manner,
    /// nothing more comes of it
    pub(super) whole: bool,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Words(String),
    Keys(String),
}

/// What is to be said now, and whether that is all for now.
pub(super) struct Part {
    pieces: Vec<Piece>,
    is_all: bool,
}

/// Keys that are collected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collecting {
    pub(super) max: u8,
    pub(super) finish: Option<char>,
}

/// How long what an answer says takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Length {
    pub(super) fastest: Duration,
    pub(super) slowest: Duration,
}

impl Length {
    pub(super) fn of(text: &str) -> Self {
        let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        Self { fastest: FASTEST * count, slowest: SLOWEST * count }
    }
}

/// How the caller is listened to.
pub(super) struct Listening<'a> {
    pub(super) how: &'a config::Gather,
    pub(super) language: &'a str,
    pub(super) hints: &'a [String],
    pub(super) collecting: Option<Collecting>,
    /// where what comes of it is told, and where it is told while it is being said
    pub(super) action: String,
    pub(super) partial: String,
}

impl Part {
    /// All that there is, if all of it is known; else what can be said of it already, to the end of a
    /// sentence. None: nothing can.
    pub(super) fn take(pieces: &mut Vec<Piece>, busy: bool) -> Option<Self> {
        let whole = pieces.iter().take_while(|piece| piece.whole).count();
        if whole == pieces.len() && !busy {
            return Some(Self { pieces: std::mem::take(pieces), is_all: true });
        }
        let mut taken: Vec<Piece> = pieces.drain(..whole).collect();
        if let Some(next) = pieces.first_mut()
            && let What::Words(text) = &mut next.what
            && let Some(end) = end_of_sentence(text)
        {
            let rest = text.split_off(end);
            let begun = Piece { what: What::Words(std::mem::replace(text, rest)), ..next.clone() };
            taken.push(begun);
        }
        let says = taken.iter().any(Piece::is_heard);
        if !says {
            // nothing is lost: what cannot be heard is said with what can
            pieces.splice(0..0, taken);
            return None;
        }
        Some(Self { pieces: taken, is_all: false })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn length(&self) -> Length {
        let mut length = Length::default();
        for piece in &self.pieces {
            let of = match &piece.what {
                What::Words(text) => Length::of(text),
                What::Keys(keys) => {
                    let all = KEY * u32::try_from(keys.len()).unwrap_or(u32::MAX);
                    Length { fastest: all, slowest: all }
                }
            };
            length.fastest += of.fastest;
            length.slowest += of.slowest;
        }
        if !length.slowest.is_zero() {
            length.slowest += LAG;
        }
        length
    }

    /// What may not be interrupted is said first, and Twilio says at once when it was: by asking again.
    /// The rest is said while the caller is listened to. With it: whether anything is listened to.
    pub(super) fn document(self, before: Response, listening: &Listening<'_>) -> (Response, bool) {
        let stays = |piece: &Piece| {
            piece.manner.interruption == Interruption::Nothing || matches!(piece.what, What::Keys(_))
        };
        let firm = match self.is_all {
            true => self.pieces.iter().rposition(stays).map_or(0, |at| at + 1),
            false => self.pieces.len(),
        };
        let (first, prompt) = self.pieces.split_at(firm.min(self.pieces.len()));
        let mut document = first.iter().fold(before, |document, piece| match &piece.what {
            What::Words(text) => {
                says(text, &piece.manner, listening).into_iter().fold(document, Response::say)
            }
            What::Keys(keys) => document.press(keys.as_str()),
        });
        let heard = prompt.iter().filter(|piece| piece.is_heard()).collect::<Vec<_>>();
        if !self.is_all || heard.is_empty() && first.iter().any(Piece::is_heard) {
            return (document.redirect(Address::post(&listening.action)), false);
        }
        let by = |by: fn(Interruption) -> bool| heard.iter().all(|piece| by(piece.manner.interruption));
        let (speech, keys) = (by(Interruption::by_speech), by(Interruption::by_keys));
        let prompt = heard.iter().flat_map(|piece| match &piece.what {
            What::Words(text) => says(text, &piece.manner, listening),
            What::Keys(_) => Vec::new(),
        });
        let prompt = prompt.map(Prompt::Say).collect();
        document = document.gather(listening.gather(prompt, speech, keys));
        // should Twilio not ask: it does
        (document.redirect(Address::post(&listening.action)), true)
    }
}

impl Piece {
    fn is_heard(&self) -> bool {
        match &self.what {
            What::Words(text) => !text.trim().is_empty(),
            What::Keys(keys) => !keys.is_empty(),
        }
    }
}

impl Listening<'_> {
    /// `speech`, `keys`: whether they may cut off what is said.
    pub(super) fn gather(&self, prompt: Vec<Prompt>, speech: bool, keys: bool) -> Gather {
        // what may not cut it off is listened for once it is over
        let (both, collecting) = (speech == keys, self.collecting);
        let whole_seconds = |length: Duration| length.max(Duration::from_secs(1));
        let hints = self.how.hints.iter().chain(self.hints).cloned().collect();
        Gather {
            speech: (speech || both) && collecting.is_none(),
            keys: keys || both || collecting.is_some(),
            prompt,
            timeout: Some(match both {
                true => whole_seconds(self.how.timeout.0),
                false => Duration::from_secs(1),
            }),
            speech_timeout: Some(SpeechTimeout::After(whole_seconds(self.how.speech_timeout.0))),
            speech_model: self.how.speech_model.clone(),
            language: Some(self.language.to_owned()),
            hints,
            profanity_filter: self.how.profanity_filter,
            digits: Some(collecting.map_or(ONE, |collecting| u32::from(collecting.max))),
            finish_on_key: Some(
                collecting.and_then(|collecting| collecting.finish).map(String::from).unwrap_or_default(),
            ),
            partial: self.how.partials.then(|| Address::post(&self.partial)),
            max_speech: Some(self.how.max_speech.0),
            ..Gather::new(Address::post(&self.action))
        }
    }

    /// In the voice and the language of the route.
    pub(super) fn say(&self, text: &str) -> Say {
        Say { text: text.to_owned(), voice: self.how.voice.clone(), language: Some(self.language.to_owned()) }
    }
}

/// As many `<Say>` as it takes.
fn says(text: &str, manner: &Manner, listening: &Listening<'_>) -> Vec<Say> {
    let text = text.trim();
    let mut parts: Vec<String> = vec![String::new()];
    for word in text.split_inclusive(char::is_whitespace) {
        let long = parts.last().is_some_and(|part| part.chars().count() + word.chars().count() > LONGEST_SAY);
        if long {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(word);
        }
    }
    let say = |text: String| {
        let say = listening.say(text.trim());
        Say { language: manner.language.clone().or(say.language.clone()), ..say }
    };
    parts.into_iter().filter(|part| !part.trim().is_empty()).map(say).collect()
}

/// Behind the last sentence that is whole.
fn end_of_sentence(text: &str) -> Option<usize> {
    let ends = text.char_indices().zip(text.chars().skip(1)).filter_map(|((at, char), next)| {
        (matches!(char, '.' | '!' | '?' | '…') && next.is_whitespace()).then_some(at + char.len_utf8())
    });
    ends.last()
}
