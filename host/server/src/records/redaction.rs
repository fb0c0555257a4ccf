//! What must not be kept: card numbers, and whatever the operator names by patterns.
//!
//! All that is said in a call passes here, once, before anybody else sees it: those who watch, the log
//! and the store. A number that is told over several turns is not recognised.

use anyhow::Context;
use call::Observation;
use call::persona::Turn;
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// Stands where a card number stood.
const CARD: &str = "[card number]";
/// Stands where a pattern of the operator's matched.
const WITHHELD: &str = "[withheld]";
const CARD_DIGITS: RangeInclusive<usize> = 13..=19;
/// So many digits have most of them.
const USUAL: usize = 16;
/// A compiled pattern may take so much memory, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

pub struct Redaction {
    cards: bool,
    patterns: Vec<Regex>,
}

/// Digits that were said one after the other, and where.
struct Digits {
    digits: Vec<u8>,
    /// in bytes of the text
    start: usize,
    end: usize,
    /// with them a word begins
    first: bool,
    /// and with them it ends
    last: bool,
}

impl Redaction {
    /// Fails where a pattern is none, and says which.
    pub fn new(cards: bool, patterns: &[String]) -> anyhow::Result<Self> {
        let compiled = patterns.iter().map(|pattern| {
            let built = RegexBuilder::new(pattern).size_limit(LARGEST_PATTERN).case_insensitive(true).build();
            let built = built.with_context(|| format!("`redaction.patterns`: {pattern:?} is no pattern"))?;
            anyhow::ensure!(
                !built.is_match(""),
                "`redaction.patterns`: {pattern:?} matches nothing at all, and so everywhere"
            );
            Ok(built)
        });
        Ok(Self { cards, patterns: compiled.collect::<anyhow::Result<_>>()? })
    }

    /// The same without what must not be kept.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        if self.cards
            && let Some(without) = without_cards(text)
        {
            clean = Cow::Owned(without);
        }
        for pattern in &self.patterns {
            if let Cow::Owned(without) = pattern.replace_all(&clean, WITHHELD) {
                clean = Cow::Owned(without);
            }
        }
        clean
    }

    /// Every text in it is clean.
    pub fn observation(&self, observation: Observation) -> Observation {
        match observation {
            Observation::Partial(said) => {
                Observation::Partial(call::persona::Utterance { text: self.owned(said.text), ..said })
            }
            Observation::Turn(turn) => {
                let said = call::persona::Utterance { text: self.owned(turn.said.text), ..turn.said };
                Observation::Turn(Turn { said, ..turn })
            }
            Observation::Speaks { utterance, text } => {
                Observation::Speaks { utterance, text: self.owned(text) }
            }
            Observation::Spoke { utterance, turn, text, heard, ending } => {
                let (text, heard) = (self.owned(text), self.owned(heard));
                Observation::Spoke { utterance, turn, text, heard, ending }
            }
            Observation::Kept(mut fields) => {
                for field in &mut fields {
                    field.value = match serde_json::from_str(&field.value) {
                        Ok(value) => self.value(value).to_string(),
                        // what is no JSON is at least text
                        Err(_) => self.owned(std::mem::take(&mut field.value)),
                    };
                }
                Observation::Kept(fields)
            }
            Observation::Outcome(outcome) => Observation::Outcome(self.owned(outcome)),
            Observation::Trouble(what) => Observation::Trouble(self.owned(what)),
            other @ (Observation::Caller { .. }
            | Observation::Tool { .. }
            | Observation::Times(_)
            | Observation::FailedOver(_)) => other,
        }
    }

    fn owned(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => clean,
        }
    }

    fn value(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.owned(text)),
            // a number as long as a card's is not counted with
            Value::Number(number) => match self.text(&number.to_string()) {
                Cow::Borrowed(_) => Value::Number(number),
                Cow::Owned(clean) => Value::String(clean),
            },
            Value::Array(values) => Value::Array(values.into_iter().map(|v| self.value(v)).collect()),
            Value::Object(values) => {
                Value::Object(values.into_iter().map(|(name, v)| (self.owned(name), self.value(v))).collect())
            }
            other => other,
        }
    }
}

/// None: there are no card numbers in it.
fn without_cards(text: &str) -> Option<String> {
    let mut clean = String::new();
    let mut kept = 0;
    for run in runs(text) {
        let mut from = 0;
        while from < run.len() {
            let Some(upto) = card(run.get(from..).unwrap_or_default()) else {
                from += 1;
                continue;
            };
            if let (Some(first), Some(last)) = (run.get(from), run.get(from + upto - 1)) {
                clean.push_str(text.get(kept..first.start).unwrap_or_default());
                clean.push_str(CARD);
                kept = last.end;
            }
            from += upto;
        }
    }
    if kept == 0 {
        return None;
    }
    clean.push_str(text.get(kept..).unwrap_or_default());
    Some(clean)
}

/// How many of these, from the first, are a card number: of the length that most have, wherever it ends,
/// or the longest that ends with a word.
fn card(words: &[Digits]) -> Option<usize> {
    if !words.first().is_some_and(|word| word.first) {
        return None;
    }
    let mut digits: Vec<u8> = Vec::new();
    let mut longest = None;
    for (at, word) in words.iter().enumerate() {
        digits.extend(&word.digits);
        if digits.len() > *CARD_DIGITS.end() {
            break;
        }
        let may_end = word.last || digits.len() == USUAL;
        if may_end && CARD_DIGITS.contains(&digits.len()) && is_card(&digits) {
            longest = Some(at + 1);
            if digits.len() == USUAL {
                break;
            }
        }
    }
    longest
}

/// By its first digit, which says whose card it is, and by its check digit (Luhn).
fn is_card(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(*digit) << (place % 2) {
            doubled @ 10.. => doubled - 9,
            single => single,
        })
        .sum();
    matches!(digits.first(), Some(2..=6)) && sum.is_multiple_of(10)
}

/// Words that are digits, in runs with no other word between them.
fn runs(text: &str) -> Vec<Vec<Digits>> {
    let mut runs = Vec::new();
    let mut run: Vec<Digits> = Vec::new();
    // "double four" is two digits, and begins where the "double" does
    let mut times: Option<(usize, usize)> = None;
    for (start, word) in words(text) {
        let (digits, repeat) = match spoken(word) {
            Some(Spoken::Digits(digits)) => (digits, times.take()),
            Some(Spoken::Times(n)) => {
                times = Some((n, start));
                continue;
            }
            None => {
                times = None;
                runs.push(std::mem::take(&mut run));
                continue;
            }
        };
        let (repeated, start) = repeat.unwrap_or((1, start));
        let end = offset(text, word) + word.len();
        match digits.as_slice() {
            // each where it stands, for others may be stuck to them
            [_, _, ..] if repeated == 1 => {
                for (at, digit) in digits.iter().enumerate() {
                    let (start, end) = (start + at, start + at + 1);
                    let (first, last) = (at == 0, at + 1 == digits.len());
                    run.push(Digits { digits: vec![*digit], start, end, first, last });
                }
            }
            _ => {
                run.push(Digits { digits: digits.repeat(repeated), start, end, first: true, last: true });
            }
        }
    }
    runs.push(run);
    runs
}

/// Where this part of the text begins.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Words without what surrounds them, and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(move |word| (offset(text, word), word))
}

enum Spoken {
    Digits(Vec<u8>),
    Times(usize),
}

/// None: it is no digit.
fn spoken(word: &str) -> Option<Spoken> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Spoken::Digits(word.bytes().map(|byte| byte - b'0').collect()));
    }
    const WORDS: [(&str, u8); 12] = [
        ("zero", 0),
        ("oh", 0),
        ("o", 0),
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
    ];
    if word.eq_ignore_ascii_case("double") {
        return Some(Spoken::Times(2));
    }
    if word.eq_ignore_ascii_case("triple") {
        return Some(Spoken::Times(3));
    }
    let digit = WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    digit.map(|(_, digit)| Spoken::Digits(vec![*digit]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_not_kept_however_it_is_said() {
        let redaction = Redaction::new(true, &[]).unwrap();
        for (said, kept) in [
            ("It is 4242 4242 4242 4242, thank you.", "It is [card number], thank you."),
            ("4242424242424242", "[card number]"),
            ("It is 4242-4242-4242-4242.", "It is [card number]."),
            ("3782 822463 10005 expires 12 27", "[card number] expires 12 27"),
            ("four two four two four two four two four two four two four two four two", "[card number]"),
            ("It's Four, two, double four.", "It's Four, two, double four."),
            (
                "five, five, five, five, double five, triple five, triple five, triple four, four okay",
                "[card number] okay",
            ),
            ("first 4242 4242 4242 4242 then 5555 5555 5555 4444", "first [card number] then [card number]"),
            ("4242–4242–4242–4242", "[card number]"),
            ("card:4242424242424242 1227", "card:[card number] 1227"),
            ("42424242424242421227", "[card number]1227"),
            // expiry and code behind it, in one breath
            ("4242 4242 4242 4242 12 27 123", "[card number] 12 27 123"),
        ] {
            assert_eq!(redaction.text(said), kept, "{said}");
        }
    }

    #[test]
    fn what_is_no_card_number_stays() {
        let redaction = Redaction::new(true, &[]).unwrap();
        for said in [
            "My claim number is 482 019 5531.",
            "Call me at +1 415 555 0100.",
            "4242 4242 4242 4241",
            "1234 5678 9012 3452",
            "I paid 1,250 dollars on 2026-11-21.",
            "Größe 42, ¿vale?",
            "",
        ] {
            assert_eq!(redaction.text(said), said);
        }
        assert_eq!(Redaction::new(false, &[]).unwrap().text("4242 4242 4242 4242"), "4242 4242 4242 4242");
    }

    #[test]
    fn the_operators_patterns_are_withheld_too() {
        let redaction = Redaction::new(true, &[r"\b\d{3}-\d{2}-\d{4}\b".into(), "passphrase \\w+".into()]);
        assert_eq!(
            redaction.unwrap().text("My number is 078-05-1120, Passphrase swordfish."),
            "My number is [withheld], [withheld]."
        );
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        for (pattern, why) in [("(", "is no pattern"), ("x*", "matches nothing at all")] {
            let error = format!("{:#}", Redaction::new(true, &[pattern.into()]).err().unwrap());
            assert!(error.contains("redaction.patterns") && error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_kept_is_clean_inside() {
        let redaction = Redaction::new(true, &[]).unwrap();
        let value = serde_json::json!({ "a": ["4242424242424242", 7], "b": 4242424242424242u64 });
        let clean = redaction.value(value);
        assert_eq!(clean, serde_json::json!({ "a": [CARD, 7], "b": CARD }));
    }
}
