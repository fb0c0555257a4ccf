//! Amounts of money, in hundredths.

use super::numbers::{ONE, Value, number};
use super::{Found, Word, at, pause_at};

/// In hundredths of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    Sure(u64),
    /// "three fifty" can be 350.00 and 3.50
    Either(u64, u64),
}

/// More than a hundred million is something else that was heard as a number.
const MOST: u64 = 10_000_000_000;

/// `bare`: a number is an amount also without a currency.
pub(super) fn find(words: &[Word], bare: bool) -> Vec<Found<Amount>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < words.len() {
        match amount(words, from, bare) {
            Some((value, to)) => {
                let vague = is_vague(words, from);
                let fits = match value {
                    Amount::Sure(value) => (1..=MOST).contains(&value),
                    Amount::Either(more, _) => more <= MOST,
                };
                if fits && !vague {
                    found.push(Found { value, from, to });
                } else {
                    // something about money that is no amount: whatever else there is, ask
                    return vec![];
                }
                from = to.max(from + 1);
            }
            None => from = number(words, from).map_or(from + 1, |(_, to)| to),
        }
    }
    found
}

fn amount(words: &[Word], from: usize, bare: bool) -> Option<(Amount, usize)> {
    // "a dollar", "a buck fifty"
    if matches!(at(words, from), "a" | "one") && is_major(at(words, from + 1)) {
        return Some(with_minor(words, 100, from + 2));
    }
    let (value, next) = number(words, from)?;
    let symbol = from.checked_sub(1).is_some_and(|before| is_symbol(at(words, before)));
    // "3 p m" is a time
    if is_minor(at(words, next)) && !symbol && at(words, next + 1) != "m" {
        return Some((Amount::Sure(sure(value)? / 100), next + 1));
    }
    if is_major(at(words, next)) {
        // nobody says "three fifty dollars" for a little more than three
        return Some(with_minor(words, sure(value)?, next + 1));
    }
    // the symbol before: "$ 3 50" is still in doubt
    // "the second one" counts nothing
    let pronoun = next == from + 1 && at(words, from) == "one";
    if symbol || (bare && !pronoun && can_end(words, next)) {
        return Some((in_hundredths(value)?, next));
    }
    None
}

/// Whether a number without a currency can end before this place: "2 people" is no amount.
fn can_end(words: &[Word], next: usize) -> bool {
    const FOLLOW: [&str; 26] = [
        "",
        "-",
        "and",
        "for",
        "or",
        "please",
        "total",
        "in",
        "altogether",
        "even",
        "exactly",
        "it",
        "it's",
        "i",
        "was",
        "is",
        "roughly",
        "about",
        "not",
        "but",
        "no",
        "sorry",
        "instead",
        "to",
        "on",
        "yes",
    ];
    pause_at(words, next.saturating_sub(1)) || FOLLOW.contains(&at(words, next))
}

/// What stands before it makes it a bound, or a negative.
fn is_vague(words: &[Word], from: usize) -> bool {
    // a symbol belongs to the amount
    let from = if from > 0 && is_symbol(at(words, from - 1)) { from - 1 } else { from };
    let before = |n: usize| from.checked_sub(n).map_or("", |place| at(words, place));
    let last = before(1);
    matches!(
        last,
        "half" | "quarter" | "over" | "under" | "minus" | "negative" | "-" | "between" | "above" | "below"
    ) || matches!((before(2), last), ("more" | "less", "than") | ("at", "least" | "most") | ("up", "to"))
}

/// "three dollars fifty", "three dollars and fifty cents".
fn with_minor(words: &[Word], major: u64, next: usize) -> (Amount, usize) {
    let skipped = next + usize::from(at(words, next) == "and");
    if let Some((Value::Sure(minor), behind)) = number(words, skipped)
        && minor < 100 * ONE
        && minor.is_multiple_of(ONE)
        && major.is_multiple_of(100)
        && (is_minor(at(words, behind))
            || (skipped == next && !pause_at(words, next - 1) && can_end(words, behind)))
    {
        let behind = behind + usize::from(is_minor(at(words, behind)));
        return (Amount::Sure(major + minor / ONE), behind);
    }
    (Amount::Sure(major), next)
}

fn sure(value: Value) -> Option<u64> {
    match value {
        Value::Sure(value) | Value::Either(value, _) => hundredths(value),
    }
}

fn in_hundredths(value: Value) -> Option<Amount> {
    Some(match value {
        Value::Sure(value) => Amount::Sure(hundredths(value)?),
        Value::Either(more, less) => Amount::Either(hundredths(more)?, hundredths(less)?),
    })
}

/// None: there is more behind the second decimal.
fn hundredths(value: u64) -> Option<u64> {
    value.is_multiple_of(ONE / 100).then_some(value / (ONE / 100))
}

fn is_symbol(word: &str) -> bool {
    matches!(word, "$" | "£" | "€")
}

fn is_major(word: &str) -> bool {
    const MAJOR: [&str; 12] = [
        "dollar", "dollars", "buck", "bucks", "usd", "pound", "pounds", "quid", "gbp", "euro", "euros", "eur",
    ];
    MAJOR.contains(&word) || is_symbol(word)
}

fn is_minor(word: &str) -> bool {
    matches!(word, "cent" | "cents" | "penny" | "pennies" | "pence" | "p")
}
