//! Numbers, in words and in digits, up to hundreds of millions.

use super::{Word, at};

/// In ten-thousandths, so that "1.2575 million" is exact.
pub(super) const ONE: u64 = 10_000;
const MOST: u64 = 1_000_000_000 * ONE;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Sure(u64),
    /// "three fifty": three hundred and fifty, or three and fifty hundredths
    Either(u64, u64),
}

/// The number that begins here, and the place behind it.
pub(super) fn number(words: &[Word], from: usize) -> Option<(Value, usize)> {
    if let Some(run) = digit_run(words, from) {
        return Some(run);
    }
    let (mut group, mut next, mut plain) = group(words, from)?;
    let (mut total, mut last_scale) = (0_u64, u64::MAX);
    while let Some(scale) = scale(at(words, next)).filter(|scale| *scale < last_scale) {
        total = total.checked_add(group.checked_mul(scale)?)?;
        (group, last_scale, plain) = (0, scale, false);
        next += 1;
        let Some((following, behind, _)) = super::numbers::group(words, next + and(words, next)) else {
            break;
        };
        let fits = following < scale * ONE && scale_fits(at(words, behind), scale);
        if !fits {
            break;
        }
        (group, next) = (following, behind);
    }
    total = total.checked_add(group).filter(|total| *total <= MOST)?;
    if plain
        && total < 100 * ONE
        && total.is_multiple_of(ONE)
        && let Some((hundredths, behind)) = hundredths(words, next)
    {
        let together = total * 100 + hundredths * ONE;
        return Some((Value::Either(together, total + hundredths * ONE / 100), behind));
    }
    Some((Value::Sure(total), next))
}

/// A scale behind a smaller part belongs to it only if it is smaller yet.
fn scale_fits(word: &str, scale: u64) -> bool {
    self::scale(word).is_none_or(|following| following < scale)
}

fn and(words: &[Word], place: usize) -> usize {
    usize::from(at(words, place) == "and")
}

fn scale(word: &str) -> Option<u64> {
    match word {
        "thousand" | "grand" => Some(1_000),
        "million" => Some(1_000_000),
        _ => None,
    }
}

/// Up to the next scale; and whether it is so plain that it can be the half of "three fifty".
fn group(words: &[Word], from: usize) -> Option<(u64, usize, bool)> {
    let scaled = |word: &str| word == "hundred" || scale(word).is_some();
    let (mut value, mut next) = match at(words, from) {
        "a" | "an" if scaled(at(words, from + 1)) => (ONE, from + 1),
        _ => match in_digits(at(words, from)) {
            Some(value) => (value, from + 1),
            None => below_hundred(words, from).map(|(value, next)| (value * ONE, next))?,
        },
    };
    let mut plain = true;
    if at(words, next) == "and" && at(words, next + 1) == "a" && at(words, next + 2) == "half" {
        (value, next, plain) = (value + ONE / 2, next + 3, false);
    }
    if let Some((fraction, behind)) = fraction(words, next) {
        (value, next, plain) = (value.checked_add(fraction)?, behind, false);
    }
    if at(words, next) == "hundred" && value < 100 * ONE {
        (value, next, plain) = (value * 100, next + 1, false);
        let rest = next + and(words, next);
        // "between four hundred and five hundred" are two numbers
        if let Some((small, behind)) = below_hundred(words, rest).or_else(|| two_digits(words, rest))
            && at(words, behind) != "hundred"
        {
            (value, next) = (value + small * ONE, behind);
            if let Some((fraction, behind)) = fraction(words, next) {
                (value, next) = (value + fraction, behind);
            }
        }
    }
    Some((value, next, plain))
}

/// 1 to 99 in words.
pub(super) fn below_hundred(words: &[Word], from: usize) -> Option<(u64, usize)> {
    let word = at(words, from);
    if let Some(tens) = tens(word) {
        return Some(match unit(at(words, from + 1)) {
            Some(unit) => (tens + unit, from + 2),
            None => (tens, from + 1),
        });
    }
    unit(word).or_else(|| teen(word)).map(|value| (value, from + 1))
}

/// What follows "three" in "three fifty" and in "three oh five".
fn hundredths(words: &[Word], from: usize) -> Option<(u64, usize)> {
    if words.get(from.checked_sub(1)?)?.pause {
        return None;
    }
    if matches!(at(words, from), "oh" | "o") {
        return unit(at(words, from + 1)).map(|unit| (unit, from + 2));
    }
    below_hundred(words, from).or_else(|| two_digits(words, from)).filter(|(value, _)| *value >= 10)
}

pub(super) fn two_digits(words: &[Word], from: usize) -> Option<(u64, usize)> {
    let word = at(words, from);
    let digits = (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| word.parse().ok()).flatten().map(|value| (value, from + 1))
}

/// "point five", "point two five", "point twenty five".
fn fraction(words: &[Word], from: usize) -> Option<(u64, usize)> {
    if at(words, from) != "point" {
        return None;
    }
    let mut digits = String::new();
    let mut next = from + 1;
    while let Some(digit) = digit(at(words, next)) {
        digits.push_str(&digit.to_string());
        next += 1;
    }
    if digits.is_empty() {
        let (value, behind) = below_hundred(words, next).or_else(|| two_digits(words, next))?;
        (digits, next) = (format!("{value:02}"), behind);
    }
    decimals(&digits).map(|value| (value, next))
}

/// "four five zero". "Three oh five" may be an amount with hundredths.
fn digit_run(words: &[Word], from: usize) -> Option<(Value, usize)> {
    let mut next = from;
    let (mut value, mut second) = (0_u64, None);
    while let Some(digit) = digit(at(words, next)) {
        value = value.checked_mul(10)?.checked_add(digit).filter(|value| value * ONE <= MOST)?;
        if next == from + 1 {
            second = Some(digit);
        }
        next += 1;
    }
    let follows = tens(at(words, next)).or_else(|| scale(at(words, next))).is_some();
    match next - from {
        3 if second == Some(0) => Some((Value::Either(value * ONE, value * ONE / 100), next)),
        3.. if !follows && at(words, next) != "hundred" => Some((Value::Sure(value * ONE), next)),
        _ => None,
    }
}

/// "450", "1,250.50", "5k"; none: not a number, or one whose marks do not fit ("1.250,50").
pub(super) fn in_digits(word: &str) -> Option<u64> {
    let (word, scale) = word.strip_suffix('k').map_or((word, 1), |word| (word, 1_000));
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    if word.ends_with('.') || (scale == 1 && fraction.len() > 2 && !fraction.is_empty()) {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let grouped = whole.contains(',');
    if first.is_empty() || (grouped && first.len() > 3) || !groups.all(|group| group.len() == 3) {
        return None;
    }
    let whole = whole.replace(',', "");
    if whole.len() > 10 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value = whole.parse::<u64>().ok()?.checked_mul(ONE)?.checked_add(decimals(fraction)?)?;
    value.checked_mul(scale)
}

/// Up to four decimals, in ten-thousandths.
fn decimals(digits: &str) -> Option<u64> {
    if digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<4}").parse().ok()
}

pub(super) fn digit(word: &str) -> Option<u64> {
    match word {
        "zero" | "oh" | "o" | "nought" => Some(0),
        _ => unit(word),
    }
}

fn unit(word: &str) -> Option<u64> {
    const UNITS: [&str; 9] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    (1..).zip(UNITS).find(|(_, unit)| *unit == word).map(|(value, _)| value)
}

fn teen(word: &str) -> Option<u64> {
    const TEENS: [&str; 10] = [
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    (10..).zip(TEENS).find(|(_, teen)| *teen == word).map(|(value, _)| value)
}

fn tens(word: &str) -> Option<u64> {
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    (2..).zip(TENS).find(|(_, tens)| *tens == word).map(|(value, _)| value * 10)
}

/// As the days of a month are told; the first twenty are one word each.
pub(crate) const ORDINALS: [&str; 31] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "twenty-first",
    "twenty-second",
    "twenty-third",
    "twenty-fourth",
    "twenty-fifth",
    "twenty-sixth",
    "twenty-seventh",
    "twenty-eighth",
    "twenty-ninth",
    "thirtieth",
    "thirty-first",
];

/// The ordinal that begins here: "fifth", "twenty first", "5th".
pub(super) fn ordinal(words: &[Word], from: usize) -> Option<(u64, usize)> {
    let single = |word: &str| (1..=20).zip(ORDINALS).find(|(_, o)| *o == word).map(|(value, _)| value);
    let word = at(words, from);
    if let Some(tens) = tens(word)
        && let Some(unit) = single(at(words, from + 1)).filter(|unit| *unit < 10)
    {
        return Some((tens + unit, from + 2));
    }
    let in_digits = || {
        let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending))?;
        digits.parse().ok()
    };
    let thirtieth = (word == "thirtieth").then_some(30);
    single(word).or(thirtieth).or_else(in_digits).map(|value| (value, from + 1))
}
