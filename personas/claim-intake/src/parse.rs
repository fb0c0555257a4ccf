//! What a caller said, as the pieces of a claim: by rules alone, without a model.
//!
//! [`understand`] takes the words of one turn and gives every piece that stands in them. It would
//! rather find nothing than guess: what it finds is confirmed, what it does not find is asked again.
//! What a piece means for the conversation is not decided here.

mod amounts;
mod answers;
mod claim_numbers;
mod dates;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod number_forms;
mod numbers;
mod statuses;
#[cfg(test)]
mod tests;

pub(crate) use amounts::Amount;
pub(crate) use answers::Answer;
use claim_numbers::{Spoken, claim_number};
pub(crate) use claim_numbers::{check_digit, is_claim_number};
pub(crate) use dates::Calendar;
pub(crate) use numbers::ORDINALS;
pub(crate) use statuses::Statuses;

use crate::claim::Piece;
use jiff::civil::Date;

/// Everything that was found in one turn.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Understood {
    pub(crate) date: Option<Date>,
    pub(crate) status: Option<String>,
    pub(crate) amount: Option<Amount>,
    pub(crate) answer: Option<Answer>,
    /// the digits of a claim number that can be one
    pub(crate) number: Option<String>,
    /// digits that were meant as a claim number, and are none
    pub(crate) misheard: Option<String>,
    /// pieces that are spoken about, with a value or without
    pub(crate) mentions: Vec<Piece>,
    pub(crate) mentions_number: bool,
    /// there is a claim number from an earlier call
    pub(crate) has_earlier: bool,
    /// a claim that is new, whatever there was before
    pub(crate) wants_new: bool,
    /// to go on with what there was before
    pub(crate) goes_on: bool,
    /// to be read what there is
    pub(crate) wants_reading: bool,
    /// something that was said before is being put right
    pub(crate) corrects: bool,
    /// something that was said before is wrong
    pub(crate) complains: bool,
    /// the caller does not know
    pub(crate) unknown: bool,
    /// say that again
    pub(crate) again: bool,
    pub(crate) goodbye: bool,
}

/// `expected`: what was asked for, and may therefore be said in fewer words ("450", "the fifth").
pub(crate) fn understand(
    text: &str,
    calendar: &Calendar,
    statuses: &Statuses,
    expected: &[Piece],
) -> Understood {
    let mut words = words(text);
    let (number, misheard) = match claim_number(&words) {
        Some(Spoken::Number(number)) => (Some(number), None),
        Some(Spoken::Misheard(digits)) => (None, Some(digits)),
        None => (None, None),
    };
    let mut understood = Understood {
        answer: answers::answer(&words),
        number,
        misheard,
        mentions: answers::mentions(&words),
        mentions_number: answers::mentions_number(&words),
        has_earlier: answers::has_earlier(&words),
        wants_new: answers::wants_new(&words),
        goes_on: answers::goes_on(&words),
        wants_reading: answers::wants_reading(&words),
        corrects: answers::corrects(&words),
        complains: answers::complains(&words),
        unknown: answers::unknown(&words),
        again: answers::again(&words),
        goodbye: answers::goodbye(&words),
        ..Understood::default()
    };
    if understood.number.is_some() {
        return understood;
    }
    let dates = dates::find(&words, calendar, expected.contains(&Piece::Date));
    let asked = expected.contains(&Piece::Status) || understood.mentions.contains(&Piece::Status);
    understood.status = choose(statuses.find(&words, asked), &words);
    // the numbers of a date are no amounts
    let spans: Vec<(usize, usize)> = dates.iter().map(|found| (found.from, found.to)).collect();
    understood.date = choose(dates, &words);
    for (from, to) in spans {
        for word in words.iter_mut().take(to).skip(from) {
            *word = Word { text: String::new(), pause: true };
        }
    }
    let bare = expected.contains(&Piece::Amount) || understood.mentions.contains(&Piece::Amount);
    understood.amount = choose(amounts::find(&words, bare), &words);
    understood
}

/// A word in lower case, and whether a pause was heard, or written, behind it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    text: String,
    pause: bool,
}

/// Something that stands in `from..to` of the words.
#[derive(Debug)]
struct Found<T> {
    value: T,
    from: usize,
    to: usize,
}

const SYMBOLS: [char; 3] = ['$', '£', '€'];

pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for chunk in text.to_lowercase().replace(['’', '‘'], "'").replace(['—', '–'], " - ").split_whitespace()
    {
        let pauses = chunk.ends_with([',', '.', ';', ':', '?', '!']) || chunk == "-";
        let chunk = chunk.trim_end_matches(|c: char| !c.is_alphanumeric() && !SYMBOLS.contains(&c));
        let symbol_or_sign = |c: char| c.is_alphanumeric() || SYMBOLS.contains(&c) || c == '-';
        let chunk = chunk.trim_start_matches(|c: char| !symbol_or_sign(c));
        // a date or a claim number in digits stays together, as does a minus
        let together = chunk.chars().all(|c| !c.is_alphabetic());
        for part in chunk.split(|c| c == '-' && !together).filter(|part| !part.is_empty()) {
            let mut rest = part;
            while let Some(at) = rest.find(SYMBOLS) {
                let (before, behind) = rest.split_at(at);
                let symbol = behind.chars().next().map_or(0, char::len_utf8);
                let (symbol, behind) = behind.split_at(symbol);
                for text in [before, symbol].into_iter().filter(|text| !text.is_empty()) {
                    words.push(Word { text: text.into(), pause: false });
                }
                rest = behind;
            }
            if !rest.is_empty() {
                words.push(Word { text: rest.into(), pause: false });
            }
        }
        if let Some(last) = words.last_mut() {
            last.pause |= pauses;
        }
    }
    words
}

/// The word at this place; behind the last one there is nothing.
fn at(words: &[Word], place: usize) -> &str {
    words.get(place).map_or("", |word| &word.text)
}

fn pause_at(words: &[Word], place: usize) -> bool {
    words.get(place).is_none_or(|word| word.pause)
}

/// Whether these words stand here.
fn stands(words: &[Word], from: usize, phrase: &str) -> bool {
    phrase.split(' ').enumerate().all(|(n, word)| at(words, from + n) == word)
}

/// Where one of these phrases begins.
fn phrase(words: &[Word], phrases: &[&str]) -> Option<usize> {
    (0..words.len()).find(|&from| phrases.iter().any(|phrase| stands(words, from, phrase)))
}

fn is_negative(word: &str) -> bool {
    word == "not" || word == "never" || word.ends_with("n't")
}

/// The one that is meant. "Not 300 but 400" and "300, no, 400" mean 400; "300 or 400" means neither.
fn choose<T: PartialEq>(mut found: Vec<Found<T>>, words: &[Word]) -> Option<T> {
    // where the one before it ends, what is said about that one ends too
    let ends: Vec<usize> = found.iter().map(|found| found.to).collect();
    let put_aside = |found: &Found<T>| {
        let begins = ends.iter().copied().filter(|to| *to <= found.from).max().unwrap_or(0);
        let before = (begins.max(found.from.saturating_sub(3))..found.from).rev();
        let mut before = before.take_while(|&n| !pause_at(words, n)).map(|n| at(words, n));
        before.any(|word| is_negative(word) || matches!(word, "from" | "than" | "instead"))
    };
    if found.iter().any(|found| !put_aside(found)) {
        found.retain(|found| !put_aside(found));
    }
    let last = found.pop()?;
    let differs = found.iter().rev().find(|other| other.value != last.value);
    let takes_back = |from: usize, to: usize| {
        let mut between = (from..to).map(|n| at(words, n));
        between.any(|word| {
            matches!(word, "no" | "sorry" | "actually" | "mean" | "rather" | "correction" | "wait")
        })
    };
    match differs {
        Some(other) if !takes_back(other.to, last.from) => None,
        _ => Some(last.value),
    }
}
