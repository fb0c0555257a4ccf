//! One clause of text to µ-law, with the places of its words.

use flite_rs::dsp::i16_to_ulaw;
use flite_rs::utterance::{ItemId, Utterance};
use flite_rs::{Engine, Flow, KAL_VOICE_DATA, Voice as Recorded, voice};

/// A clause longer than this is cut at a word: it would take too long in one call.
const LONGEST: usize = 160;
/// What is longer than this and has no space, an address or a slip of the keyboard, is cut within.
const LONGEST_WORD: usize = 40;

pub(crate) struct Voice {
    engine: Engine,
    recorded: Recorded,
}

/// Audio of one clause, and its words: text, first and last byte.
#[derive(Default)]
pub(crate) struct Clause {
    audio: Vec<u8>,
    given: usize,
    pub(crate) words: Vec<(String, usize, usize)>,
}

impl Clause {
    pub(crate) fn len(&self) -> usize {
        self.audio.len()
    }

    /// Everything was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.given == self.audio.len()
    }

    pub(crate) fn take(&mut self, most: usize) -> Vec<u8> {
        let end = (self.given + most).min(self.audio.len());
        let piece = self.audio[self.given..end].to_vec();
        self.given = end;
        piece
    }
}

impl Voice {
    pub(crate) fn new(speed: f32) -> Self {
        let mut engine = Engine::new();
        engine.set_duration_stretch(1.0 / speed);
        let recorded = Recorded::parse(KAL_VOICE_DATA).expect("the voice is part of the component");
        Self { engine, recorded }
    }

    pub(crate) fn synthesise(&self, text: &str) -> Clause {
        let analysed = self.engine.analyse(text);
        let mut audio = Vec::new();
        voice::synthesise_streaming(&self.recorded, &analysed, self.engine.params(), &mut |period| {
            audio.extend(period.iter().map(|sample| i16_to_ulaw(*sample)));
            Flow::Continue
        });
        let words = words(&analysed, audio.len());
        Clause { audio, given: 0, words }
    }
}

/// The text in parts that are spoken with a pause between them.
pub(crate) fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.trim().is_empty() {
            return None;
        }
        let (clause, after) = rest.split_at(end_of_clause(rest));
        rest = after;
        Some(clause.trim())
    })
    .filter(|clause| !clause.is_empty())
}

fn end_of_clause(text: &str) -> usize {
    let (mut word, mut letters) = (None, 0);
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let Some((next, following)) = chars.peek().copied() else { break };
        let ends = matches!(char, ',' | ';' | ':' | '!' | '?' | '.') && following.is_whitespace();
        // «Mr. Lee» is one clause: what follows a short word with a dot may belong to it
        let short = char == '.' && text[..at].chars().rev().take_while(|c| c.is_alphabetic()).count() < 4;
        if ends && !short {
            return next;
        }
        letters = if following.is_whitespace() { 0 } else { letters + 1 };
        if letters > LONGEST_WORD {
            return word.unwrap_or(next);
        }
        if following.is_whitespace() {
            word = Some(next);
        }
        if let Some(end) = word.filter(|_| at > LONGEST) {
            return end;
        }
    }
    text.len()
}

/// A word of the text is a token; its sounds say when it ends.
fn words(utterance: &Utterance, bytes: usize) -> Vec<(String, usize, usize)> {
    // seconds to bytes, at 8000 of them a second
    let at = |seconds: f32| ((seconds * 8000.0) as usize).min(bytes);
    let mut words: Vec<(String, usize, usize)> = Vec::new();
    for token in utterance.iter_relation("Token") {
        let Some((start, end)) = times(utterance, token) else { continue };
        let start = words.last().map_or(0, |(_, _, end)| *end).max(at(start));
        words.push((utterance.name(token).to_owned(), start, at(end).max(start)));
    }
    words
}

/// From the first sound of a token to its last, in seconds.
fn times(utterance: &Utterance, token: ItemId) -> Option<(f32, f32)> {
    let first_word = utterance.daughter(token)?;
    let last_word = utterance.last_daughter(token)?;
    let syllables = |word: ItemId| utterance.item_as(word, "SylStructure");
    let first = utterance.daughter(utterance.daughter(syllables(first_word)?)?)?;
    let last = utterance.last_daughter(utterance.last_daughter(syllables(last_word)?)?)?;
    let before = utterance.item_as(first, "Segment").and_then(|segment| utterance.prev(segment));
    let start = before.map_or(0.0, |segment| utterance.feature_f32(segment, "end"));
    Some((start, utterance.feature_f32(last, "end")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_where_one_pauses() {
        let text = "Well, Mr. Lee paid 3.50 for it. Is that all? Yes";
        assert_eq!(
            clauses(text).collect::<Vec<_>>(),
            ["Well,", "Mr. Lee paid 3.50 for it. Is that all?", "Yes"]
        );
        assert_eq!(clauses("  ").count(), 0);
        let long = "word ".repeat(200);
        assert!(clauses(&long).all(|clause| clause.len() <= LONGEST + 10));
        let address = format!("Look at https://example.com/{} please", "aß1/".repeat(60));
        assert!(clauses(&address).all(|clause| clause.chars().count() <= LONGEST_WORD + 2));
        assert_eq!(
            clauses(&address).flat_map(str::split_whitespace).collect::<String>(),
            address.replace(' ', "")
        );
    }
}
