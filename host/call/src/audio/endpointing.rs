//! When speech begins and ends, and when the caller's turn does (DESIGN, rule 2).
//!
//! A pause says little by itself: people pause for nearly a second within a sentence, and between
//! groups of digits. So how long to wait depends on what was said so far: shortly after a finished
//! sentence, longer after words that are none, longest after a number.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Endpointing {
    /// A probability of at least this is speech.
    pub confidence: f32,
    /// It must last this long to count as begun.
    pub start: Duration,
    /// And be absent this long to count as ended.
    pub stop: Duration,
    /// From the end of speech to the end of the turn, once its words are known and sound finished.
    pub min_delay: Duration,
    /// The same where they do not end like a sentence.
    pub no_punctuation_delay: Duration,
    /// The same where they end with a number, of which more may follow.
    pub number_delay: Duration,
    /// The same, whatever was said and whatever the recogniser says.
    pub max_delay: Duration,
}

impl Default for Endpointing {
    fn default() -> Self {
        Self {
            confidence: 0.5,
            start: Duration::from_millis(64),
            stop: Duration::from_millis(320),
            min_delay: Duration::from_millis(500),
            no_punctuation_delay: Duration::from_millis(1100),
            number_delay: Duration::from_millis(1500),
            max_delay: Duration::from_secs(3),
        }
    }
}

/// English words of which a number is made when it is read out.
const NUMBER_WORDS: [&str; 33] = [
    "zero",
    "oh",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
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
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "double",
    "triple",
];

impl Endpointing {
    /// How long to wait after the end of speech, when this is what was said so far.
    pub(super) fn delay(&self, said: &str) -> Duration {
        let delay = match ending(said) {
            Ending::Sentence => self.min_delay,
            Ending::Open => self.min_delay.max(self.no_punctuation_delay),
            Ending::Number => self.min_delay.max(self.number_delay),
        };
        delay.min(self.max_delay)
    }
}

/// How words end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Sentence,
    /// perhaps in the middle of a sentence
    Open,
    /// perhaps in the middle of a number
    Number,
}

fn ending(said: &str) -> Ending {
    let said = said.trim_end().trim_end_matches(['"', '\'', ')', '”', '’', '»']);
    let words = said.trim_end_matches(|c: char| !c.is_alphanumeric());
    let last = words.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
    let is_number = last.chars().any(|c| c.is_ascii_digit()) || NUMBER_WORDS.contains(&last.as_str());
    if is_number {
        // recognisers put a full stop behind every group of digits
        return if said.ends_with(['?', '!']) { Ending::Sentence } else { Ending::Number };
    }
    let ends = said.ends_with(['.', '?', '!', '。', '？', '！', '।', '؟']);
    let trails_off = said.ends_with("...") || said.ends_with('…');
    if ends && !trails_off { Ending::Sentence } else { Ending::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_sentence_is_waited_for_least_and_a_number_most() {
        for (said, expected) in [
            ("My soup was cold.", Ending::Sentence),
            ("Was it? ", Ending::Sentence),
            ("She said \"no.\"", Ending::Sentence),
            ("很好。", Ending::Sentence),
            ("My soup was", Ending::Open),
            ("Well, I think...", Ending::Open),
            ("because,", Ending::Open),
            ("", Ending::Open),
            ("It is 4 5 7", Ending::Number),
            ("It is 457.", Ending::Number),
            ("four one two", Ending::Number),
            ("Room four, one,", Ending::Number),
            ("Are you open at 10?", Ending::Sentence),
        ] {
            assert_eq!(ending(said), expected, "{said:?}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_the_longest_and_none_shorter_than_the_least() {
        let ms = Duration::from_millis;
        let endpointing = Endpointing { min_delay: ms(1300), max_delay: ms(1400), ..Endpointing::default() };
        assert_eq!(endpointing.delay("Yes."), ms(1300));
        assert_eq!(endpointing.delay("yes"), ms(1300));
        assert_eq!(endpointing.delay("1"), ms(1400));
    }
}
