//! What is done to a real message to make it one that nobody sends.
//!
//! Bytes are flipped, left out and doubled, as in any fuzzer. Beyond that it knows what text protocols
//! are made of, without knowing any of them: words, numbers, lines, and what opens and closes.

use std::collections::BTreeSet;
use std::ops::Range;

/// Numbers at the edges of types, and what only looks like a number.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "7",
    "00",
    "0x10",
    "1e3",
    "1e308",
    "1e309",
    "-1e309",
    "1e-400",
    "0.1",
    ".5",
    "1.",
    "NaN",
    "Infinity",
    "127",
    "128",
    "255",
    "256",
    "999",
    "32767",
    "32768",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "-9223372036854775809",
    "+1",
    "1_000",
    "١",
];

/// What breaks readers of text.
const WORDS: &[&str] = &[
    "",
    "\0",
    "\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "\u{feff}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{202e}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "é",
    "ß",
    "İ",
    "\u{301}",
    "𝄞",
    "\"",
    "'",
    "`",
    "\\",
    "\\\"",
    "\\u0000",
    "\\ud800",
    "\\udc00\\ud800",
    "\\uffff",
    "<",
    ">",
    "&",
    "&amp;",
    "]]>",
    "<!--",
    "{",
    "}",
    "{}",
    "[",
    "]",
    "[]",
    "(",
    ")",
    ",",
    ";",
    ":",
    "=",
    "==",
    "+",
    "-",
    "*",
    "#",
    "%",
    "%00",
    "%2e",
    "%2F",
    "%ff",
    "%",
    "/",
    "//",
    "..",
    "../",
    "?",
    "@",
    "://",
    "~",
    "|",
    "null",
    "true",
    "false",
    "undefined",
];

/// What may stand in itself, again and again.
const OPENERS: &[&str] =
    &["[", "{\"a\":", "[{\"a\":", "{a=", "[[a.", "(", "<a>", "\"", "a.", "&", "{", "\\", "%25", "a=", "--"];

/// Bytes that numbers and lengths are made of.
const BYTES: &[u8] = &[0, 1, 2, 7, 8, 9, 10, 13, 16, 32, 0x40, 0x7f, 0x80, 0xc0, 0xed, 0xf4, 0xfe, 0xff];

pub(crate) struct Mutator {
    rng: fastrand::Rng,
    /// the target's, those of the seeds, and those that break any reader of text
    dictionaries: [Vec<Vec<u8>>; 3],
    is_text: bool,
    longest: usize,
}

/// The inputs that others are made of: those on disk, and those that were kept.
pub(crate) struct Pool {
    inputs: Vec<Vec<u8>>,
    given: usize,
}

/// So many are kept.
const MOST_KEPT: usize = 4096;
/// Of those that were kept last, others are made as often as of all others.
const NEWEST: usize = 32;

impl Pool {
    pub(crate) fn new(given: Vec<Vec<u8>>) -> Self {
        Self { given: given.len(), inputs: given }
    }

    pub(crate) fn given(&self) -> &[Vec<u8>] {
        self.inputs.get(..self.given).unwrap_or_default()
    }

    /// In place of another, if there are too many.
    fn keep(&mut self, input: Vec<u8>, rng: &mut fastrand::Rng) {
        if self.inputs.len() < self.given + MOST_KEPT {
            return self.inputs.push(input);
        }
        let at = rng.usize(self.given..self.inputs.len());
        if let Some(old) = self.inputs.get_mut(at) {
            *old = input;
        }
    }

    fn choose(&self, rng: &mut fastrand::Rng) -> &[u8] {
        let newest = self.inputs.len().saturating_sub(NEWEST).max(self.given);
        let newest = self.inputs.get(newest..).filter(|newest| !newest.is_empty() && rng.bool());
        rng.choice(newest.unwrap_or(&self.inputs)).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Mutator {
    pub(crate) fn new(seed: u64, pool: &Pool, dictionary: &[&str], longest: usize) -> Self {
        let found: BTreeSet<&[u8]> = pool.given().iter().flat_map(|seed| words(seed)).collect();
        let bytes = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let found = found.into_iter().map(<[u8]>::to_vec).collect();
        let dictionaries = [bytes(dictionary), found, bytes(WORDS)];
        let is_text = pool.given().iter().all(|seed| std::str::from_utf8(seed).is_ok());
        Self { rng: fastrand::Rng::with_seed(seed), dictionaries, is_text, longest }
    }

    /// An input out of those in the pool.
    pub(crate) fn next(&mut self, pool: &Pool) -> Vec<u8> {
        let mut input = pool.choose(&mut self.rng).to_vec();
        for _ in 0..1 << self.rng.u32(0..5) {
            self.change(&mut input, pool);
        }
        input.truncate(self.longest);
        input
    }

    pub(crate) fn keep(&mut self, input: Vec<u8>, pool: &mut Pool) {
        pool.keep(input, &mut self.rng);
    }

    fn change(&mut self, input: &mut Vec<u8>, pool: &Pool) {
        // what text is made of is rarely in what is none
        let most = if self.is_text || self.rng.bool() { 64 } else { 32 };
        match self.rng.u32(0..most) {
            0..4 => self.flip(input),
            4..8 => self.set_byte(input),
            8..10 => self.set_number(input),
            10..12 => self.insert_bytes(input),
            12..18 => {
                let range = self.range(input.len());
                input.drain(range);
            }
            18..22 => self.double(input),
            22..24 => input.truncate(self.rng.usize(0..=input.len())),
            24..28 => self.splice(input, pool),
            28..32 => self.graft(input, pool),
            32..38 => {
                let (at, word) = (self.rng.usize(0..=input.len()), self.word());
                input.splice(at..at, word);
            }
            38..46 => self.replace_word(input),
            46..54 => self.replace_number(input),
            54..62 => self.line(input, pool),
            62 => self.nest(input),
            _ => self.swell(input),
        }
    }

    // -- bytes

    fn flip(&mut self, input: &mut [u8]) {
        let bit = 1 << self.rng.u32(0..8);
        if let Some(byte) = self.byte(input) {
            *byte ^= bit;
        }
    }

    fn set_byte(&mut self, input: &mut [u8]) {
        let value =
            if self.rng.bool() { self.rng.u8(..) } else { self.rng.choice(BYTES).copied().unwrap_or(0) };
        if let Some(byte) = self.byte(input) {
            *byte = value;
        }
    }

    /// A number of two, four or eight bytes.
    fn set_number(&mut self, input: &mut [u8]) {
        let value = match self.rng.u32(0..4) {
            0 => u64::MAX << self.rng.u32(0..64),
            1 => u64::MAX >> self.rng.u32(0..64),
            2 => 1 << self.rng.u32(0..64),
            _ => self.rng.u64(0..100_000),
        };
        let length = 1 << self.rng.u32(1..4);
        let mut bytes = value.to_le_bytes().into_iter().take(length).collect::<Vec<u8>>();
        if self.rng.bool() {
            bytes.reverse();
        }
        let at = self.rng.usize(0..=input.len());
        for (old, new) in input.iter_mut().skip(at).zip(bytes) {
            *old = new;
        }
    }

    fn insert_bytes(&mut self, input: &mut Vec<u8>) {
        let at = self.rng.usize(0..=input.len());
        let bytes: Vec<u8> = (0..self.rng.usize(1..9)).map(|_| self.rng.u8(..)).collect();
        input.splice(at..at, bytes);
    }

    fn double(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input.len());
        let at = if self.rng.bool() { range.end } else { self.rng.usize(0..=input.len()) };
        let part = input.get(range).unwrap_or_default().to_vec();
        input.splice(at..at, part);
    }

    // -- other inputs

    /// The beginning of this, the end of another.
    fn splice(&mut self, input: &mut Vec<u8>, pool: &Pool) {
        input.truncate(self.rng.usize(0..=input.len()));
        let other = pool.choose(&mut self.rng);
        let from = self.rng.usize(0..=other.len());
        input.extend_from_slice(other.get(from..).unwrap_or_default());
    }

    /// A part of another in this.
    fn graft(&mut self, input: &mut Vec<u8>, pool: &Pool) {
        let other = pool.choose(&mut self.rng);
        let part = other.get(self.range(other.len())).unwrap_or_default().to_vec();
        let at = if self.rng.bool() { self.range(input.len()) } else { self.empty_range(input.len()) };
        input.splice(at, part);
    }

    // -- text

    fn replace_word(&mut self, input: &mut Vec<u8>) {
        let at = self.word_at(input, is_of_word);
        let word = self.word();
        input.splice(at, word);
    }

    fn replace_number(&mut self, input: &mut Vec<u8>) {
        let at = self.word_at(input, |byte| byte.is_ascii_digit());
        let number: Vec<u8> = match (self.rng.u32(0..4), self.rng.choice(NUMBERS)) {
            (0, _) | (_, None) => self.rng.u32(0..1000).to_string().into(),
            (_, Some(number)) => number.as_bytes().to_vec(),
        };
        input.splice(at, number);
    }

    /// Leaves a line out, doubles it, moves it, or takes one of another input.
    fn line(&mut self, input: &mut Vec<u8>, pool: &Pool) {
        let line = self.word_at(input, |byte| byte != b'\n');
        let end = (line.end + 1).min(input.len());
        let other = pool.choose(&mut self.rng);
        let moved: Vec<u8> = match self.rng.u32(0..4) {
            0 => return drop(input.drain(line.start..end)),
            1 => input.get(line.start..end).unwrap_or_default().to_vec(),
            2 => input.drain(line.start..end).collect(),
            _ => {
                let line = self.word_at(other, |byte| byte != b'\n');
                [other.get(line).unwrap_or_default(), b"\n"].concat()
            }
        };
        let at = self.word_at(input, |byte| byte != b'\n').start;
        input.splice(at..at, moved);
    }

    /// Deeper than anybody reads.
    fn nest(&mut self, input: &mut Vec<u8>) {
        let opener = self.rng.choice(OPENERS).copied().unwrap_or_default();
        let depth = 1 << self.rng.u32(4..14);
        let at = self.range(input.len());
        input.splice(at, opener.repeat(depth).into_bytes());
    }

    /// A part of it so often that it is as long as may be: what grows with the square shows.
    fn swell(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input.len());
        let part = input.get(range.clone()).unwrap_or_default().to_vec();
        // mostly not to the end: these take as long as thousands of others
        let most = if self.rng.u32(0..8) == 0 { self.longest } else { self.longest.min(2048) };
        let times = most.saturating_sub(input.len()) / part.len().max(1);
        input.splice(range.end..range.end, part.repeat(times));
    }

    // -- where

    fn byte<'a>(&mut self, input: &'a mut [u8]) -> Option<&'a mut u8> {
        let at = self.rng.usize(0..input.len().max(1));
        input.get_mut(at)
    }

    /// Mostly a short one.
    fn range(&mut self, length: usize) -> Range<usize> {
        let from = self.rng.usize(0..=length);
        let most = (1 << self.rng.u32(0..12)).min(length - from);
        from..from + self.rng.usize(0..=most)
    }

    fn empty_range(&mut self, length: usize) -> Range<usize> {
        let at = self.rng.usize(0..=length);
        at..at
    }

    /// A run of such bytes: that around a random place, or the next one after it.
    fn word_at(&mut self, input: &[u8], belongs: impl Fn(u8) -> bool) -> Range<usize> {
        let at = self.rng.usize(0..=input.len());
        let (before, after) = input.split_at_checked(at).unwrap_or((input, &[]));
        let skipped = after.iter().position(|byte| belongs(*byte)).unwrap_or(after.len());
        let length = after.iter().skip(skipped).position(|byte| !belongs(*byte));
        let end = length.map_or(input.len(), |length| at + skipped + length);
        let back = before.iter().rev().position(|byte| !belongs(*byte)).unwrap_or(before.len());
        if skipped == 0 { at - back..end } else { at + skipped..end }
    }

    fn word(&mut self) -> Vec<u8> {
        let dictionary = self.rng.choice(&self.dictionaries).filter(|words| !words.is_empty());
        let dictionary = dictionary.or(self.dictionaries.last());
        dictionary.and_then(|words| self.rng.choice(words)).cloned().unwrap_or_default()
    }
}

/// What a text is made of, and what stands in quotation marks.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let runs = text.split(|byte| !is_of_word(*byte)).filter(|word| (2..32).contains(&word.len()));
    let quoted = text.split(|byte| *byte == b'"').filter(|word| (1..64).contains(&word.len()));
    runs.chain(quoted)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Pool {
        Pool::new(vec![
            br#"{"event":"media","chunk":"7"}"#.to_vec(),
            b"id = \"x\"\nsize = 3\n".to_vec(),
            vec![],
        ])
    }

    fn made(seed: u64, count: usize) -> Vec<Vec<u8>> {
        let mut mutator = Mutator::new(seed, &pool(), &["stop"], 4096);
        (0..count).map(|_| mutator.next(&pool())).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs_and_another_makes_others() {
        assert_eq!(made(7, 200), made(7, 200));
        assert_ne!(made(7, 200), made(8, 200));
    }

    #[test]
    fn no_input_is_longer_than_it_may_be_and_all_that_can_be_done_is_done() {
        let made = made(1, 20_000);
        assert!(made.iter().all(|input| input.len() <= 4096));
        let some =
            |text: &str| made.iter().any(|input| input.windows(text.len()).any(|w| w == text.as_bytes()));
        for text in ["stop", "\"chunk\":\"18446744073709551615\"", "size = 4294967296", "[[[[[[[[", "\\ud800"]
        {
            assert!(some(text), "{text}");
        }
        assert!(made.iter().any(|input| input.len() == 4096));
        assert!(made.iter().any(|input| input.starts_with(b"size = 3\n")), "lines are moved");
    }
}
