//! Claim numbers: ten digits, the last of which checks the others.
//!
//! The check is Damm's: it notices every digit that was misheard, and every two neighbours that were
//! exchanged.

use super::numbers::{below_hundred, digit};
use super::{Word, at, pause_at};

const LENGTH: usize = 10;

const TABLE: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// The digit that goes behind these.
pub(crate) fn check_digit(digits: &str) -> u8 {
    digits.bytes().fold(0, |interim, byte| {
        let digit = usize::from(byte.wrapping_sub(b'0'));
        TABLE.get(usize::from(interim)).and_then(|row| row.get(digit)).copied().unwrap_or(0)
    })
}

pub(crate) fn is_claim_number(digits: &str) -> bool {
    digits.len() == LENGTH && digits.bytes().all(|b| b.is_ascii_digit()) && check_digit(digits) == 0
}

/// What was said as a claim number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    Number(String),
    /// that many digits in a row, or so few, that they were meant as one, and are none
    Misheard(String),
}

/// So many digits are an attempt at a claim number.
const NEARLY: std::ops::RangeInclusive<usize> = LENGTH - 1..=LENGTH + 1;

/// The claim number in these words. Its digits stand together: those of a date and of an amount in the
/// same sentence are not taken for one.
pub(crate) fn claim_number(words: &[Word]) -> Option<Spoken> {
    let runs = runs(words);
    let mut numbers: Vec<&String> = runs.iter().filter(|run| is_claim_number(run)).collect();
    numbers.dedup();
    match (numbers.as_slice(), runs.iter().rfind(|run| NEARLY.contains(&run.len()))) {
        ([number], _) => Some(Spoken::Number((*number).clone())),
        // two of them: which one is not known
        (_, Some(digits)) => Some(Spoken::Misheard(digits.clone())),
        (_, None) => None,
    }
}

/// The digits that stand together.
fn runs(words: &[Word]) -> Vec<String> {
    let (mut runs, mut run, mut next) = (Vec::new(), String::new(), 0);
    while next < words.len() {
        // before the first digit it is an exclamation: no claim number begins with nought
        let exclaimed = run.is_empty() && matches!(at(words, next), "oh" | "o");
        match digits(words, next, !run.is_empty()).filter(|_| !exclaimed) {
            Some((digits, behind)) => {
                run.push_str(&digits);
                next = behind;
            }
            None => {
                let word = at(words, next);
                if !JOINS.contains(&word) {
                    let run = std::mem::take(&mut run);
                    runs.extend((!COUNTED.contains(&word)).then_some(run));
                }
                next += 1;
            }
        }
    }
    runs.push(run);
    runs
}

/// Said between two digits, and no end of the number.
const JOINS: [&str; 15] = [
    "-", "and", "dash", "hyphen", "minus", "space", "then", "next", "comma", "uh", "um", "er", "erm",
    "followed", "by",
];

/// Behind these digits is no claim number.
const COUNTED: [&str; 13] = [
    "dollar", "dollars", "buck", "bucks", "pound", "pounds", "quid", "euro", "euros", "cent", "cents",
    "pence", "percent",
];

/// The digits that one or two words say, and the place behind them. `within`: behind other digits.
fn digits(words: &[Word], from: usize, within: bool) -> Option<(String, usize)> {
    let times = match at(words, from) {
        "double" => 2,
        "triple" | "treble" => 3,
        _ => 1,
    };
    let place = from + usize::from(times > 1);
    let word = at(words, place);
    if let Some(digit) = spelt(words, place, within) {
        return Some((digit.repeat(times), place + 1));
    }
    if let Some((pair, behind)) = below_hundred(words, place).filter(|(pair, _)| *pair >= 10) {
        // "forty, eight" is four, nought, eight; of "twenty hundred" nobody knows what it is
        let alone = behind == place + 2 && pause_at(words, place);
        let (pair, behind) = if alone { (pair - pair % 10, place + 1) } else { (pair, behind) };
        let scaled = matches!(at(words, behind), "hundred" | "thousand" | "million" | "grand");
        return (!scaled && times == 1).then(|| (pair.to_string(), behind));
    }
    let grouped = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | ',' | '(' | ')');
    let written: String = word.chars().filter(char::is_ascii_digit).collect();
    let fits = !written.is_empty() && word.chars().all(grouped) && (times == 1 || written.len() == 1);
    fits.then(|| (written.repeat(times), place + 1))
}

/// One digit in words. Among other digits a recogniser's "for" is a four.
fn spelt(words: &[Word], place: usize, within: bool) -> Option<String> {
    const BEFORE_A_NOUN: [&str; 7] = ["the", "this", "that", "have", "got", "another", "which"];
    let word = at(words, place);
    let before = place.checked_sub(1).map_or("", |before| at(words, before));
    // "I have one: ..."
    if word == "one" && BEFORE_A_NOUN.contains(&before) {
        return None;
    }
    if matches!(at(words, place + 1), "hundred" | "thousand" | "million" | "grand") {
        return None;
    }
    let among = within && (digit(at(words, place + 1)).is_some() || is_written(at(words, place + 1)));
    let digit = match word {
        "naught" | "nil" | "null" => 0,
        "to" | "too" if among => 2,
        "for" if among => 4,
        "ate" if among => 8,
        _ => digit(word)?,
    };
    Some(digit.to_string())
}

fn is_written(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}
