//! Telephone numbers as Twilio takes them: E.164, a `+`, the country, and at most 15 digits in all.
//!
//! A [`Number`] cannot be wrong in form. Whether anybody has it is not known here, and the country is
//! never guessed: a number without `+` is refused with a word on what to write. Callers that are no
//! numbers ("anonymous", a SIP address) are not numbers; they stay text.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// E.164 begins with no zero, and has no more digits than this.
const MOST_DIGITS: usize = 15;

/// A telephone number. It is shown whole by `Display` and with its middle hidden by `Debug`, so that
/// it does not get into a log by accident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Number(String);

/// Why something is no number. Nothing of it is shown: it may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("no telephone number was given; write + and the country, like +15555550100")]
    Empty,
    #[error("a telephone number that begins with 00; write + in place of the 00, like +442079460000")]
    DoubleZero,
    #[error(
        "a telephone number without its country; write + and the country before it, without the zero \
         that is dialled within the country, like +15555550100"
    )]
    NoPlus,
    #[error("a telephone number with {0:?} in it; write + and digits only, like +15555550100")]
    Character(char),
    #[error("a telephone number whose country begins with 0; no country does, write +15555550100")]
    LeadingZero,
    #[error("a telephone number of {0} digits; with its country it has 2 to 15, like +15555550100")]
    Length(usize),
}

impl Number {
    /// With the plus and nothing but digits behind it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For a log: see [`masked`].
    pub fn masked(&self) -> String {
        masked(&self.0)
    }
}

/// A caller with the middle hidden: `+1555***0100`. What is too short for that is hidden altogether.
pub fn masked(caller: &str) -> String {
    let count = caller.chars().count();
    if count < 8 {
        return "***".into();
    }
    let head: String = caller.chars().take(count.min(12) - 7).collect();
    let tail: String = caller.chars().skip(count - 4).collect();
    format!("{head}***{tail}")
}

impl FromStr for Number {
    type Err = NumberError;

    /// Spaces, dashes, dots, slashes and parentheses between the digits are left out.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let mut bare = text.chars().filter(|c| !is_separator(*c)).peekable();
        let plus = bare.next_if_eq(&'+').is_some();
        let digits: String = bare.collect();
        if digits.is_empty() {
            return Err(NumberError::Empty);
        }
        if let Some(other) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(NumberError::Character(other));
        }
        match plus {
            false if digits.starts_with("00") => Err(NumberError::DoubleZero),
            false => Err(NumberError::NoPlus),
            true if digits.starts_with('0') => Err(NumberError::LeadingZero),
            true if !(2..=MOST_DIGITS).contains(&digits.len()) => Err(NumberError::Length(digits.len())),
            true => Ok(Self(format!("+{digits}"))),
        }
    }
}

/// What people write between digits; the long dashes and the hard spaces come from text processors.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2015}' | '\u{202A}'..='\u{202E}')
}

impl TryFrom<String> for Number {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.0
    }
}

impl AsRef<str> for Number {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Result<String, NumberError> {
        text.parse().map(|number: Number| number.to_string())
    }

    #[test]
    fn a_number_may_be_written_as_people_write_it() {
        for written in [
            "+15555550100",
            "  +1 555 555 0100\n",
            "+1 (555) 555-0100",
            "+1.555.555.0100",
            "(+1) 555/555-0100",
            "+1\u{a0}555\u{2013}555\u{2011}0100",
        ] {
            assert_eq!(number(written).as_deref(), Ok("+15555550100"), "{written:?}");
        }
    }

    #[test]
    fn a_number_without_its_country_is_refused_with_what_to_write() {
        assert_eq!(number("5555550100"), Err(NumberError::NoPlus));
        assert_eq!(number("020 7946 0000"), Err(NumberError::NoPlus));
        assert_eq!(number("0044 20 7946 0000"), Err(NumberError::DoubleZero));
        assert!(NumberError::DoubleZero.to_string().contains("write + in place of the 00"));
        assert!(NumberError::NoPlus.to_string().contains("write + and the country"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(number(""), Err(NumberError::Empty));
        assert_eq!(number(" + "), Err(NumberError::Empty));
        assert_eq!(number("anonymous"), Err(NumberError::Character('a')));
        assert_eq!(number("+1555CALLNOW"), Err(NumberError::Character('C')));
        assert_eq!(number("++15555550100"), Err(NumberError::Character('+')));
        assert_eq!(number("+1555555٠100"), Err(NumberError::Character('٠')));
        assert_eq!(number("sip:desk@example.com"), Err(NumberError::Character('s')));
        assert_eq!(number("+05555550100"), Err(NumberError::LeadingZero));
        assert_eq!(number("+1"), Err(NumberError::Length(1)));
        assert_eq!(number("+12"), Ok("+12".into()));
        assert_eq!(number("+123456789012345"), Ok("+123456789012345".into()));
        assert_eq!(number("+1234567890123456"), Err(NumberError::Length(16)));
    }

    #[test]
    fn a_number_hides_its_middle_where_nobody_asked_for_it_whole() {
        let number: Number = "+15555550100".parse().unwrap();
        assert_eq!(number.masked(), "+1555***0100");
        assert_eq!(format!("{number:?}"), "Number(+1555***0100)");
        assert_eq!(number.to_string(), "+15555550100");
        assert_eq!(masked("+4917612345678"), "+4917***5678");
        assert_eq!(masked("12345678"), "1***5678");
        assert_eq!(masked("+12"), "***");
        assert_eq!(masked("anonymous"), "an***mous");
    }

    #[test]
    fn json_holds_a_number_as_text_and_nothing_else_becomes_one() {
        let number: Number = serde_json::from_str(r#""+1 555 555 0100""#).unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), r#""+15555550100""#);
        let error = serde_json::from_str::<Number>(r#""5555550100""#).unwrap_err();
        assert!(error.to_string().contains("without its country"), "{error}");
        assert!(serde_json::from_str::<Number>("15555550100").is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_taken_for_a_number_is_e164_and_reads_back_as_itself(text in "[+0-9 .()a-]{0,24}|.*") {
            if let Ok(number) = text.parse::<Number>() {
                let digits = number.as_str().strip_prefix('+').unwrap();
                prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert!((2..=15).contains(&digits.len()) && !digits.starts_with('0'));
                prop_assert_eq!(number.as_str().parse::<Number>(), Ok(number));
            }
        }
    }
}
