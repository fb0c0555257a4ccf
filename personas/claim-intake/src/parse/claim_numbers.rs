//! Claim numbers: ten digits, the last of which checks the others.
//!
//! The check is Damm's: it notices every digit that was misheard, and every two neighbours that were
//! exchanged.

use super::numbers::{below_hundred, digit};
use super::{Word, at};

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

/// The claim number in these words, if all their digits make one.
pub(crate) fn claim_number(words: &[Word]) -> Option<String> {
    let mut digits = String::new();
    let mut next = 0;
    while next < words.len() {
        let word = at(words, next);
        let times = match word {
            "double" => 2,
            "triple" | "treble" => 3,
            _ => 1,
        };
        let place = if times > 1 { next + 1 } else { next };
        next = place + 1;
        if let Some(digit) = digit(at(words, place)) {
            digits.push_str(&digit.to_string().repeat(times));
        } else if let Some((pair, behind)) = below_hundred(words, place) {
            digits.push_str(&pair.to_string().repeat(times));
            next = behind;
        } else {
            let word = at(words, place);
            if !word.contains(|c: char| c.is_alphabetic()) {
                digits.extend(word.chars().filter(char::is_ascii_digit));
            } else if word.contains(|c: char| c.is_ascii_digit()) || matches!(word, "hundred" | "thousand") {
                return None;
            }
        }
    }
    is_claim_number(&digits).then_some(digits)
}
